"""How a run starts other processes: as forks of one that has loaded what they need.

To load libraries and compiled loops takes a process longer than many a stage's work. So a single process loads them,
the fork server of Python's `multiprocessing`, and what is forked from it can begin at once. It runs no code of a stage.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

from hornbook.errors import InputError, StageError

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of these processes: there are as many as cores, or as many threads in them."""
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Environment in which Python does not look for modules in the folder that a command is given in."""
MAX_TEMPORARY_FOLDER = 75
"""Bytes of a temporary folder's path; a socket in a folder of it has a name of at most 107."""
SECONDS_TO_DIE = (0.1, 0.9, 0.0)
"""How long is waited after each try to start a process."""


def load_ahead(modules: Iterable[str]) -> None:
    """Has modules imported for the processes that will be asked for, and does not wait for it.

    The first to call this decides: nothing happens where such processes have been started before. A module that is not
    found there says so to whoever imports it later; one that fails otherwise leaves nothing to fork. Nothing is loaded
    where a fork is only safe in a process that has not loaded much, which is on macOS.
    """
    is_safe = sys.platform == "linux"
    forkserver.set_forkserver_preload(["__main__", *modules] if is_safe else [])
    process_context()


def process_context() -> ForkServerContext:
    """What starts processes as forks of the one that has loaded what it was told to.

    They and that one do not notice a Ctrl-C, which a terminal sends to all: who asked for them ends them.
    Their environment is the one at the first call. Raises InputError where the temporary folder has too long a name.
    """
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) > MAX_TEMPORARY_FOLDER:
        raise InputError(
            f"the temporary folder {folder} has too long a name for a socket in it. Name another: TMPDIR=/tmp"
        )
    with _environment(ONE_THREAD | SAFE_PATH):
        # It lets Ctrl-C through when it has started, so it starts first.
        resource_tracker.ensure_running()
        with _without_interrupts():
            forkserver.ensure_running()
    return multiprocessing.get_context("forkserver")


def start_process(function: Callable[..., object], *args: object) -> tuple[BaseProcess, connection.Connection]:
    """A new process that calls `function(connection, *args)`, and this one's end of the connection.

    Raises StageError where the process that it is a fork of dies again and again, and as `process_context` does.
    """
    for seconds in SECONDS_TO_DIE:
        with suppress(EOFError, ConnectionError):
            return _fork(function, args)
        # What was killed a moment ago looks alive until the system is done with it; then another is started.
        time.sleep(seconds)
    raise StageError(
        "the process that starts others has died; what it said is above, or the machine's memory is full. "
        "Run again: what was done before is kept."
    )


def _fork(function: Callable[..., object], args: tuple[object, ...]) -> tuple[BaseProcess, connection.Connection]:
    ours, theirs = connection.Pipe()
    try:
        with theirs:
            process = process_context().Process(target=function, args=(theirs, *args))
            process.start()
    except BaseException:
        ours.close()
        raise
    return process, ours


def end_with_parent() -> None:
    """Has this process end at once when the one that asked for it is gone, however that came."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "called in a process that nobody has asked for"

    def watch(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for what is started in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Blocks Ctrl-C for what is started in the block; here it comes afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
