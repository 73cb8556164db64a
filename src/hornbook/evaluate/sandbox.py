"""Runs programs that a model wrote against their tests, each in a process of its own, and says how they did.

What is covered: each program runs in a forked child of a warm process with its own session, a scrubbed environment,
a temporary working folder that is removed, no inherited descriptors, output to /dev/null, limits on address space,
CPU time, file size, open files and processes, and a wall-clock limit after which everything it started
is killed, also what left its session. A verdict comes only from tests that ran to their end: exits, exceptions,
printed text, exit handlers, threads, replaced builtins, a redefined `check`, forged or closed descriptors and results
of the program's own class that are equal to anything do not score.

What is not covered, until the sandbox has namespaces and Landlock: a program reads every file that the user may read,
writes where the user may write, uses the network, and can signal the user's processes (the warm process is replaced
when a program kills it, but what it had started by then may live on). As root, the number of processes is looked at ten
times a second instead of limited, and only within the program's own session. Code that looks for the judge on purpose
(walks its frames for the secret, sets a trace function, patches modules that the tests import, opens the judge's
descriptors under /proc) can still forge a verdict.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import psutil

from hornbook.errors import MissingDependencyError, StageError

VerdictName = Literal["passed", "wrong_answer", "exception", "syntax_error", "timed_out", "crashed"]
VERDICTS: tuple[VerdictName, ...] = ("passed", "wrong_answer", "exception", "syntax_error", "timed_out", "crashed")

WORKER = Path(__file__).with_name("sandbox_worker.py")
GRACE_S = 5.0
"""How long after a program's own limit its warm process may take to answer."""
START_S = 120.0
"""How long warm imports may take."""


@dataclass(frozen=True)
class Program:
    """A program and the tests that judge it."""

    source: str
    tests: str = ""
    """Source that defines `check(candidate)`; sees the program's names, and its text as PROGRAM_SOURCE."""
    entry_point: str = ""
    """The function that `check` is called with. Empty: the program passes when it and `tests` run to their end."""


@dataclass(frozen=True)
class Limits:
    """What one program may use."""

    timeout_s: float = 3.0
    memory_mb: int = 1024
    """Address space on top of what the warm process maps."""
    file_mb: int = 16
    open_files: int = 64
    processes: int = 32
    """More than the user has; as root, in the program's session."""


@dataclass(frozen=True)
class Verdict:
    """How a program did."""

    passed: bool
    verdict: VerdictName
    detail: str
    """The exception or the failed assertion, cut to 500 characters."""
    seconds: float
    """Wall-clock time; differs from run to run, so it belongs in no result file."""


class Sandbox:
    """Warm processes that run programs. A context manager: leaving it ends the processes and removes their folders."""

    def __init__(self, limits: Limits, *, warm_imports: Sequence[str] = ()) -> None:
        """Modules in `warm_imports` are imported once per worker, before any program's time starts."""
        self.limits = limits
        self.warm_imports = tuple(warm_imports)
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._workers:
            self._workers.pop().close()

    def run_all(
        self, programs: Sequence[Program], *, workers: int, on_progress: Callable[[int], None] | None = None
    ) -> list[Verdict]:
        """Verdicts in the order of the programs. `on_progress` gets 1 for each finished program."""
        while len(self._workers) < min(workers, len(programs)):
            self._workers.append(_Worker(self.limits, self.warm_imports))
        verdicts: list[Verdict | None] = [None] * len(programs)
        waiting = iter(range(len(programs)))
        with selectors.DefaultSelector() as selector:
            for worker in self._workers[: max(1, workers)]:
                self._give_next(worker, programs, waiting, selector)
            while selector.get_map():
                now = time.monotonic()
                deadlines = [key.data.deadline for key in selector.get_map().values()]
                ready = {key.data for key, _ in selector.select(max(0.0, min(deadlines) - now))}
                now = time.monotonic()
                for worker in [key.data for key in selector.get_map().values()]:
                    if worker not in ready and worker.deadline > now:
                        continue
                    selector.unregister(worker.replies)
                    verdicts[worker.busy_with] = worker.take_verdict(is_ready=worker in ready)
                    if on_progress is not None:
                        on_progress(1)
                    self._give_next(worker, programs, waiting, selector)
        return cast(list[Verdict], verdicts)

    def _give_next(
        self, worker: _Worker, programs: Sequence[Program], waiting: Any, selector: selectors.BaseSelector
    ) -> None:
        index = next(waiting, None)
        if index is not None:
            worker.give(index, programs[index])
            selector.register(worker.replies, selectors.EVENT_READ, worker)


class _Worker:
    """One warm process, replaced when a program takes it down."""

    def __init__(self, limits: Limits, warm_imports: tuple[str, ...]) -> None:
        self._limits, self._warm_imports = limits, warm_imports
        self.busy_with = -1
        self.deadline = 0.0
        self._start()

    def _start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hornbook-sandbox-"))
        # Not -I: it would ignore PYTHONHASHSEED. -P and -s keep the rest of what it does.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", "-W", "ignore", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env={
                "PATH": os.defpath,
                "HOME": str(self._folder),
                "TMPDIR": str(self._folder),
                "MPLCONFIGDIR": str(self._folder),
                "MPLBACKEND": "Agg",
                "LANG": "C.UTF-8",
                "PYTHONHASHSEED": "0",
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self.replies = self._process.stdout.fileno()
        self._send({"limits": asdict(self._limits), "warm_imports": self._warm_imports})
        answer = self._receive(START_S)
        if answer is None:
            self.close()
            raise StageError(f"sandbox: the process that runs programs did not start ({sys.executable})")
        if not answer["ready"]:
            self.close()
            raise MissingDependencyError(", ".join(self._warm_imports), f"the sandbox ({answer['error']})", "dev")

    def give(self, index: int, program: Program) -> None:
        """Hands over a program; the verdict is to be taken when `replies` can be read or `deadline` has passed."""
        message = {"source": program.source, "tests": program.tests, "entry_point": program.entry_point}
        try:
            self._send(message)
        except BrokenPipeError:
            # Died while idle: nobody's verdict depends on it.
            self._restart()
            self._send(message)
        self.busy_with = index
        self.deadline = time.monotonic() + self._limits.timeout_s + GRACE_S

    def take_verdict(self, *, is_ready: bool) -> Verdict:
        """The verdict on the program that it was given; starts afresh where the process has died or hangs."""
        answer = self._receive(GRACE_S) if is_ready else None
        if answer is None:
            self._restart()
            reason = "killed the process that ran it" if is_ready else "stopped the process that ran it"
            return Verdict(False, "crashed", reason, self._limits.timeout_s)
        name = cast(VerdictName, answer["verdict"])
        return Verdict(name == "passed", name, answer["detail"], answer["seconds"])

    def _restart(self) -> None:
        self.close()
        self._start()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        data = memoryview(struct.pack("<I", len(body)) + body)
        while data:
            data = data[os.write(self._requests, data) :]

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        header = self._read_exactly(4, timeout_s)
        body = None if header is None else self._read_exactly(struct.unpack("<I", header)[0], timeout_s)
        return None if body is None else json.loads(body)

    def _read_exactly(self, size: int, timeout_s: float) -> bytes | None:
        data = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.replies, selectors.EVENT_READ)
            while len(data) < size:
                if not selector.select(timeout_s):
                    return None
                chunk = os.read(self.replies, size - len(data))
                if not chunk:
                    return None
                data += chunk
        return data

    def close(self) -> None:
        """Ends the process and all that it started, and removes its folder."""
        with_descendants: list[psutil.Process] = []
        try:
            root = psutil.Process(self._process.pid)
            with_descendants = [*root.children(recursive=True), root]
        except psutil.NoSuchProcess:
            pass
        for process in with_descendants:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)
