"""The built-in teacher's held-out compositions: what no model of the run was trained on."""

from __future__ import annotations

from pathlib import Path

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import ProblemSet
from hornbook.run.datasets import Exercises
from hornbook.run.folder import RunFolder

NODE = "decontaminate_codeexercises"
"""The node of a run that holds them, cleaned of what the training exercises repeat."""


def from_exercises(exercises: Exercises) -> ProblemSet:
    """The held-out problems of an artifact; `groups` has the number of operations of each."""
    depths = {row.task_id: len(row.operations) for row in exercises.read_heldout() if row.operations}
    return ProblemSet("heldout", tuple(exercises.problems()), FUNCTION, "held out by the run's teacher", depths)


def from_run(folder: Path) -> ProblemSet:
    """The held-out problems of a finished run. Raises RunFolderError where it has none."""
    return from_exercises(Exercises.load(RunFolder(folder.expanduser()).latest_artifact(NODE)))
