"""How well predicted scores agree with the teacher's, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from hornbook.run.artifact import Fact

Floats = NDArray[np.float64]

NUM_RESAMPLES = 300
INTERVAL = (2.5, 97.5)
"""Percentiles of the resampled values: the bootstrap's 95% interval."""


def measure(truth: Floats, predicted: Floats, keep_share: float, seed: int) -> dict[str, Fact]:
    """Agreement of predicted scores with the teacher's, each as `name`, `name_low` and `name_high`.

    A measure that is not defined (one file, or all scores alike) is None.
    """
    median = float(np.median(truth))
    measures: Mapping[str, Callable[[Floats, Floats], float]] = {
        "spearman": spearman,
        "roc_auc_above_median": lambda t, p: roc_auc(t > median, p),
        "r2": r_squared,
        "precision_at_keep_share": lambda t, p: precision_at(t, p, keep_share),
    }
    rng = np.random.default_rng([seed, len(truth)])
    resamples = rng.integers(len(truth), size=(NUM_RESAMPLES, len(truth)))
    facts: dict[str, Fact] = {}
    for name, function in measures.items():
        resampled = np.array([function(truth[rows], predicted[rows]) for rows in resamples])
        resampled = resampled[~np.isnan(resampled)]
        low, high = np.percentile(resampled, INTERVAL) if len(resampled) else (float("nan"), float("nan"))
        for suffix, value in (("", function(truth, predicted)), ("_low", low), ("_high", high)):
            facts[name + suffix] = None if np.isnan(value) else round(float(value), 4)
    return facts


def spearman(truth: Floats, predicted: Floats) -> float:
    """Correlation of the ranks, ties at their mean rank; NaN where either is constant."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (truth, predicted)]
    norm = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / norm if norm else float("nan")


def roc_auc(is_positive: NDArray[np.bool_], predicted: Floats) -> float:
    """Probability that a positive is predicted above a negative (Mann-Whitney); NaN without one of either."""
    num_positive = int(is_positive.sum())
    num_negative = len(is_positive) - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    rank_sum = float(rankdata(predicted)[is_positive].sum())
    return (rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)


def r_squared(truth: Floats, predicted: Floats) -> float:
    """Share of the variance of the truth that the prediction explains; NaN where the truth is constant."""
    total = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - predicted) ** 2).sum()) / total if total else float("nan")


def precision_at(truth: Floats, predicted: Floats, share: float) -> float:
    """Of the share of the files that is predicted best, how many are truly in that best share (ties count)."""
    count = max(1, round(share * len(truth)))
    threshold = np.sort(truth)[-count]
    best = np.argsort(-predicted, kind="stable")[:count]
    return float((truth[best] >= threshold).mean())
