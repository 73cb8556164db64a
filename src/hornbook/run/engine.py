"""What spreads a data stage's work over its shards: Daft, on this machine or on a Ray cluster, by the same code.

A shard is a unit of work and of resume. Daft runs a plain function over shards in the threads of this process
(`native`) or in the processes of a cluster (`ray`), and joins and groups the small tables that come of it.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

from hornbook.errors import HornbookError, InputError, MissingDependencyError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

QUIET = {
    "DAFT_ANALYTICS_ENABLED": "0",
    "DAFT_PROGRESS_BAR": "0",
    "DO_NOT_TRACK": "true",
    "RAY_DISABLE_DASHBOARD": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment of a process with an engine: nothing is sent anywhere, and progress is ours to show."""

_ADDRESS = re.compile(r"ray://[^\s/:]+:[0-9]{1,5}")


def check_engine(engine: str) -> str:
    """The engine as given: `native`, `ray` (a cluster of this machine alone) or `ray://HOST:PORT`.

    Raises InputError for another word, MissingDependencyError where Ray is asked for and not installed.
    """
    if engine == "native":
        return engine
    if engine != "ray" and _ADDRESS.fullmatch(engine) is None:
        raise InputError(f"--engine {engine!r}: choose native, ray or ray://HOST:PORT")
    if find_spec("ray") is None:
        raise MissingDependencyError("ray", f"--engine {engine}", "ray")
    return engine


def start_engine(engine: str, workers: int) -> None:
    """Makes Daft run by this engine in this process, for good: a process has one engine.

    `workers` bounds the threads of `native` and the processors of `ray`; a cluster has its own.
    Raises as `check_engine` does, and InputError where no cluster answers.
    """
    check_engine(engine)
    os.environ.update(QUIET)
    import daft

    if engine == "native":
        daft.set_runner_native(num_threads=workers)
        return
    import ray

    for name in ("ray", "daft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if engine != "ray":
            ray.init(address=engine, **quiet)
    except (ConnectionError, RuntimeError, TimeoutError) as error:
        raise InputError(
            f"--engine {engine}: no Ray cluster answers ({error}). Is it running, and the port open? "
            "One that asks for a token needs RAY_AUTH_MODE=token here, and the token where Ray looks for it."
        ) from None
    if engine == "ray":
        # Never a cluster that happens to run here: that is asked for by its address.
        ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
    daft.set_runner_ray(noop_if_initialized=True)


def stop_engine() -> None:
    """Ends what `start_engine` started outside this process; a cluster at an address goes on."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()


def over_shards(function: Callable[[Task], Outcome], tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Yields `function(task)` for each task, in the order of the tasks; comes after `start_engine`.

    Function, tasks and outcomes go through pickle. With `native` the function runs in threads, so it should spend its
    time where Python's lock is let go. An error of the function's ends it all and is raised here as it was.
    """
    import daft

    if not tasks:
        return
    frame = daft.from_pydict({"task": [pickle.dumps(task) for task in tasks]})
    if is_distributed():
        frame = frame.into_partitions(len(tasks))

    def apply(pickled: Any) -> list[bytes]:
        return [apply_pickled(function, task) for task in pickled.to_pylist()]

    applied: Any = daft.func.batch(return_dtype=daft.DataType.binary(), batch_size=1, use_process=False)(apply)
    for batch in frame.select(applied(frame["task"]).alias("outcome")).to_arrow_iter():
        for pickled in batch.column("outcome").to_pylist():
            yield outcome_of(pickled)


def is_distributed() -> bool:
    """Whether the engine of this process is a cluster."""
    import daft

    return bool(daft.runners.get_or_create_runner().name == "ray")


def portable_error(error: BaseException) -> BaseException:
    """The error itself where it can go to another process, else a RuntimeError that shows it; with its traceback.

    Pickle loses tracebacks; a note carries this one's text, but not of errors that a user is to read.
    """
    shown = "".join(traceback.format_exception(error))
    if not isinstance(error, HornbookError) and not hasattr(error, "__notes__"):
        error.add_note(f"In another process:\n{shown}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"an error that cannot be pickled:\n{shown}")
    return error


def apply_pickled(function: Callable[[Any], object], pickled: bytes) -> bytes:
    """A task's outcome and no error, or the other way round: an engine wraps errors, each in its own way."""
    try:
        return pickle.dumps((function(pickle.loads(pickled)), None))
    except BaseException as error:
        return pickle.dumps((None, portable_error(error)))


def outcome_of(applied: bytes) -> Any:
    """The outcome that `apply_pickled` gave. Raises the error where it gave one."""
    outcome, error = pickle.loads(applied)
    if error is not None:
        raise error
    return outcome
