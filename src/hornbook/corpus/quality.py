"""How well predicted scores agree with the teacher's, with bootstrap intervals, for `quality.json` and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import ArtifactError
from hornbook.run.artifact import Fact

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats], Floats]
"""Of truth and prediction, (..., N): one value for each N, so that all resamples are measured at once; NaN where it is
not defined."""

QUALITY = "quality.json"
NUM_RESAMPLES = 300
VALUES_AT_ONCE = 1 << 18
"""Of the resamples, so that many validation files do not fill the memory."""
INTERVAL = (2.5, 97.5)
"""Percentiles of the resampled values: the bootstrap's 95% interval."""
SCORES = range(1, 10)
"""The thresholds that the table has besides the one in force."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its 95% interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """What comes of keeping the files that are predicted to have at least a score."""

    threshold: float
    is_in_force: bool
    """Whether it is the lowest prediction of a file that was kept."""
    num_good: int
    """Held-out files that the teacher gives at least the threshold."""
    num_predicted: int
    """Held-out files that are predicted to have at least the threshold."""
    precision: Estimate
    """Share of the predicted that are good."""
    recall: Estimate
    """Share of the good that are predicted."""
    files_share_kept: float
    """Of the whole corpus."""
    chars_share_kept: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What `quality.json` holds."""

    embedder: str
    annotators: tuple[str, ...]
    num_train: int
    num_validation: int
    measures: Mapping[str, Estimate]
    """Spearman, ROC-AUC, R squared and precision on the held-out files, by name."""
    thresholds: tuple[ThresholdRow, ...]

    def facts(self) -> dict[str, Fact]:
        """The measures for the manifest: each as `name`, `name_low` and `name_high`."""
        facts: dict[str, Fact] = {"num_train": self.num_train, "num_validation": self.num_validation}
        for name, estimate in self.measures.items():
            facts |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        return facts


def write_quality(folder: Path, quality: Quality) -> None:
    """Writes `quality.json`; equal values give equal bytes."""
    (folder / QUALITY).write_text(json.dumps(asdict(quality), indent=2) + "\n", encoding="utf-8")


def read_quality(folder: Path) -> Quality:
    """What `write_quality` wrote. Raises ArtifactError where it cannot be read."""
    path = folder / QUALITY
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["measures"] = {name: Estimate(**estimate) for name, estimate in values["measures"].items()}
        values["annotators"] = tuple(values["annotators"])
        values["thresholds"] = tuple(
            ThresholdRow(**{**row, "precision": Estimate(**row["precision"]), "recall": Estimate(**row["recall"])})
            for row in values["thresholds"]
        )
        return Quality(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: cannot be read: {error!r}. Delete {folder} to have it made again.") from None


def measure(truth: Floats, predicted: Floats, keep_share: float, seed: int) -> dict[str, Estimate]:
    """Agreement of predicted scores with the teacher's, by name; None where one file or equal scores define none."""
    median = float(np.median(truth))
    measures: Mapping[str, Measure] = {
        "spearman": spearman,
        "roc_auc_above_median": lambda t, p: roc_auc(t > median, p),
        "r2": r_squared,
        "precision_at_keep_share": lambda t, p: precision_at(t, p, keep_share),
    }
    rows = _resample(len(truth), seed)
    return {name: _estimate(function, truth, predicted, rows) for name, function in measures.items()}


def measure_thresholds(
    truth: Floats, predicted: Floats, corpus: Floats, num_chars: NDArray[np.int64], in_force: float, seed: int
) -> tuple[ThresholdRow, ...]:
    """The table over whole scores and the threshold in force.

    `truth` and `predicted` are of the held-out files, `corpus` and `num_chars` the predictions and the lengths of all.
    """
    rows = _resample(len(truth), seed)
    table = []
    for threshold in sorted({*map(float, SCORES), in_force}):
        kept = corpus >= threshold
        table.append(
            ThresholdRow(
                threshold=threshold,
                is_in_force=threshold == in_force,
                num_good=int((truth >= threshold).sum()),
                num_predicted=int((predicted >= threshold).sum()),
                precision=_estimate(_precision(threshold), truth, predicted, rows),
                recall=_estimate(_recall(threshold), truth, predicted, rows),
                files_share_kept=round(float(kept.mean()), 4),
                chars_share_kept=round(float(num_chars[kept].sum() / num_chars.sum()), 4),
            )
        )
    return tuple(table)


def spearman(truth: Floats, predicted: Floats) -> Floats:
    """Correlation of the ranks, ties at their mean rank; NaN where either is constant. A `Measure`."""
    middle = (truth.shape[-1] + 1) / 2
    ranks = [_ranks(values) - middle for values in (truth, predicted)]
    norm = np.sqrt((ranks[0] ** 2).sum(axis=-1) * (ranks[1] ** 2).sum(axis=-1))
    return _ratio((ranks[0] * ranks[1]).sum(axis=-1), norm)


def roc_auc(is_positive: NDArray[np.bool_], predicted: Floats) -> Floats:
    """Probability that a positive is predicted above a negative (Mann-Whitney); NaN without one of either."""
    num_positive = is_positive.sum(axis=-1)
    num_negative = is_positive.shape[-1] - num_positive
    rank_sum = np.where(is_positive, _ranks(predicted), 0).sum(axis=-1)
    return _ratio(rank_sum - num_positive * (num_positive + 1) / 2, num_positive * num_negative)


def r_squared(truth: Floats, predicted: Floats) -> Floats:
    """Share of the variance of the truth that the prediction explains; NaN where the truth is constant. A `Measure`."""
    total = ((truth - truth.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return 1 - _ratio(((truth - predicted) ** 2).sum(axis=-1), total)


def precision_at(truth: Floats, predicted: Floats, share: float) -> Floats:
    """Of the share of the files that is predicted best, how many are truly in that best share (ties count)."""
    count = max(1, round(share * truth.shape[-1]))
    threshold = np.sort(truth)[..., -count, None]
    best = np.argsort(-predicted, kind="stable")[..., :count]
    return np.asarray((np.take_along_axis(truth, best, axis=-1) >= threshold).mean(axis=-1))


def _precision(threshold: float) -> Measure:
    """Share of the files predicted at the threshold or above that truly are; NaN where none is."""
    return lambda truth, predicted: _share(truth >= threshold, of=predicted >= threshold)


def _recall(threshold: float) -> Measure:
    """Share of the files truly at the threshold or above that are predicted to be; NaN where none is."""
    return lambda truth, predicted: _share(predicted >= threshold, of=truth >= threshold)


def _share(which: NDArray[np.bool_], *, of: NDArray[np.bool_]) -> Floats:
    return _ratio((which & of).sum(axis=-1), of.sum(axis=-1))


def _ranks(values: Floats) -> Floats:
    """Ranks from 1 on along the last axis, ties at their mean."""
    # Here, because it takes as long to load as the stage to measure.
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=-1))


def _ratio(numerator: NDArray[np.number], denominator: NDArray[np.number]) -> Floats:
    """The quotients; NaN where the denominator is 0."""
    quotients: Floats = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=quotients, where=np.asarray(denominator) != 0)
    return quotients


def _resample(count: int, seed: int) -> NDArray[np.int64]:
    """Bootstrap samples as row numbers, (NUM_RESAMPLES, count)."""
    return np.random.default_rng([seed, count]).integers(count, size=(NUM_RESAMPLES, count))


def _estimate(function: Measure, truth: Floats, predicted: Floats, resamples: NDArray[np.int64]) -> Estimate:
    parts = np.array_split(resamples, 1 + resamples.size // VALUES_AT_ONCE)
    resampled = np.concatenate([function(truth[rows], predicted[rows]) for rows in parts])
    resampled = resampled[~np.isnan(resampled)]
    low, high = np.percentile(resampled, INTERVAL) if len(resampled) else (float("nan"), float("nan"))
    value, low, high = (
        None if np.isnan(number) else round(float(number), 4) for number in (function(truth, predicted), low, high)
    )
    return Estimate(value, low, high)
