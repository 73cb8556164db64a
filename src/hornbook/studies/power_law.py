"""A power law with an irreducible term, fitted to a handful of points, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NUM_UNKNOWNS = 3
LARGEST_EXPONENT = 2.0
GRID = np.geomspace(1e-3, LARGEST_EXPONENT, 60)
REFINEMENTS = 5
"""Searches, each between the neighbours of the best exponent of the one before."""


@dataclass(frozen=True)
class PowerLaw:
    """loss = irreducible + scale x (compute / reference) ** -exponent; all three are at least 0."""

    irreducible: float
    scale: float
    exponent: float
    reference: float
    """The compute at which `scale` is what is above the irreducible term: the geometric mean of the fitted points."""

    def at(self, compute: float) -> float:
        """The loss at that compute."""
        return float(self.irreducible + self.scale * (compute / self.reference) ** -self.exponent)


@dataclass(frozen=True)
class Interval:
    """A value with its 95% bootstrap interval."""

    value: float
    low: float
    high: float


def fit(compute: Sequence[float], loss: Sequence[float]) -> PowerLaw:
    """The power law with the least sum of squared differences from the losses.

    For a given exponent the other two are linear, so only the exponent is searched for: on a grid, then between its
    best point's neighbours. Raises ValueError with fewer than four points, or points that are not positive.
    """
    x, y = np.asarray(compute, float), np.asarray(loss, float)
    if len(x) != len(y) or len(x) <= NUM_UNKNOWNS:
        raise ValueError(f"a fit of {NUM_UNKNOWNS} unknowns needs more points than {len(x)}")
    if not (np.all(x > 0) and np.all(y > 0)):
        raise ValueError("compute and loss must be positive")
    reference = float(np.exp(np.log(x).mean()))
    exponents = GRID
    for _ in range(REFINEMENTS):
        irreducible, scale, squares = _linear(x / reference, y, exponents)
        best = int(np.argmin(squares))
        found = PowerLaw(float(irreducible[best]), float(scale[best]), float(exponents[best]), reference)
        exponents = np.linspace(exponents[max(0, best - 1)], exponents[min(len(exponents) - 1, best + 1)], len(GRID))
    return found


def _linear(x: Floats, y: Floats, exponents: Floats) -> tuple[Floats, Floats, Floats]:
    """For each exponent the irreducible term and the scale, neither below 0, and the sum of squares that is left."""
    columns = x[None, :] ** -exponents[:, None]
    mean, spread = columns.mean(axis=1), columns - columns.mean(axis=1, keepdims=True)
    slope = (spread @ (y - y.mean())) / np.maximum((spread**2).sum(axis=1), np.finfo(float).tiny)
    alone = (columns @ y) / (columns**2).sum(axis=1)
    # Where one of the two would be negative, the best is with that one 0.
    free = y.mean() - slope * mean
    scale = np.where(slope < 0, 0.0, np.where(free < 0, alone, slope))
    irreducible = np.where(slope < 0, y.mean(), np.where(free < 0, 0.0, free))
    left = y[None, :] - irreducible[:, None] - scale[:, None] * columns
    return irreducible, scale, (left**2).sum(axis=1)


def bootstrap(
    compute: Sequence[float],
    bits: NDArray[np.float64],
    num_bytes: NDArray[np.float64],
    seed: int,
    num_resamples: int = 1000,
) -> list[PowerLaw]:
    """Fits to resampled data: what else the power law could have been.

    `bits` is (points, documents), `num_bytes` (documents,). Each resample draws documents, the same for all points,
    for the noise of the held-out text; and adds normal noise to each compute, for that of training. Its variance is
    RSS / (n - 3) of the n computes' mean losses, since trainings of one width share what the law misses of it; it is
    widened by the ratio of the t quantile at n - 3 degrees of freedom to the normal one, because that variance is
    itself known from n - 3 numbers. With five widths that is 2.2 times, with four 6.5 times.
    Raises ValueError with fewer than four computes.
    """
    generator = np.random.default_rng(seed)
    num_documents = bits.shape[1]
    widths, place = np.unique(np.asarray(compute, float), return_inverse=True)
    deviation = _deviation(widths, place, bits.sum(axis=1) / num_bytes.sum())
    laws = []
    for _ in range(num_resamples):
        documents = generator.integers(0, num_documents, num_documents)
        drawn = bits[:, documents].sum(axis=1) / num_bytes[documents].sum()
        noisy = np.maximum(drawn + deviation * generator.normal(size=len(widths))[place], 1e-6)
        laws.append(fit(compute, noisy.tolist()))
    return laws


def _deviation(widths: Floats, place: NDArray[np.intp], loss: Floats) -> float:
    """The standard deviation of the noise to draw for each of `widths`; `place` is each training's among them."""
    from scipy.stats import norm, t

    means = np.bincount(place, weights=loss) / np.bincount(place)
    law = fit(widths.tolist(), means.tolist())
    freedom = len(widths) - NUM_UNKNOWNS
    squares = sum((law.at(c) - mean) ** 2 for c, mean in zip(widths, means, strict=True))
    return float(np.sqrt(squares / freedom) * t.ppf(0.975, freedom) / norm.ppf(0.975))


def interval(value: float, resampled: Sequence[float]) -> Interval:
    """A value with the 2.5% and 97.5% quantiles of its resamples."""
    low, high = np.quantile(np.asarray(resampled), [0.025, 0.975])
    return Interval(value, float(low), float(high))
