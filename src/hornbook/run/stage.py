"""What makes a plain function a stage of the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from hornbook.run.artifact import Artifact

Parameters = ParamSpec("Parameters")
Output = TypeVar("Output", bound=Artifact)


@dataclass(frozen=True)
class Stage(Generic[Parameters, Output]):
    """A function `(inputs, config, out) -> Artifact` with the version of its logic.

    Calling it runs the function. The runner passes by keyword: artifacts of earlier stages, sections of the recipe
    and plain values (which together are its identity), `out`, the folder to write into, and `machine` where the
    function asks for it.
    """

    function: Callable[Parameters, Output]
    version: int
    selects: bool = False
    """Whether leaving rows out is what the stage is asked for, so that `max_drop_fraction` does not bound it."""
    distributed: bool = False
    """Whether all processes of a world run it together, each with the same arguments; the main one alone otherwise."""
    loads: str = ""
    """A module that its processes need; it is loaded when the run begins (`hornbook.run.processes.load_ahead`)."""

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Output:
        """Runs the function."""
        return self.function(*args, **kwargs)


def stage(
    version: int, selects: bool = False, distributed: bool = False, loads: str = ""
) -> Callable[[Callable[Parameters, Output]], Stage[Parameters, Output]]:
    """Marks a stage. Raise the version whenever the same inputs would give another output than before."""

    def wrap(function: Callable[Parameters, Output]) -> Stage[Parameters, Output]:
        return Stage(function, version, selects, distributed, loads)

    return wrap
