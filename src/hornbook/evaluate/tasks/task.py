"""What a graded task is: a prompt, and for each clause of its instruction a check of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hornbook.evaluate.forms import FUNCTION, CompletionForm

Level = Literal["parses", "runs", "api", "clause", "all_correct"]
LEVELS: dict[Level, str] = {
    "parses": "parses",
    "runs": "runs",
    "api": "uses the right API",
    "clause": "clauses followed",
    "all_correct": "all correct",
}
"""What a completion can reach, from the least to the most, with the words for people."""

PARSES, RUNS, ALL_CORRECT = LEVELS["parses"], LEVELS["runs"], LEVELS["all_correct"]


@dataclass(frozen=True)
class Check:
    """One thing that is asked of a completion, judged in a process of its own."""

    name: str
    level: Level
    tests: str = ""
    """Source that defines `check(candidate)`. Empty for `parses`, which shows in any verdict, and for `all_correct`
    where it means no more than all the other checks together."""


@dataclass(frozen=True)
class Clause:
    """One thing that the instruction of a task asks for."""

    name: str
    tests: str
    """Source that defines `check(candidate)`; runs after the task's `preamble`. It wants positive evidence: a function
    that does nothing meets no clause."""


@dataclass(frozen=True)
class Task:
    """A prompt that every model completes, with its checks."""

    task_id: str
    title: str
    prompt: str
    entry_point: str
    """The name that `check` is called with; empty: no check needs one."""
    checks: tuple[Check, ...]
    """From `parses` to `all_correct`, in the order of the instruction."""
    shows: str = ""
    """What the task tells about a model, for the page."""
    source: str = ""
    """Where the paper has its example."""
    reference: str = ""
    """A completion that meets every check."""
    stand_in: str = ""
    """Source that runs before the program and puts stand-ins of libraries in place."""
    imports: tuple[str, ...] = ()
    """Large libraries that its programs import: loaded once, before any program's time starts."""
    form: CompletionForm = FUNCTION
    """Where a completion ends, and what it is."""
    is_prose: bool = False
    """Whether a completion is a text with code in it and no program: `check` gets the text itself."""


def graded(
    *,
    task_id: str,
    title: str,
    shows: str,
    source: str,
    prompt: str,
    entry_point: str,
    runs: str,
    api: Clause,
    clauses: tuple[Clause, ...],
    all_correct: str,
    reference: str,
    preamble: str = "",
    parses: str = "",
    stand_in: str = "",
    imports: tuple[str, ...] = (),
    form: CompletionForm = FUNCTION,
    is_prose: bool = False,
) -> Task:
    """A task of the suite, which asks at every level; `preamble` is put in front of every check's tests."""

    def check(name: str, level: Level, tests: str) -> Check:
        return Check(name, level, f"{preamble}\n{tests}" if tests else "")

    return Task(
        task_id=task_id,
        title=title,
        prompt=prompt,
        entry_point=entry_point,
        checks=(
            check(PARSES, "parses", parses),
            check(RUNS, "runs", runs),
            check(api.name, "api", api.tests),
            *(check(clause.name, "clause", clause.tests) for clause in clauses),
            check(ALL_CORRECT, "all_correct", all_correct),
        ),
        shows=shows,
        source=source,
        reference=reference,
        stand_in=stand_in,
        imports=imports,
        form=form,
        is_prose=is_prose,
    )
