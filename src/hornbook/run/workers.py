"""Work on rows in several processes: results in order, memory bounded, and no process left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from joblib import Parallel, delayed

Result = TypeVar("Result")

TASKS_PER_WORKER = 8
"""Tasks that are taken at once for each worker; a round ends when all of them have."""
SECONDS_BETWEEN_CHECKS = 1.0


def in_workers(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], workers: int) -> Iterator[Result]:
    """Yields `function(*task)` for each task, in order, computed by so many processes.

    The function must be importable. Tasks are read in this thread and in rounds: joblib would read them in a thread of
    its own, where an error is lost and all hangs. The processes end with this one, also when it is killed.
    """
    tasks = iter(tasks)
    with Parallel(n_jobs=workers, backend="loky", initializer=end_with, initargs=(os.getpid(),)) as parallel:
        while taken := list(islice(tasks, TASKS_PER_WORKER * workers)):
            yield from parallel(delayed(function)(*task) for task in taken)


def end_with(parent: int) -> None:
    """Ends this process soon after its parent is gone; loky's own workers outlive a parent that is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_CHECKS)
        os._exit(1)

    if os.getpid() != parent:
        threading.Thread(target=watch, daemon=True).start()
