"""A data stage's work in a process of its own, which leaves at once when its output is whole.

The process holds an engine (`hornbook.run.engine`), whose runtime can crash while an interpreter shuts down, after
everything has been written. So this one never shuts down: it ends with `os._exit`.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from hornbook.errors import StageError
from hornbook.run.engine import portable_error, start_engine, stop_engine
from hornbook.run.machine import Machine
from hornbook.run.processes import end_with_parent, start_process
from hornbook.run.progress import Meter, meter

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

SECONDS_TO_LEAVE = 60.0
LAST_WORDS_CHARS = 2000
UNKNOWN_CODE = 255
"""What `multiprocessing` has for a process whose fork server is gone, and with it who knows how the process ended."""


class Report:
    """How the work tells the process that waits how far it is, by the connection between them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, label: str, total: int, unit: str = "files") -> None:
        """A new part of the work begins; as `hornbook.run.progress.meter`."""
        self._connection.send(("start", (label, total, unit)))

    def advance(self, count: int = 1, *, num_bytes: int = 0, takes_time: bool = True) -> None:
        """Counts finished units of the part; as `Meter.advance`."""
        self._connection.send(("advance", (count, num_bytes, takes_time)))


def in_data_process(
    stage: str,
    machine: Machine,
    function: Callable[Concatenate[Report, Parameters], Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """`function(report, ...)` in a new process with the machine's engine running; shows what it reports.

    The function must be importable, its arguments and result go through pickle. What it raises is raised here. The
    process ends with this one, also when this one is killed or interrupted. Raises StageError where it dies.
    """
    # What libraries write there is shown only where the process dies of what it cannot say otherwise.
    with tempfile.NamedTemporaryFile() as log:
        process, connection = start_process(serve, log.name)
        with connection:
            try:
                connection.send((function, args, kwargs, machine.engine, machine.workers))
                kind, content = _follow(connection)
                process.join(SECONDS_TO_LEAVE)
            except (EOFError, ConnectionError):
                process.join()
                kind, content = "error", _death(stage, process.exitcode or 0, log.name)
            finally:
                # Also where a Ctrl-C came; the work survives a kill at any moment.
                process.kill()
                process.join()
        if process.exitcode not in (0, UNKNOWN_CODE):
            raise _death(stage, process.exitcode or 0, log.name)
    if kind == "error":
        raise content
    result: Result = content
    return result


def serve(connection: Connection, log: str) -> None:
    """What the new process does: the work that comes by the connection. Never returns."""
    with open(log, "ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    end_with_parent()
    message: tuple[str, Any]
    try:
        function, args, kwargs, engine, workers = connection.recv()
        start_engine(engine, workers)
        message = ("result", function(Report(connection), *args, **kwargs))
    except BaseException as error:
        message = ("error", portable_error(error))
    stop_engine()
    connection.send(message)
    sys.stderr.flush()
    os._exit(0)


def _follow(connection: Connection) -> tuple[str, Any]:
    """Shows the progress that comes and returns the last message: `result` or `error`, and what it is."""
    with ExitStack() as shown:
        current: Meter | None = None
        while True:
            kind, content = connection.recv()
            if kind == "start":
                shown.close()
                current = shown.enter_context(meter(*content))
            elif kind == "advance":
                assert current is not None
                count, num_bytes, takes_time = content
                current.advance(count, num_bytes=num_bytes, takes_time=takes_time)
            else:
                return kind, content


def _death(stage: str, code: int, log: str) -> StageError:
    """What to say of a process that ended without a word, or with another code than 0 after its last."""
    words = Path(log).read_text(errors="replace").strip()[-LAST_WORDS_CHARS:]
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with code {code}"
    hint = " (the machine's memory may be full)" if code == -signal.SIGKILL else ""
    return StageError(
        f"stage {stage}: its process {how}{hint}. Run again: the shards that are done are kept."
        + (f" Its last words:\n{words}" if words else "")
    )
