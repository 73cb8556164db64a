"""Scores of one model on one problem set, counted from verdicts; what `scores.json` holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hornbook.evaluate.pass_at_k import (
    PairedComparison,
    bootstrap_interval,
    compare_paired,
    estimate_pass_at_k,
    wilson_interval,
)
from hornbook.evaluate.sandbox import VERDICTS
from hornbook.records import Sample, read_rows
from hornbook.run.artifact import Artifact

SCORES = "scores.json"
PASS_AT = (1, 10, 100)


@dataclass(frozen=True)
class Score:
    """pass@1 on some problems with its 95% interval."""

    num_problems: int
    num_solved: int
    """Problems with at least one sample that passes."""
    pass_at_1: float
    low: float
    high: float
    interval: str
    """`wilson` with one sample per problem, else `bootstrap` over problems."""


@dataclass(frozen=True)
class Estimate:
    """pass@k with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SetScore:
    """Everything that is said about a model on one problem set."""

    total: Score
    pass_at_k: Mapping[str, Estimate]
    """By k, for the k that the number of samples allows."""
    verdicts: Mapping[str, int]
    """Samples by verdict, in the order of `VERDICTS`."""
    by_depth: Mapping[str, Score] = field(default_factory=dict)
    """By the number of operations that a task composes; empty where a set does not know them."""
    unusable: Mapping[str, str] = field(default_factory=dict)
    """Problems that the score does not cover because their own reference fails, by task id, with the reason."""
    protocol: Mapping[str, str | int] = field(default_factory=dict)
    """What the set asks for and how its programs were judged."""
    notes: tuple[str, ...] = ()
    """What a reader of the score must know, a sentence each."""


@dataclass(frozen=True)
class Scores:
    """The contents of `scores.json`."""

    model: str
    sets: Mapping[str, SetScore]
    protocol: Mapping[str, str | int | float]
    """How completions were had; two scores compare only where this and the set's protocol are equal."""
    left_out: Mapping[str, str]
    """Problem sets that could not be run, with the reason."""
    execution: Mapping[str, str] = field(default_factory=dict)
    """What shut the programs in; it depends on the machine and is no part of the protocol."""

    def remarks(self) -> list[str]:
        """What a reader must know beside the numbers: sets and problems that were left out, and notes."""
        remarks = list(self.left_out.values())
        for name, score in self.sets.items():
            remarks += [f"{name}: {task_id} is left out: {reason}" for task_id, reason in score.unusable.items()]
            remarks += [f"{name}: {note}" for note in score.notes]
        return remarks


class Evaluation(Artifact):
    """One model's samples and scores on every problem set."""

    def scores(self) -> Scores:
        """The scores of all problem sets."""
        return read_scores(self.folder / SCORES)

    def samples(self, name: str) -> Iterator[Sample]:
        """The samples of one problem set, in the order of its problems."""
        return read_rows(self.folder / samples_file(name), Sample)


def samples_file(name: str) -> str:
    """Where the samples of a problem set are in an `Evaluation`."""
    return f"samples.{name}.parquet"


def compare_evaluations(first: Evaluation, second: Evaluation, seed: int = 0) -> dict[str, PairedComparison]:
    """Paired comparison on each problem set that both have with the same protocol."""
    ours, theirs = first.scores(), second.scores()
    if ours.protocol != theirs.protocol:
        return {}
    compared: dict[str, PairedComparison] = {}
    for name in ours.sets:
        if name in theirs.sets and ours.sets[name].protocol == theirs.sets[name].protocol:
            paired = compare_samples(list(first.samples(name)), list(second.samples(name)), seed)
            if paired is not None:
                compared[name] = paired
    return compared


def compare_samples(first: Sequence[Sample], second: Sequence[Sample], seed: int) -> PairedComparison | None:
    """Paired comparison of two models' samples; None where they are not of the same problems."""
    ours, theirs = _group(first), _group(second)
    if not ours or ours.keys() != theirs.keys():
        return None
    a, b = ([sum(by_task[task_id]) / len(by_task[task_id]) for task_id in ours] for by_task in (ours, theirs))
    return compare_paired(a, b, seed)


def score_set(samples: Sequence[Sample], depths: Mapping[str, int], seed: int) -> SetScore:
    """Scores samples grouped by problem; `depths` gives the number of composed operations by task id, or nothing."""
    by_task = _group(samples)
    counts = Counter(sample.verdict for sample in samples)
    fewest = min(len(passed) for passed in by_task.values())
    by_depth: dict[str, Score] = {}
    for depth in sorted({depths[task_id] for task_id in by_task if task_id in depths}):
        by_depth[str(depth)] = _score([p for task_id, p in by_task.items() if depths.get(task_id) == depth], seed)
    return SetScore(
        total=_score(list(by_task.values()), seed),
        pass_at_k={str(k): _estimate(list(by_task.values()), k, seed) for k in PASS_AT if k <= fewest},
        verdicts={verdict: counts[verdict] for verdict in VERDICTS},
        by_depth=by_depth,
    )


def _group(samples: Sequence[Sample]) -> dict[str, list[bool]]:
    by_task: dict[str, list[bool]] = {}
    for sample in samples:
        by_task.setdefault(sample.task_id, []).append(sample.passed)
    return by_task


def _score(verdicts: Sequence[Sequence[bool]], seed: int) -> Score:
    solved = sum(any(passed) for passed in verdicts)
    if all(len(passed) == 1 for passed in verdicts):
        low, high = wilson_interval(solved, len(verdicts))
        return Score(len(verdicts), solved, solved / len(verdicts), low, high, "wilson")
    shares = [sum(passed) / len(passed) for passed in verdicts]
    low, high = bootstrap_interval(shares, seed)
    return Score(len(verdicts), solved, sum(shares) / len(shares), low, high, "bootstrap")


def _estimate(verdicts: Sequence[Sequence[bool]], k: int, seed: int) -> Estimate:
    if k == 1:
        score = _score(verdicts, seed)
        return Estimate(score.pass_at_1, score.low, score.high)
    values = [estimate_pass_at_k(len(passed), sum(passed), k) for passed in verdicts]
    low, high = bootstrap_interval(values, seed)
    return Estimate(sum(values) / len(values), low, high)


def write_scores(path: Path, scores: Scores) -> None:
    """Writes scores so that equal scores are equal bytes."""
    path.write_text(json.dumps(asdict(scores), indent=2) + "\n", encoding="utf-8")


def read_scores(path: Path) -> Scores:
    """Reads what `write_scores` wrote."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    sets = {
        name: SetScore(
            total=Score(**fields["total"]),
            pass_at_k={k: Estimate(**estimate) for k, estimate in fields["pass_at_k"].items()},
            verdicts=fields["verdicts"],
            by_depth={depth: Score(**score) for depth, score in fields["by_depth"].items()},
            unusable=fields["unusable"],
            protocol=fields["protocol"],
            notes=tuple(fields["notes"]),
        )
        for name, fields in values["sets"].items()
    }
    return Scores(values["model"], sets, values["protocol"], values["left_out"], values["execution"])
