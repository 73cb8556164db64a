"""How a run starts other processes: as forks of one that has loaded what they need.

To load libraries and compiled loops takes a process longer than many a stage's work. So a single process loads them,
the fork server of Python's `multiprocessing`, and what is forked from it can begin at once. It runs no code of a stage.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, forkserver
from multiprocessing.context import ForkServerContext

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of these processes: there are as many as cores, or as many threads in them."""


def load_ahead(modules: Iterable[str]) -> None:
    """Has modules imported for the processes that will be asked for, and does not wait for it.

    The first to call this decides: nothing happens where such processes have been started before. A module that cannot
    be imported there says so to whoever imports it later. Nothing is loaded where a fork is only safe in a process that
    has not loaded much, which is on macOS.
    """
    is_safe = sys.platform == "linux"
    forkserver.set_forkserver_preload(["__main__", *modules] if is_safe else [])
    process_context()


def process_context() -> ForkServerContext:
    """What starts processes as forks of the one that has loaded what it was told to."""
    with _environment(ONE_THREAD):
        forkserver.ensure_running()
    return multiprocessing.get_context("forkserver")


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
