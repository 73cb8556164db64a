"""What the report shows, gathered from artifacts into plain values for the template."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.evaluate.scores import Evaluation, Score, Scores, compare_evaluations
from hornbook.release.plots import Bar, plot_curves, plot_spike, smooth
from hornbook.release.text import MODEL_NAMES, SET_NAMES, code_html, drop_rows, fact_rows, prose_html
from hornbook.run.artifact import Artifact, read_manifest
from hornbook.run.datasets import OVERLAPS, Exercises, Textbooks

METRICS = "metrics.jsonl"
SIZES = {"large": ("base", "finetuned"), "small": ("small_base", "small")}
"""The model before and after finetuning, by size."""


@dataclass(frozen=True)
class Step:
    """One step of the data funnel."""

    name: str
    count: int
    unit: str
    share: float
    """Of the first step's count."""
    drops: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Gain:
    """What finetuning gave at one size on one problem set."""

    size: str
    set_name: str
    before: Score
    after: Score
    paired: PairedComparison | None


@dataclass(frozen=True)
class Stage:
    """Where a step's count comes from."""

    name: str
    artifact: Artifact
    file: str
    reason: str | None = None
    """Says why rows are missing since the step before, for an artifact whose drops are of several files."""


def funnel(stages: Sequence[Stage], unit: str, whole: int = 0) -> list[Step]:
    """A step per stage; shares are of `whole`, or of the first stage where that is 0."""
    steps: list[Step] = []
    for stage in stages:
        count = int(stage.artifact.facts.rows.get(stage.file, 0))
        whole = whole or max(1, count)
        drops = drop_rows(stage.artifact.facts.drops)
        if stage.reason is not None:
            missing = steps[-1].count - count if steps else 0
            drops = [(stage.reason, missing)] if missing > 0 else []
        steps.append(Step(stage.name, count, unit, count / whole, drops))
    return steps


def gains(scores: Mapping[str, Scores], evaluations: Mapping[str, Evaluation]) -> list[Gain]:
    """Before and after finetuning, by problem set and size."""
    found: list[Gain] = []
    paired = {
        size: compare_evaluations(evaluations[before], evaluations[after]) for size, (before, after) in SIZES.items()
    }
    for name in set_names(scores):
        for size, (before, after) in SIZES.items():
            if name in scores[before].sets and name in scores[after].sets:
                first, second = scores[before].sets[name].total, scores[after].sets[name].total
                found.append(Gain(size, name, first, second, paired[size].get(name)))
    return found


def set_names(scores: Mapping[str, Scores]) -> list[str]:
    """Problem sets that any model was scored on."""
    return list(dict.fromkeys(name for one in scores.values() for name in one.sets))


def spikes(found: Sequence[Gain]) -> dict[str, Markup]:
    """The bar chart of each problem set."""
    charts: dict[str, Markup] = {}
    for name in dict.fromkeys(gain.set_name for gain in found):
        # Small first, as in the paper's figure 2.1.
        ours = [gain for gain in reversed(found) if gain.set_name == name]
        pairs = {gain.size: (_bar(gain.before), _bar(gain.after)) for gain in ours}
        charts[name] = Markup(plot_spike(SET_NAMES.get(name, name), pairs))
    return charts


def _bar(score: Score) -> Bar:
    return Bar(score.pass_at_1, score.low, score.high)


def depth_rows(scores: Mapping[str, Scores]) -> list[tuple[str, list[tuple[str, Score | None]]]]:
    """Per model its held-out scores by the number of composed operations."""
    heldout = {label: one.sets["heldout"].by_depth for label, one in scores.items() if "heldout" in one.sets}
    depths = sorted({depth for by_depth in heldout.values() for depth in by_depth})
    return [(MODEL_NAMES[label], [(d, by_depth.get(d)) for d in depths]) for label, by_depth in heldout.items()]


def training_curves(models: Mapping[str, Artifact]) -> list[tuple[str, Markup, list[tuple[str, str]]]]:
    """Per model its name, its plot of the losses and its facts."""
    shown: list[tuple[str, Markup, list[tuple[str, str]]]] = []
    for label, model in models.items():
        name = MODEL_NAMES[label]
        plot = plot_curves(name, read_curves(model.folder / METRICS), "millions")
        shown.append((name, Markup(plot), fact_rows(model.facts.metrics)))
    return shown


def read_curves(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Loss over millions of tokens: the training loss, smoothed, and each validation loss as it was measured."""
    train: list[tuple[float, float]] = []
    validation: dict[str, list[tuple[float, float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        tokens = row["tokens"] / 1e6
        if row.get("loss") is not None:
            train.append((tokens, row["loss"]))
        for source, loss in (row.get("validation") or {}).items():
            validation.setdefault(f"validation, {source}", []).append((tokens, loss))
    return {"training": smooth(train), **validation}


def overlaps(artifacts: Iterable[Artifact], per_reason: int) -> list[dict[str, Any]]:
    """Rows that were left out beside the problem that they overlap with: the first of each reason and data set."""
    shown: list[dict[str, Any]] = []
    for artifact in artifacts:
        path = artifact.folder / OVERLAPS
        count: Counter[str] = Counter()
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            entry = json.loads(line)
            count[entry["reason"]] += 1
            if "row_text" in entry and count[entry["reason"]] <= per_reason:
                shown.append(
                    {**entry, **{name: code_html(entry.get(name, "")) for name in ("row_text", "problem_text")}}
                )
    return shown


def example_sections(textbooks: Textbooks, count: int) -> list[dict[str, Any]]:
    """Textbook sections taken at even distances."""
    total = sum(textbooks.facts.rows.values())
    wanted = _even_places(total, count)
    return [
        {"topic": section.topic, "audience": section.audience, "text": prose_html(section.text)}
        for place, section in enumerate(itertools.islice(textbooks.read(), total))
        if place in wanted
    ]


def example_exercises(exercises: Exercises, file: str, count: int) -> list[dict[str, Any]]:
    """Exercises for training taken at even distances."""
    total = int(exercises.facts.rows.get(file, 0))
    wanted = _even_places(total, count)
    return [
        {"code": code_html(row.prompt + row.solution), "operations": row.operations, "style": row.style}
        for place, row in enumerate(exercises.read())
        if place in wanted
    ]


def _even_places(total: int, count: int) -> set[int]:
    return {(2 * number + 1) * total // (2 * count) for number in range(min(count, total))}


def provenance(artifacts: Mapping[str, Artifact]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Each stage's identity from its manifest, and the versions that made it."""
    stages: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for artifact in artifacts.values():
        manifest = read_manifest(artifact.folder)
        identity = manifest["identity"]
        stages.append(
            {
                "node": manifest["node"],
                "fingerprint": manifest["fingerprint"][:12],
                "settings": list(_flat("", identity["values"])),
                "metrics": fact_rows(artifact.facts.metrics),
            }
        )
        versions |= manifest["versions"]
        if manifest.get("git_commit"):
            versions["git commit"] = str(manifest["git_commit"])[:12]
    return stages, versions


def _flat(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        rows += _flat(f"{name}.", value) if isinstance(value, Mapping) and value else [(name, _plain(value))]
    return rows


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."
