"""The page of a comparison: how far each model gets, then every prompt with the completions in columns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hornbook.evaluate.comparison import (
    OWN_PROMPT,
    TASK,
    ComparedTask,
    GradedCompletion,
    Pair,
    pairs,
    standings,
)
from hornbook.evaluate.tasks.task import LEVELS, Level
from hornbook.release.templates import render
from hornbook.release.text import MODEL_NAMES, SET_NAMES, code_html, label_of

PAGE = "comparison.html"
SHORT_LEVELS: dict[Level, str] = {
    "parses": "parses",
    "runs": "runs",
    "api": "API",
    "clause": "clauses",
    "all_correct": "all",
}
GROUPS = {TASK: "Tasks", OWN_PROMPT: "Own prompts"}

Counts = dict[Level, tuple[int, int]]
"""(met, asked) by level."""


@dataclass(frozen=True)
class Row:
    """One line of the summary: a task, or a whole problem set."""

    title: str
    anchor: str
    cells: tuple[Counts, ...]
    """By model."""


@dataclass(frozen=True)
class Column:
    """One model's completion of one prompt."""

    name: str
    code: Markup
    graded: GradedCompletion
    reasons: tuple[tuple[str, str], ...]
    """(names of the checks, why they are not met), checks with the same reason together."""


@dataclass(frozen=True)
class Shown:
    """One prompt with its columns."""

    task: ComparedTask
    anchor: str
    prompt: Markup
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class ComparisonView:
    """All that the templates show of a comparison."""

    models: tuple[str, ...]
    levels: dict[Level, str]
    rows: tuple[Row, ...]
    """Tasks and own prompts."""
    total: Row
    """Over the rows."""
    sets: tuple[Row, ...]
    """Problem sets, each as a whole."""
    pairs: tuple[Pair, ...]
    """Over everything."""
    groups: tuple[tuple[str, tuple[Shown, ...]], ...]


def view(compared: Sequence[ComparedTask]) -> ComparisonView:
    """What a page shows of compared prompts."""
    by_kind: dict[str, list[Shown]] = {TASK: [], OWN_PROMPT: []}
    for place, task in enumerate(compared):
        by_kind.setdefault(task.kind, []).append(_shown(place, task))
    graded = [*by_kind[TASK], *by_kind[OWN_PROMPT]]
    return ComparisonView(
        models=tuple(model_name(one.model) for one in compared[0].completions) if compared else (),
        levels=SHORT_LEVELS,
        rows=tuple(Row(one.task.title, one.anchor, _counts([one])) for one in graded),
        total=Row("all of them", "", _counts(graded)),
        sets=tuple(
            Row(f"{group_title(kind)} ({len(shown)})", shown[0].anchor, _counts(shown))
            for kind, shown in by_kind.items()
            if kind not in GROUPS
        ),
        pairs=tuple(pairs(compared)),
        groups=tuple((group_title(kind), tuple(shown)) for kind, shown in by_kind.items() if shown),
    )


def write_comparison_page(out: Path, compared: Sequence[ComparedTask], protocol: Mapping[str, str | int]) -> Path:
    """Writes the page, whole in itself, into a folder and returns its path. Equal inputs give equal bytes."""
    path = out / PAGE
    settings = [(label_of(key), str(value)) for key, value in protocol.items()]
    path.write_text(
        render("comparison.html.j2", {"comparison": view(compared), "settings": settings}), encoding="utf-8"
    )
    return path


def group_title(kind: str) -> str:
    """The heading over the prompts of one kind."""
    return GROUPS.get(kind, SET_NAMES.get(kind, kind))


def model_name(label: str) -> str:
    """A model's name for people."""
    return MODEL_NAMES.get(label, label)


def _counts(shown: Sequence[Shown]) -> tuple[Counts, ...]:
    return tuple(standing.levels for standing in standings([one.task for one in shown]))


def _shown(place: int, task: ComparedTask) -> Shown:
    columns = tuple(
        Column(
            model_name(one.model),
            code_html(one.completion) if one.completion.strip() else Markup(""),
            one,
            _reasons(one),
        )
        for one in task.completions
    )
    return Shown(task, f"prompt-{place + 1}", code_html(task.prompt), columns)


def _reasons(graded: GradedCompletion) -> tuple[tuple[str, str], ...]:
    missed = [check for check in graded.checks if not check.is_met and check.detail]
    if len(missed) > 2 and len({check.detail for check in missed}) == 1:
        return (("all that is missed", missed[0].detail),)
    return tuple(
        (", ".join(check.name for check in checks), detail)
        for detail, checks in itertools.groupby(missed, key=lambda check: check.detail)
    )


def summary_lines(compared: Sequence[ComparedTask]) -> list[str]:
    """How far each model gets, in lines for the terminal: a row a level, then a row a task with the clauses met."""
    graded = [task for task in compared if task.kind in GROUPS]
    lines: list[str] = []
    if graded:
        found = standings(graded)
        names = [model_name(one.model) for one in found]
        lines += _table(
            f"{len(graded)} tasks",
            names,
            [(words, [_of(one.levels[level]) for one in found]) for level, words in LEVELS.items()],
        )
        lines += [
            "",
            *_table(
                "clauses followed",
                names,
                [(task.title, [_of(one.count("clause")) for one in task.completions]) for task in graded],
            ),
        ]
    for kind in dict.fromkeys(task.kind for task in compared if task.kind not in GROUPS):
        tasks = [task for task in compared if task.kind == kind]
        found = standings(tasks)
        cells = [_of(one.levels["all_correct"]) for one in found]
        lines += ["", *_table(group_title(kind), [model_name(one.model) for one in found], [("all correct", cells)])]
    return lines[1:] if lines and not lines[0] else lines


def _of(count: tuple[int, int]) -> str:
    met, asked = count
    return f"{met} of {asked}" if asked else "-"


def _table(corner: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    first = max(len(corner), *(len(title) for title, _ in rows))
    widths = [max(len(name), *(len(cells[place]) for _, cells in rows)) for place, name in enumerate(names)]
    return [
        "  ".join(
            [f"{title:<{first}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))]
        ).rstrip()
        for title, cells in ((corner, names), *rows)
    ]
