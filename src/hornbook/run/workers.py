"""Work on rows in several processes: results in order, memory bounded, and no process left behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from hornbook.errors import StageError
from hornbook.run.processes import end_with_parent, process_context

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
    executor = ProcessPoolExecutor(workers, mp_context=process_context(), initializer=end_with_parent)
    waiting = deque[Future[Result]]()
    try:
        for task in tasks:
            waiting.append(executor.submit(function, *task))
            if len(waiting) == TASKS_PER_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise StageError(
            f"a worker process was killed while it ran {function.__module__}.{function.__name__}; most often the "
            "machine has no memory left. Run again with fewer (--workers 1 takes none): what was done before is kept."
        ) from error
    finally:
        # Neither an error nor Ctrl-C waits for what has begun: that can be minutes.
        for process in executor._processes.values():
            process.kill()
        executor.shutdown(cancel_futures=True)
