"""Which models stand in the columns of a comparison: those of a run, one of a run's by name, or any model's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.errors import InputError
from hornbook.evaluate.completions import Completer
from hornbook.evaluate.models import open_model
from hornbook.evaluate.problem_sets.heldout import NODE
from hornbook.recipe import did_you_mean
from hornbook.run.datasets import Exercises
from hornbook.run.folder import RunFolder

OF_A_RUN = ("small", "base", "finetuned")
"""The models of a run that are compared where none is named, as in section 3 of the paper."""


@dataclass(frozen=True)
class Columns:
    """The models by label, in order, and the held-out problems where all of them are of one run."""

    models: dict[str, Completer]
    exercises: Exercises | None


def find_columns(
    targets: Sequence[str], names: Sequence[str], model_of_run: Callable[[Path, str], Completer]
) -> Columns:
    """The models of `RUN`, `RUN:NAME` and model folders; a label is a model's name where all are of one run.

    `names` are those that a run's models have. Raises InputError where a target is neither, or two would have the same
    label.
    """
    named: list[tuple[Path, str]] = []
    for target in targets:
        before, colon, name = target.rpartition(":")
        if colon and name and not Path(target).exists():
            if name not in names:
                raise InputError(
                    f"{target}: a run has no model {name!r}{did_you_mean(name, names)} There are {', '.join(names)}"
                )
            named.append((Path(before), name))
        elif RunFolder(Path(target)).identity():
            named += [(Path(target), name) for name in OF_A_RUN]
        else:
            named.append((Path(target), ""))
    runs = {folder.resolve() for folder, name in named if name}
    is_one_run = len(runs) == 1 and all(name for _, name in named)
    models: dict[str, Completer] = {}
    for folder, name in named:
        stem = folder.resolve().name
        label = stem if not name else name if is_one_run else f"{stem}-{name}"
        if label in models:
            raise InputError(f"two of the models are named {label!r}; name each one once, or rename a folder")
        models[label] = model_of_run(folder, name) if name else open_model(folder)
    heldout = RunFolder(named[0][0]).latest().get(NODE) if is_one_run else None
    return Columns(models, Exercises.load(heldout) if heldout else None)
