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
class SetScore:
    """Everything that is said about a model on one problem set."""

    total: Score
    pass_at_k: Mapping[str, float]
    """By k, for the k that the number of samples allows."""
    verdicts: Mapping[str, int]
    """Samples by verdict, in the order of `VERDICTS`."""
    by_depth: Mapping[str, Score] = field(default_factory=dict)
    """By the number of operations that a task composes; empty where a set does not know them."""


@dataclass(frozen=True)
class Scores:
    """The contents of `scores.json`."""

    model: str
    sets: Mapping[str, SetScore]
    protocol: Mapping[str, str | int | float]
    """How completions were had and judged; two scores compare only where this is equal."""
    left_out: Mapping[str, str]
    """Problem sets that could not be run, with the reason."""


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


def compare_evaluations(first: Evaluation, second: Evaluation) -> dict[str, PairedComparison]:
    """Paired comparison on each problem set that both have with one sample per problem and the same protocol."""
    ours, theirs = first.scores(), second.scores()
    compared: dict[str, PairedComparison] = {}
    if ours.protocol != theirs.protocol or ours.protocol["samples_per_problem"] != 1:
        return compared
    for name in ours.sets:
        if name not in theirs.sets:
            continue
        a = {sample.task_id: sample.passed for sample in first.samples(name)}
        b = {sample.task_id: sample.passed for sample in second.samples(name)}
        if a.keys() == b.keys():
            compared[name] = compare_paired(list(a.values()), [b[task_id] for task_id in a])
    return compared


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
        pass_at_k={
            str(k): sum(estimate_pass_at_k(len(p), sum(p), k) for p in by_task.values()) / len(by_task)
            for k in PASS_AT
            if k <= fewest
        },
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


def write_scores(path: Path, scores: Scores) -> None:
    """Writes scores so that equal scores are equal bytes."""
    path.write_text(json.dumps(asdict(scores), indent=2) + "\n", encoding="utf-8")


def read_scores(path: Path) -> Scores:
    """Reads what `write_scores` wrote."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    sets = {
        name: SetScore(
            total=Score(**fields["total"]),
            pass_at_k=fields["pass_at_k"],
            verdicts=fields["verdicts"],
            by_depth={depth: Score(**score) for depth, score in fields["by_depth"].items()},
        )
        for name, fields in values["sets"].items()
    }
    return Scores(values["model"], sets, values["protocol"], values["left_out"])
