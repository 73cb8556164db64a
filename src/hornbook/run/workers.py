"""Work on rows in several processes: results in order, memory bounded, and no process left behind.

Each process has a connection of its own, and a thread here that hands it one task after another. Those of
`concurrent.futures` share one queue with its lock: one that is killed while it writes a result leaves the others, and
whoever reads, waiting for good.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeVar

from hornbook.errors import StageError
from hornbook.run.engine import apply_pickled, outcome_of
from hornbook.run.processes import end_with_parent, start_process

Result = TypeVar("Result")

TASKS_PER_WORKER = 8
"""Tasks for each worker that may be under way or done before the first of them is taken."""


def in_workers(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], workers: int) -> Iterator[Result]:
    """Yields `function(*task)` for each task, in order, computed by so many processes; by this one where it is one.

    The function must be importable. Tasks are read in this thread, a few ahead of the results that are taken. The
    processes end with the last result, with an error, and with this process, also when it is killed. Raises StageError
    where the system has killed one of them.
    """
    if workers == 1:
        yield from (function(*task) for task in tasks)
        return
    threads = ThreadPoolExecutor(workers)
    started: list[_Worker] = []
    idle = SimpleQueue[_Worker]()
    waiting = deque[Future[Result]]()

    def compute(task: tuple[Any, ...]) -> Result:
        worker = idle.get()
        try:
            return worker.compute(function, task)
        finally:
            idle.put(worker)

    try:
        for task in tasks:
            if len(started) < workers:
                started.append(_Worker())
                idle.put(started[-1])
            waiting.append(threads.submit(compute, task))
            if len(waiting) == TASKS_PER_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Neither an error nor Ctrl-C waits for what has begun: that can be minutes.
        for worker in started:
            worker.kill()
        threads.shutdown(cancel_futures=True)


class _Worker:
    """A process that does one task at a time."""

    def __init__(self) -> None:
        self._process, self._connection = start_process(_serve)

    def compute(self, function: Callable[..., Result], task: tuple[Any, ...]) -> Result:
        pickled = pickle.dumps((function, task))
        try:
            self._connection.send_bytes(pickled)
            answer = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise StageError(
                f"a worker process was killed while it ran {function.__module__}.{function.__name__}; most often the "
                "machine has no memory left. Run again with fewer (--workers 1 takes none): what was done before is "
                "kept."
            ) from error
        result: Result = outcome_of(answer)
        return result

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(connection: Connection) -> None:
    """What a worker does: tasks, until nobody has one."""
    end_with_parent()
    while True:
        try:
            asked = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(apply_pickled(_call, asked))


def _call(asked: tuple[Callable[..., Result], tuple[Any, ...]]) -> Result:
    function, task = asked
    return function(*task)
