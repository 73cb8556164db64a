"""The process that forks: a judge, and for each program a process of its own.

It never sees the text of a program or a test, nor a verdict: these pass between hornbook and the judge. So there is
nothing of them in the memory that programs are forked from. A judge is used again for the next program, unless its
tests could have left something behind; a program's process never is.

    hornbook <- requests, verdicts -> judge <- calls, results -> program
    hornbook <- more judges, time's up -> zygote <- done, the next -> judge
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import stat
import time
from typing import Any, NoReturn

from hornbook.evaluate.sandbox.inside.child import CHANNEL, Walls
from hornbook.evaluate.sandbox.inside.judge_process import judge_all
from hornbook.evaluate.sandbox.inside.peer import Peer
from hornbook.evaluate.sandbox.inside.program import answer
from hornbook.evaluate.sandbox.inside.protocol import (
    BY_ITSELF,
    DONE,
    GONE,
    HANDED,
    LEAST_SHARE,
    MORE,
    NEW,
    NEWS,
    ORDER,
    PATIENCE,
    TIMED_OUT,
    TOO_MANY_PROCESSES,
    TOO_MUCH_MEMORY,
)
from hornbook.evaluate.sandbox.inside.watch import Watch, cpu_s

LOOK_S = 0.1
MOST_TO_DIE_S = 0.05
"""How long a program's process that has closed its channel may take to end before it is ended."""


class Program:
    """A process for a program."""

    def __init__(self, pid: int, channel: int, folder: str) -> None:
        self.pid, self.channel, self.folder = pid, channel, folder
        self.status: int | None = None
        """Its wait status, once it has ended."""


class Judge:
    """A judge, and the program's process that it has."""

    def __init__(self, number: int, pid: int, line: socket.socket, program: Program) -> None:
        self.number, self.pid, self.line = number, pid, line
        self.programs_done = 0
        self.why = BY_ITSELF
        self.take(program)

    def take(self, program: Program) -> None:
        """Has a new program's process."""
        self.program, self.started = program, time.monotonic()
        self.is_overdue = False
        self._cpu_before_s = cpu_s(self.pid)

    @property
    def cpu_s(self) -> float:
        """CPU time that the program and its tests have used."""
        return cpu_s(self.program.pid) + cpu_s(self.pid) - self._cpu_before_s


class Zygote:
    """Forks, watches, ends and reaps; single-threaded."""

    def __init__(self, control: socket.socket, walls: Walls, watch: Watch | None, folder: str) -> None:
        self._control, self._walls, self._watch, self._folder = control, walls, watch, folder
        self._judges: dict[int, Judge] = {}
        """By the descriptor of the line to them."""
        self._programs: dict[int, Program] = {}
        """Those whose end nobody has seen yet, by pid."""
        self._spare: Program | None = None
        self._poll = select.poll()
        self._made = self._folders = 0

    def serve(self) -> None:
        """Works until the other end of the control socket is closed."""
        self._poll.register(self._control, select.POLLIN)
        self._add_judge()
        looked = time.monotonic()
        while True:
            for descriptor, _ in self._poll.poll(1000 * LOOK_S):
                # A judge may have been removed since, by an order that came with its own news.
                if descriptor in self._judges:
                    self._listen(self._judges[descriptor])
                elif descriptor == self._control.fileno() and not self._obey():
                    return self._end_everything()
            for program in list(self._programs.values()):
                self._reap(program)
            if time.monotonic() - looked >= LOOK_S:
                for judge in list(self._judges.values()):
                    self._look(judge)
                looked = time.monotonic()

    def _obey(self) -> bool:
        data = self._control.recv(ORDER.size)
        if len(data) < ORDER.size:
            return False
        order, number, program = ORDER.unpack(data)
        if order == MORE:
            self._add_judge()
            return True
        for judge in list(self._judges.values()):
            # It may have been done in the meantime, and be busy with the next one.
            if judge.number == number and judge.programs_done == program:
                judge.is_overdue = True
                self._look(judge)
        return True

    def _add_judge(self) -> None:
        self._made += 1
        theirs, to_hornbook = socket.socketpair()
        line, to_zygote = socket.socketpair()
        program = self._take_program()
        pid = os.fork()
        if pid == 0:
            self._be_a_judge(to_hornbook.detach(), to_zygote.detach())
        judge = Judge(self._made, pid, line, program)
        self._judges[line.fileno()] = judge
        self._poll.register(line, select.POLLIN)
        for one in (to_hornbook, to_zygote):
            one.close()
        self._hand_over(judge, 0)
        socket.send_fds(self._control, [NEWS.pack(NEW, judge.number, 0, 0)], [theirs.fileno()])
        theirs.close()

    def _hand_over(self, judge: Judge, last_status: int) -> None:
        """Gives the judge the channel to a new program's process, and says how the last one ended."""
        socket.send_fds(judge.line, [HANDED.pack(last_status)], [judge.program.channel])
        os.close(judge.program.channel)

    def _listen(self, judge: Judge) -> None:
        try:
            said = judge.line.recv(1)
        except OSError:
            said = b""
        if not said:
            self._remove(judge)
            return
        # Where it is not done but was left, how the program's process ended is worth knowing.
        status = 0 if said == DONE else self._wait_for_end(judge.program)
        self._end(judge.program)
        judge.take(self._take_program())
        judge.programs_done += 1
        with contextlib.suppress(OSError):
            self._hand_over(judge, status)
        if self._walls.world is not None:
            # The next program's process shuts itself in while this program runs.
            self._spare = self._spare or self._fork_program()

    def _remove(self, judge: Judge) -> None:
        del self._judges[judge.line.fileno()]
        self._poll.unregister(judge.line)
        judge.line.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(judge.pid, signal.SIGKILL)
        _, status = os.waitpid(judge.pid, 0)
        self._end(judge.program)
        with contextlib.suppress(OSError):
            self._control.sendall(NEWS.pack(GONE, judge.number, judge.why, status))

    def _take_program(self) -> Program:
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.status is None else self._fork_program()

    def _fork_program(self) -> Program:
        ours, theirs = socket.socketpair()
        folder = self._make_folder() if self._walls.world is None else ""
        pid = self._walls.fork()
        if pid == 0:
            self._be_a_program(theirs.detach(), folder)
        theirs.close()
        self._programs[pid] = Program(pid, ours.detach(), folder)
        return self._programs[pid]

    def _be_a_program(self, channel: int, folder: str) -> NoReturn:
        leave = os._exit
        try:
            os.dup2(channel, CHANNEL)
            try:
                self._walls.shut_program_in(folder)
            except OSError as error:
                Peer(CHANNEL).send("broken", str(error))
                leave(1)
            answer(CHANNEL)
        finally:
            # Neither exit handlers nor threads of the program get to run after the verdict.
            leave(1)

    def _be_a_judge(self, to_hornbook: int, to_zygote: int) -> NoReturn:
        try:
            first, second = os.dup(to_hornbook), os.dup(to_zygote)
            os.dup2(first, CHANNEL)
            os.dup2(second, CHANNEL + 1)
            os.closerange(CHANNEL + 2, 2**16)
            self._walls.shut_judge_in()
            judge_all(socket.socket(fileno=CHANNEL), socket.socket(fileno=CHANNEL + 1))
            os._exit(0)
        finally:
            os._exit(1)

    def _look(self, judge: Judge) -> None:
        program, limits = judge.program, self._walls.limits
        if judge.is_overdue and self._has_had_its_time(judge):
            self._stop(judge, TIMED_OUT)
        elif self._watch is not None and time.monotonic() - judge.started > LOOK_S:
            in_world = self._walls.world is not None
            below = self._watch.below(program.pid) if in_world else self._watch.of_session(program.pid)
            if len(below) > limits["processes"]:
                self._stop(judge, TOO_MANY_PROCESSES)
            elif self._watch.private_bytes(below) > limits["memory_mb"] * 2**20:
                self._stop(judge, TOO_MUCH_MEMORY)

    def _has_had_its_time(self, judge: Judge) -> bool:
        limit = self._walls.limits["timeout_s"]
        both = (judge.program.pid, judge.pid)
        if self._watch is None or len(self._judges) == 1 or time.monotonic() - judge.started > PATIENCE * limit:
            return True
        return judge.cpu_s >= LEAST_SHARE * limit or not any(map(self._watch.wants_to_run, both))

    def _stop(self, judge: Judge, why: int) -> None:
        judge.why = why
        self._remove(judge)

    def _end(self, program: Program) -> None:
        if program.status is None:
            os.kill(program.pid, signal.SIGKILL)
        if self._walls.world is None:
            # Nothing ends with it; and the next program is not to start beside what it has left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGKILL)
            self._reap(program, 0)
            self._kill_what_is_left()
            _remove_folder(program.folder)

    def _wait_for_end(self, program: Program) -> int:
        given_up = time.monotonic() + MOST_TO_DIE_S
        while program.status is None and time.monotonic() < given_up:
            self._reap(program)
            time.sleep(0.0005)
        return program.status or 0

    def _reap(self, program: Program, options: int = os.WNOHANG) -> None:
        if program.status is None:
            found, status = os.waitpid(program.pid, options)
            if found:
                program.status = status
                del self._programs[program.pid]

    def _kill_what_is_left(self) -> None:
        """Ends processes that left the program's session; they have become children of this process."""
        if self._watch is None:
            return
        known = {os.getpid(), *self._programs, *(judge.pid for judge in self._judges.values())}
        while left := [pid for pid in self._watch.below(os.getpid()) if pid not in known]:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _end_everything(self) -> None:
        for judge in list(self._judges.values()):
            self._remove(judge)
        if self._spare is not None:
            self._end(self._spare)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        if self._walls.world is None:
            _remove_folder(self._folder)

    def _make_folder(self) -> str:
        self._folders += 1
        folder = os.path.join(self._folder, f"work-{self._folders}")
        os.mkdir(folder, 0o700)
        return folder


def _remove_folder(folder: str) -> None:
    """Removes a folder whatever rights a program left it with."""
    # Only here: it loads much that programs' processes would have to carry.
    import shutil

    def retry(_: Any, path: str, __: Any) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            os.chmod(path, stat.S_IRWXU)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    shutil.rmtree(folder, onerror=retry)
