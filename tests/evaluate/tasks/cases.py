"""Golden cases of a task: right solutions written in other ways, and wrong ones with the checks that each misses."""

from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.evaluate.clauses import grade_completions
from hornbook.evaluate.tasks.task import ALL_CORRECT, PARSES, RUNS, Task

EMPTY = ("", "\n    return []\n")
NEVER_PARSES, RAISES = "\n    return (", "\n    raise ValueError\n"


@dataclass(frozen=True)
class Cases:
    """Solutions of one task."""

    task: Task
    right: Sequence[str]
    """Next to the reference."""
    wrong: Sequence[tuple[str, set[str]]]
    """With the names of the checks that it misses next to `all correct`."""


def changed(text: str, *replacements: tuple[str, str]) -> str:
    """A text with something else in the places that are named."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def missed(asked: Sequence[tuple[Task, str]]) -> list[set[str]]:
    """The names of the checks that each (task, completion) does not meet."""
    graded = grade_completions(asked, policy="required", workers=2)
    for (task, _), results in zip(asked, graded, strict=True):
        assert [result.name for result in results] == [check.name for check in task.checks]
        # A reader is told why.
        assert all(bool(result.detail) != result.is_met for result in results), results
    return [{result.name for result in results if not result.is_met} for results in graded]


def check_cases(*several: Cases) -> None:
    """Right solutions miss nothing, wrong ones just what they break, and what does nothing meets nothing.

    Tasks that are checked together share the time that it takes to load large libraries.
    """
    asked = []
    for cases in several:
        texts = [cases.task.reference, *cases.right, *(text for text, _ in cases.wrong), *EMPTY, NEVER_PARSES, RAISES]
        asked += [(cases.task, text) for text in texts]
    found = {(task.task_id, text): names for (task, text), names in zip(asked, missed(asked), strict=True)}
    for cases in several:
        check_found(cases, {text: names for (task_id, text), names in found.items() if task_id == cases.task.task_id})


def check_found(cases: Cases, found: dict[str, set[str]]) -> None:
    for text in (cases.task.reference, *cases.right):
        assert found[text] == set(), (text, found[text])
    for text, broken in cases.wrong:
        assert found[text] == broken | {ALL_CORRECT}, (text, found[text])
    everything = {check.name for check in cases.task.checks}
    # Every check can be missed, or it would show nothing.
    assert len(cases.wrong) >= 5
    assert set().union(*(broken for _, broken in cases.wrong)) >= everything - {PARSES, RUNS, ALL_CORRECT}
    for text in EMPTY:
        assert found[text] >= everything - {PARSES, RUNS}, (text, found[text])
    assert found[NEVER_PARSES] == everything
    assert found[RAISES] == everything - {PARSES}
