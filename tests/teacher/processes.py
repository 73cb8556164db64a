"""Programs of a few lines, each in a process of its own that is forked from one with the imports.

A new interpreter would take a second for the imports alone.
"""

import contextlib
import io
import multiprocessing
import sys
from multiprocessing.connection import Connection

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["openai", "hornbook.synthesize.requests", "hornbook.teacher.batch", "hornbook.teacher.openai"]
)


class Forked:
    """A process that runs the program; `words` are its arguments."""

    def __init__(self, program: str, *words: object) -> None:
        self._line, theirs = FORKING.Pipe(duplex=False)
        # A daemon: one that a failing test leaves behind ends with the tests.
        self._process = FORKING.Process(target=_run, args=(program, [str(word) for word in words], theirs), daemon=True)
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, or minus the signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float = 60.0) -> int:
        self._process.join(timeout_s)
        code = self._process.exitcode
        assert code is not None, f"it still runs after {timeout_s} s"
        self._line.close()
        return code

    def kill(self) -> None:
        self._process.kill()
        self.wait()

    def printed(self, timeout_s: float = 60.0) -> str:
        """What it printed, when it has ended."""
        assert self._line.poll(timeout_s), f"it still runs after {timeout_s} s"
        text: str = self._line.recv()
        self.wait()
        return text


def _run(program: str, words: list[str], line: Connection) -> None:
    sys.argv = ["-c", *words]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, {"__name__": "__main__"})
    line.send(printed.getvalue())
