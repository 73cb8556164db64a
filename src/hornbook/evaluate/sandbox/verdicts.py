"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerdictName = Literal["passed", "wrong_answer", "exception", "syntax_error", "timed_out", "crashed"]
VERDICTS: tuple[VerdictName, ...] = ("passed", "wrong_answer", "exception", "syntax_error", "timed_out", "crashed")
Judged = Literal["apart", "together"]


@dataclass(frozen=True)
class Program:
    """A program and the tests that judge it."""

    source: str
    tests: str = ""
    """Source that defines `check(candidate)`; has the program's text as PROGRAM_SOURCE."""
    entry_point: str = ""
    """The function that `check` is called with. Empty: the program passes when it and `tests` run to their end."""
    given: str = ""
    """Trusted source whose names the tests may use."""
    judged: Judged = "apart"
    """Where the tests run.

    `apart`: in a process that never executes a line of `source`. `candidate` is a stand-in that sends its arguments to
    the program's process and gives back the result: None, bool, int, float, complex, str, bytes, bytearray, list,
    tuple, dict, set, frozenset, range, slice, deque, the dicts of `collections`, Decimal, Fraction, date, timedelta,
    iterators and functions; subclasses of these as what they hold, numpy's numbers as Python's. Changes of arguments
    in place are carried back, builtin exceptions raised again, others as one of their nearest builtin class. A value of
    another type is a wrong answer whose detail says so.

    `together`: in the program's process, for tests that look at objects of the program's own; they see its names.
    Without an `entry_point` always so.
    """


@dataclass(frozen=True)
class Limits:
    """What one program may use."""

    timeout_s: float = 3.0
    """Of wall-clock time. While more programs are at work than cores, not before a quarter of it on a core."""
    memory_mb: int = 1024
    """Address space of each process on top of what the warm process maps, and memory of all of them together."""
    file_mb: int = 16
    """Of one file; with namespaces, of all of them together."""
    open_files: int = 64
    processes: int = 32
    """And threads."""


@dataclass(frozen=True)
class Verdict:
    """How a program did."""

    passed: bool
    verdict: VerdictName
    detail: str
    """The exception or the failed assertion, cut to 500 characters."""
    seconds: float
    """Wall-clock time; differs from run to run, so it belongs in no result file."""
