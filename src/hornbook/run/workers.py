"""Work on rows in several processes: results in order, memory bounded, and no process left behind."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from hornbook.errors import StageError

Result = TypeVar("Result")

TASKS_PER_WORKER = 8
"""Tasks for each worker that may be under way or done before the first of them is taken."""
SECONDS_BETWEEN_CHECKS = 1.0
SECONDS_KEPT = 60
"""How long workers wait for the next stage's tasks before they end."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of a worker: there are as many as cores."""


def in_workers(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], workers: int) -> Iterator[Result]:
    """Yields `function(*task)` for each task, in order, computed by so many processes; by this one where it is one.

    The function must be importable. Tasks are read in this thread, a few ahead of the results that are taken: joblib's
    `Parallel` would read them in a thread of its own, where an error is lost and all hangs. The processes end with this
    one, also when it is killed, and after an error. Raises StageError where the system has killed one of them.
    """
    if workers == 1:
        yield from (function(*task) for task in tasks)
        return
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    executor = get_reusable_executor(
        workers, timeout=SECONDS_KEPT, initializer=end_with, initargs=(os.getpid(),), env=ONE_THREAD
    )
    waiting = deque[Future[Result]]()
    try:
        for task in tasks:
            waiting.append(executor.submit(function, *task))
            if len(waiting) == TASKS_PER_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except GeneratorExit:
        # Nobody wants the rest; what has begun ends, and the workers wait for what comes next.
        for future in waiting:
            future.cancel()
        raise
    except TerminatedWorkerError as error:
        raise StageError(
            f"a worker process was killed while it ran {function.__module__}.{function.__name__}; most often the "
            "machine has no memory left. Run again with fewer (--workers 1 takes none): what was done before is kept."
        ) from error
    except BaseException:
        # Neither an error nor Ctrl-C waits for what has begun: that can be minutes.
        _end_at_once(executor)
        raise


def _end_at_once(executor: Any) -> None:
    """Kills the workers. The next call starts others."""
    # loky (joblib 1.6) forgets its calls when it kills, and then stumbles over the numbers of those not handed out yet.
    with suppress(queue.Empty, AttributeError):
        while True:
            executor._work_ids.get_nowait()
    executor.shutdown(kill_workers=True)


def end_with(parent: int) -> None:
    """Ends this process soon after its parent is gone; loky's own workers outlive a parent that is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_CHECKS)
        os._exit(1)

    if os.getpid() != parent:
        threading.Thread(target=watch, daemon=True).start()
