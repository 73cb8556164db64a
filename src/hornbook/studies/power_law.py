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
    for the noise of the held-out text; and adds to each point a residual of the fit, drawn and widened by
    sqrt(n / (n - 3)) for the noise of training, which few points underestimate.
    """
    generator = np.random.default_rng(seed)
    num_points, num_documents = bits.shape
    loss = bits.sum(axis=1) / num_bytes.sum()
    law = fit(compute, loss.tolist())
    residuals = loss - np.array([law.at(c) for c in compute])
    residuals = (residuals - residuals.mean()) * np.sqrt(num_points / (num_points - NUM_UNKNOWNS))
    laws = []
    for _ in range(num_resamples):
        documents = generator.integers(0, num_documents, num_documents)
        drawn = bits[:, documents].sum(axis=1) / num_bytes[documents].sum()
        noisy = np.maximum(drawn + residuals[generator.integers(0, num_points, num_points)], 1e-6)
        laws.append(fit(compute, noisy.tolist()))
    return laws


def interval(value: float, resampled: Sequence[float]) -> Interval:
    """A value with the 2.5% and 97.5% quantiles of its resamples."""
    low, high = np.quantile(np.asarray(resampled), [0.025, 0.975])
    return Interval(value, float(low), float(high))
