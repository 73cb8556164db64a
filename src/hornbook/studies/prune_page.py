"""The pages, the table and the lines of a pruning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.recipe import SizeName
from hornbook.release.text import SET_NAMES, code_html, p_value, percent
from hornbook.studies.ablation import SIGNIFICANT
from hornbook.studies.matches import NUM_PAIRS
from hornbook.studies.plots import Estimate, plot_thresholds
from hornbook.studies.pruned import GROUPS, Cell, Group, Kind, Outcome, Row
from hornbook.studies.sizes import SIZE_LABELS
from hornbook.studies.write import markdown_table, text_table, write_json, write_page, write_text

PAGE, PAIRS_PAGE, TABLE, NUMBERS = "prune.html", "prune-pairs.html", "prune.md", "prune.json"
KINDS: dict[Kind, str] = {
    "base": "base",
    "all": "all exercises",
    "matched": "pruned",
    "random": "random",
}
GROUP_NAMES: dict[Group, str] = {"similar": "similar", "non_similar": "non-similar", "all": "all"}


@dataclass(frozen=True)
class ShownRow:
    """A line of the table: one group of problems at one threshold."""

    tau: str
    pruned: str
    group: Group
    count: str
    cells: tuple[Cell, ...]
    paired: PairedComparison | None


@dataclass(frozen=True)
class ShownTable:
    """One problem set."""

    set_name: str
    title: str
    verdict: str
    note: str
    plots: list[tuple[str, Markup]]
    rows: list[ShownRow]


@dataclass(frozen=True)
class ShownPair:
    """A problem beside its nearest exercise."""

    rate: float
    problem: str
    problem_code: Markup
    exercise: str
    exercise_code: Markup


def write_pruning(folder: Path, name: str, size: SizeName, outcome: Outcome) -> list[str]:
    """Writes pages, table and numbers into a run's folder; the lines for the terminal. Equal inputs, equal bytes."""
    shown = [_shown_table(set_name, rows) for set_name, rows in outcome.tables.items()]
    first = next(iter(outcome.tables.values()))[0]
    context = {
        "study": "pruning",
        "name": name,
        "tables": shown,
        "num_seeds": outcome.num_seeds,
        "remarks": outcome.remarks,
        "made": [
            ("model", SIZE_LABELS[size]),
            ("exercises before pruning", f"{first.num_exercises:,}"),
            ("problem sets that exercises were compared with", ", ".join(table.title for table in shown)),
            ("finetuning", "as many steps of as many tokens in each case; fewer exercises are read more often"),
        ],
    }
    write_page(folder / PAGE, "prune.html.j2", context)
    groups = [(SET_NAMES.get(set_name, set_name), _pairs(outcome, set_name)) for set_name in outcome.tables]
    write_page(
        folder / PAIRS_PAGE,
        "prune_pairs.html.j2",
        {"study": "pruning", "name": name, "groups": groups, "num_pairs": NUM_PAIRS},
    )
    parts, lines = [], []
    for table in shown:
        header, rows = plain_table(table)
        parts += [f"## {table.title}\n", markdown_table(header, rows), table.verdict + "\n"]
        lines += [table.title, *text_table(header, rows), table.verdict, ""]
    write_text(folder / TABLE, "\n".join(parts))
    write_json(folder / NUMBERS, numbers(outcome))
    return [*lines, *outcome.remarks]


def plain_table(table: ShownTable) -> tuple[list[str], list[list[str]]]:
    """Table 3 in text: header and rows."""
    header = ["tau", "dropped", "problems", "count", *KINDS.values(), "pruned less random"]
    rows = [
        [
            row.tau,
            row.pruned,
            GROUP_NAMES[row.group],
            row.count,
            *(cell_text(cell) for cell in row.cells),
            "-" if row.paired is None else f"{100 * row.paired.difference:+.1f}",
        ]
        for row in table.rows
    ]
    return header, rows


def cell_text(cell: Cell) -> str:
    """pass@1 in percent with its interval."""
    if cell.pass_at_1 is None or cell.low is None or cell.high is None:
        return "-"
    return f"{percent(cell.pass_at_1)} [{100 * cell.low:.1f}, {100 * cell.high:.1f}]"


def _shown_table(set_name: str, rows: Sequence[Row]) -> ShownTable:
    title = SET_NAMES.get(set_name, set_name)
    shown = [
        ShownRow(
            tau=f"{row.threshold:g}" if group == GROUPS[0] else "",
            pruned=f"{row.num_pruned:,} ({percent(row.pruned_share)})" if group == GROUPS[0] else "",
            group=group,
            count=str(row.cells["all", group].num_problems),
            cells=tuple(row.cells[kind, group] for kind in KINDS),
            paired=row.against_random[group],
        )
        for row in rows
        for group in GROUPS
    ]
    plots = [
        (f"{GROUP_NAMES[group]} problems", Markup(_plot(title, rows, group)))
        for group in GROUPS
        if any(row.cells["all", group].num_problems for row in rows)
    ]
    return ShownTable(set_name, title, verdict(rows), _note(rows), plots, shown)


def _plot(title: str, rows: Sequence[Row], group: Group) -> str:
    drawn: tuple[Kind, ...] = ("matched", "random", "all")
    series = {KINDS[kind]: [_estimate(row.cells[kind, group]) for row in rows] for kind in drawn}
    name = f"{title}, {GROUP_NAMES[group]} problems"
    return plot_thresholds(name, [row.threshold for row in rows], series)


def _estimate(cell: Cell) -> Estimate | None:
    if cell.pass_at_1 is None or cell.low is None or cell.high is None:
        return None
    return Estimate(cell.pass_at_1, cell.low, cell.high)


def verdict(rows: Sequence[Row]) -> str:
    """What the lowest threshold says, which prunes most."""
    row = rows[-1]
    similar, others = row.against_random["similar"], row.against_random["non_similar"]
    start = f"At τ = {row.threshold:g}, {percent(row.pruned_share)} of the exercises are pruned"
    if not any(row.cells["all", "all"].by_seed):
        return f"{start}, and the model with all exercises solves none of these problems: there is no score to explain."
    if similar is None:
        return f"{start}, and no problem is similar to any."
    told = f"{start}; on similar problems that costs {_cost(similar.difference)} points more than the control"
    told += f" (95% interval {_cost(similar.high)} to {_cost(similar.low)}, {p_value(similar.p_value)})"
    if others is not None:
        told += f", on the others {_cost(others.difference)} points"
    by_seed = zip(row.cells["random", "similar"].by_seed, row.cells["matched", "similar"].by_seed, strict=True)
    return f"{told}. {_finding(similar.p_value, [without - control for control, without in by_seed])}"


def _cost(gain: float) -> str:
    """A gain of this share as a cost in points; 0 has no minus sign."""
    return f"{round(-100 * gain, 1) + 0.0:+.1f}"


def _finding(p: float, gains: Sequence[float]) -> str:
    """What may be said of the exercises by the test over problems and the gains of each seed."""
    if len(gains) == 1:
        return "This is between these two models; there is one seed, so it is not between the exercises they read."
    nothing_shown = "no part of the score is shown to come from near copies."
    if p >= SIGNIFICANT:
        return f"p is {SIGNIFICANT:g} or more: {nothing_shown}"
    if max(gains) < 0:
        return (
            "So pruning costs more there than fewer exercises explain; at most that much of the score came from near "
            "copies."
        )
    if min(gains) > 0:
        return "So pruning costs less there than as many exercises at random."
    return f"The seeds disagree on the sign: {nothing_shown}"


def _note(rows: Sequence[Row]) -> str:
    """Of thresholds whose models are the same ones."""
    groups: dict[int, list[str]] = {}
    for row in rows:
        groups.setdefault(row.num_pruned, []).append(f"{row.threshold:g}")
    unpruned, *others = groups.pop(0, []), *groups.values()
    notes = [f"At τ = {', '.join(unpruned)} nothing is pruned."] if unpruned else []
    notes += [f"At τ = {', '.join(same)} the same exercises are pruned." for same in others if len(same) > 1]
    return " ".join(notes)


def _pairs(outcome: Outcome, set_name: str) -> list[ShownPair]:
    return [
        ShownPair(p.rate, p.problem, code_html(p.problem_code), p.exercise, code_html(p.exercise_code))
        for p in outcome.pairs
        if p.set_name == set_name
    ]


def numbers(outcome: Outcome) -> dict[str, Any]:
    """Every number of the page, for other programs."""
    return {
        "num_seeds": outcome.num_seeds,
        "sets": {
            set_name: [
                {
                    "threshold": row.threshold,
                    "num_pruned": row.num_pruned,
                    "num_exercises": row.num_exercises,
                    "pass_at_1": {
                        kind: {group: asdict(cell) for (_, group), cell in cells}
                        for kind, cells in groupby(row.cells.items(), key=lambda item: item[0][0])
                    },
                    "pruned_less_random": {
                        group: None if paired is None else asdict(paired)
                        for group, paired in row.against_random.items()
                    },
                }
                for row in rows
            ]
            for set_name, rows in outcome.tables.items()
        },
        "remarks": list(outcome.remarks),
    }
