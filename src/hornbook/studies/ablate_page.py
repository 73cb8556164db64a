"""The page, the tables and the lines of an ablation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.release.text import SET_NAMES, short_count
from hornbook.studies.ablate import DATA, DataName
from hornbook.studies.ablation import DATA_NAMES, PAPER, PART_NAMES, Kind, Outcome, Spread, Step, kind_name
from hornbook.studies.plots import plot_groups
from hornbook.studies.sizes import SIZE_LABELS
from hornbook.studies.write import markdown_table, text_table, write_json, write_page, write_text

PAGE, TABLE, NUMBERS = "ablate.html", "ablate.md", "ablate.json"
COLUMN_NAMES = {"unfiltered": "unfiltered", "filtered": "filtered", "textbooks": "filtered + textbooks"}


@dataclass(frozen=True)
class ShownStep:
    """A step of the paper's order as the page shows it."""

    label: str
    problems: str
    paired: PairedComparison
    verdict: str
    is_in_paper: bool


def write_ablation(folder: Path, name: str, outcome: Outcome) -> list[str]:
    """Writes page, table and numbers into a run's folder; the lines for the terminal. Equal inputs give equal bytes."""
    num_seeds = len(next(iter(outcome.kinds[0].bits_per_byte.values())).values)
    header, rows = whole_table(outcome)
    context = {
        "study": "ablation",
        "name": name,
        "num_seeds": num_seeds,
        "score_plots": _score_plots(outcome),
        "loss_plots": _loss_plots(outcome),
        "score_tables": _page_tables(outcome, score_columns(outcome)),
        "loss_tables": _page_tables(outcome, loss_columns(outcome)),
        "remarks": outcome.remarks,
        "paper": ", ".join(f"{100 * value:.1f}%" for value in PAPER.values()),
        "verdicts": verdict_lines(outcome),
        "steps": [_shown(step, outcome) for step in outcome.steps],
        "made": _made(outcome, num_seeds),
    }
    write_page(folder / PAGE, "ablate.html.j2", context)
    write_text(folder / TABLE, "\n".join([markdown_table(header, rows), *verdict_lines(outcome), ""]))
    write_json(folder / NUMBERS, numbers(outcome))
    return [*text_table(header, rows), "", *verdict_lines(outcome), *outcome.remarks]


Columns = dict[str, Callable[[Kind], str]]
"""What a table says of each kind of model, by its header."""


def score_columns(outcome: Outcome) -> Columns:
    """pass@1 on each problem set."""

    def of(name: str) -> Callable[[Kind], str]:
        return lambda kind: spread_text(kind.pass_at_1[name], 100, 1)

    return {f"{SET_NAMES.get(name, name)}, %": of(name) for name in outcome.kinds[0].pass_at_1}


def loss_columns(outcome: Outcome) -> Columns:
    """Bits per byte of each part of the held-out text."""

    def of(part: str) -> Callable[[Kind], str]:
        return lambda kind: spread_text(kind.bits_per_byte[part], 1, 3)

    return {PART_NAMES[part]: of(part) for part in outcome.kinds[0].bits_per_byte}


def whole_table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row a kind of model, a column a problem set or a part of the held-out text."""
    losses = {f"{name}, bits/byte": cell for name, cell in loss_columns(outcome).items()}
    columns = {**score_columns(outcome), **losses}
    rows = [
        [
            f"{SIZE_LABELS[kind.size]}: {kind_name((kind.data, kind.is_finetuned))}",
            *(cell(kind) for cell in columns.values()),
        ]
        for kind in _ordered(outcome.kinds)
    ]
    return ["trained on", *columns], rows


def _page_tables(outcome: Outcome, columns: Columns) -> list[tuple[str, list[str], list[tuple[str, bool, list[str]]]]]:
    """For each size: its title, the header, and per row (name, whether it is the last of the paper's, cells)."""
    tables = []
    for size in dict.fromkeys(kind.size for kind in outcome.kinds):
        rows = [
            (
                kind_name((kind.data, kind.is_finetuned)),
                kind.data == "textbooks" and kind.is_finetuned,
                [cell(kind) for cell in columns.values()],
            )
            for kind in _ordered(outcome.kinds)
            if kind.size == size
        ]
        tables.append((f"The {SIZE_LABELS[size]} model", list(columns), rows))
    return tables


def _ordered(kinds: Sequence[Kind]) -> list[Kind]:
    """Size by size; data sets in the paper's order, before finetuning first."""
    return sorted(
        kinds, key=lambda kind: (list(SIZE_LABELS).index(kind.size), kind.is_finetuned, DATA.index(kind.data))
    )


def spread_text(spread: Spread, scale: float, decimals: int) -> str:
    """The mean, and the standard deviation where there are several seeds."""
    mean = f"{scale * spread.mean:.{decimals}f}"
    return mean if spread.deviation is None else f"{mean} ± {scale * spread.deviation:.{decimals}f}"


def verdict_lines(outcome: Outcome) -> list[str]:
    """By size and problem set: how many of the paper's own steps come out as there."""
    lines = []
    for size in dict.fromkeys(step.size for step in outcome.steps):
        for name in dict.fromkeys(step.set_name for step in outcome.steps):
            steps = [s for s in outcome.steps if (s.size, s.set_name) == (size, name) and s.is_in_paper]
            told = [
                f"{kind_name(step.first)} -> {kind_name(step.second)} {100 * step.paired.difference:+.1f} points "
                f"({step.verdict})"
                for step in steps
            ]
            if not any(k.pass_at_1[name].mean for k in outcome.kinds if k.size == size):
                lines.append(f"The {SIZE_LABELS[size]} model solves none of {SET_NAMES.get(name, name)} in any form.")
                continue
            agreed = sum(step.verdict == "as in the paper" for step in steps)
            lines.append(
                f"The {SIZE_LABELS[size]} model on {SET_NAMES.get(name, name)}: {agreed} of the paper's {len(steps)} "
                f"steps come out as there: {'; '.join(told)}."
            )
    return lines


def _shown(step: Step, outcome: Outcome) -> ShownStep:
    several = len({kind.size for kind in outcome.kinds}) > 1
    problems = SET_NAMES.get(step.set_name, step.set_name) + (f", {SIZE_LABELS[step.size]}" if several else "")
    label = f"{kind_name(step.first)} → {kind_name(step.second)}"
    return ShownStep(label, problems, step.paired, step.verdict, step.is_in_paper)


def _groups(
    values: Mapping[tuple[DataName, bool], Spread],
) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    return {COLUMN_NAMES[data]: (values[data, False].values, values[data, True].values) for data in DATA}


def _score_plots(outcome: Outcome) -> list[tuple[str, Markup]]:
    scores = {
        SET_NAMES.get(name, name): [kind.pass_at_1[name] for kind in outcome.kinds]
        for name in outcome.kinds[0].pass_at_1
    }
    return _plots(outcome, scores, "pass@1, %", scale=100, decimals=1)


def _loss_plots(outcome: Outcome) -> list[tuple[str, Markup]]:
    losses = {
        PART_NAMES[part]: [kind.bits_per_byte[part] for kind in outcome.kinds]
        for part in outcome.kinds[0].bits_per_byte
    }
    return _plots(outcome, losses, "bits per byte", scale=1, decimals=2)


def _plots(
    outcome: Outcome, measured: Mapping[str, Sequence[Spread]], unit: str, scale: float, decimals: int
) -> list[tuple[str, Markup]]:
    """One plot for each size and measure; `measured` has a value for each kind, in their order."""
    plots = []
    for size in dict.fromkeys(kind.size for kind in outcome.kinds):
        for name, values in measured.items():
            found = {
                (kind.data, kind.is_finetuned): value
                for kind, value in zip(outcome.kinds, values, strict=True)
                if kind.size == size
            }
            title = f"{name}, {SIZE_LABELS[size]} model"
            plots.append((title, Markup(plot_groups(title, _groups(found), unit, scale=scale, decimals=decimals))))
    return plots


def _made(outcome: Outcome, num_seeds: int) -> list[tuple[str, str]]:
    rows = [("seeds of each kind", str(num_seeds))]
    for kind in outcome.kinds:
        if not kind.is_finetuned:
            read = ", ".join(f"{source} {epochs:.2f} times" for source, epochs in kind.epochs.items())
            label = f"{SIZE_LABELS[kind.size]} model on {DATA_NAMES[kind.data]}"
            rows.append((label, f"{short_count(kind.tokens)} tokens, {read}"))
    for part, (texts, size) in outcome.held_out.items():
        rows.append((f"loss measured on: {PART_NAMES[part]}", f"{texts:,} texts, {size:,} bytes"))
    return rows


def numbers(outcome: Outcome) -> dict[str, Any]:
    """Every number of the page, for other programs."""
    return {
        "kinds": [
            {
                "size": kind.size,
                "data": kind.data,
                "is_finetuned": kind.is_finetuned,
                "pass_at_1": {name: list(spread.values) for name, spread in kind.pass_at_1.items()},
                "bits_per_byte": {part: list(spread.values) for part, spread in kind.bits_per_byte.items()},
                "pretraining_tokens": kind.tokens,
                "epochs": dict(kind.epochs),
            }
            for kind in _ordered(outcome.kinds)
        ],
        "steps": [
            {
                "size": step.size,
                "problems": step.set_name,
                "first": kind_name(step.first),
                "second": kind_name(step.second),
                **asdict(step.paired),
                "by_seed": list(step.by_seed),
                "verdict": step.verdict,
                "is_in_paper": step.is_in_paper,
            }
            for step in outcome.steps
        ],
        "held_out": {part: {"texts": texts, "bytes": size} for part, (texts, size) in outcome.held_out.items()},
        "paper_humaneval_350m": PAPER,
        "remarks": list(outcome.remarks),
    }
