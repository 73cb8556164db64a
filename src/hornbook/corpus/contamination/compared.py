"""The problems that training rows are compared with, read by the names that evaluation has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hornbook.errors import MissingDependencyError
from hornbook.evaluate.problem_sets import load_set
from hornbook.recipe import DecontaminateConfig, split_problem_set
from hornbook.records import Problem
from hornbook.run.datasets import Exercises


@dataclass(frozen=True)
class Compared:
    """Problems of benchmarks, whose text nobody here wrote, and a run's held-out problems, which a grammar did."""

    benchmark: tuple[Problem, ...]
    heldout: tuple[Problem, ...]
    num_problems: Mapping[str, int]
    """By the label of their set; 0 where the set is not installed."""


def load_compared(config: DecontaminateConfig, exercises: Exercises) -> Compared:
    """The problems that a recipe compares with, the held-out ones of `exercises` always among them.

    A problem that two sets have is there once. Raises InputError where a set cannot be used; `humaneval` without its
    package is left out.
    """
    heldout = exercises.problems()
    benchmark: list[Problem] = []
    num_problems = {"heldout": len(heldout)}
    for name in compared_names(config):
        try:
            found = load_set(name)
        except MissingDependencyError:
            num_problems["humaneval"] = 0
            continue
        (heldout if is_heldout(name) else benchmark).extend(found.problems)
        num_problems[found.label] = num_problems.get(found.label, 0) + len(found.problems)
    return Compared(tuple(dict.fromkeys(benchmark)), tuple(dict.fromkeys(heldout)), num_problems)


def compared_identities(config: DecontaminateConfig) -> tuple[str, ...]:
    """What the sets are compared as and hold, for the fingerprint: `benchmark ID` or `heldout ID`, in their order.

    An ID follows contents, not paths, and is empty for `humaneval` without its package. The order counts, because an
    overlap is put down to the first problem that has it. The run's own held-out problems are not among them: they come
    with the artifact that holds them.
    """
    identities = []
    for name in compared_names(config):
        try:
            identity = load_set(name).identity
        except MissingDependencyError:
            identity = ""
        identities.append(f"{'heldout' if is_heldout(name) else 'benchmark'} {identity}")
    return tuple(identities)


def is_heldout(name: str) -> bool:
    """Whether the problems of a set come from the grammar of a teacher, and so are compared as held-out ones."""
    return name.startswith("heldout")


def compared_names(config: DecontaminateConfig) -> Sequence[str]:
    """The sets besides the run's own held-out problems, each once.

    MBPP is read with a docstring of its own: the prompt with examples shows three other problems before each one.
    """
    names = []
    for text in config.problems:
        name, place = split_problem_set(text)
        if (name, place) != ("heldout", ""):
            names.append(f"mbpp-docstring:{place}" if name == "mbpp" and place else text)
    return list(dict.fromkeys(names))
