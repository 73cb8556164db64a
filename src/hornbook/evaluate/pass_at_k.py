"""What a number of passed samples says: pass@k, its interval, and whether two models differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def estimate_pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Unbiased probability in [0, 1] that at least one of k samples passes: 1 - C(n - c, k) / C(n, k).

    Source: Chen et al. 2021, arXiv:2107.03374, section 2.1, equation 1.
    Raises ValueError unless 0 <= num_correct <= num_samples and 1 <= k <= num_samples.
    """
    if not 0 <= num_correct <= num_samples:
        raise ValueError(f"num_correct {num_correct} must be between 0 and num_samples {num_samples}")
    if not 1 <= k <= num_samples:
        raise ValueError(f"k {k} must be between 1 and num_samples {num_samples}")
    # Integers of any size, so nothing cancels; the division is the only rounding.
    return 1.0 - math.comb(num_samples - num_correct, k) / math.comb(num_samples, k)


def wilson_interval(num_passed: float, num_problems: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson score interval of a proportion, 95% by default: for pass@1 with one sample per problem.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953. Unlike the normal approximation it does not collapse to
    a point at 0 or all passed. Raises ValueError unless 0 <= num_passed <= num_problems and there is a problem.
    """
    if num_problems < 1 or not 0 <= num_passed <= num_problems:
        raise ValueError(f"num_passed {num_passed} of num_problems {num_problems} is not a proportion")
    share = num_passed / num_problems
    scale = 1 + z**2 / num_problems
    center = (share + z**2 / (2 * num_problems)) / scale
    margin = z / scale * math.sqrt(share * (1 - share) / num_problems + z**2 / (4 * num_problems**2))
    # At the ends the exact bound is 0 or 1 and only rounding would move it.
    return (
        0.0 if num_passed == 0 else max(0.0, center - margin),
        1.0 if num_passed == num_problems else min(1.0, center + margin),
    )


def bootstrap_interval(
    values: Sequence[float], seed: int, num_resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean over problems: for pass@k from several samples per problem.

    Problems are resampled, not samples: which problems were asked is what varies. Raises ValueError without values.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    array = np.asarray(values, dtype=np.float64)
    means = array[generator.integers(0, len(array), size=(num_resamples, len(array)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class PairedComparison:
    """Two models on the same problems; only the problems on which they differ speak."""

    only_first: int
    """Problems that the first model alone solved; with several samples a problem, those it solved more often."""
    only_second: int
    difference: float
    """pass@1 of the second less that of the first."""
    low: float
    """95% percentile bootstrap interval of the difference, over problems."""
    high: float
    p_value: float
    """Two-sided: how probable a difference at least this large is, were the two equally good on every problem."""
    test: str
    """`exact McNemar` with one sample a problem, else `sign-flip permutation over problems`."""


def compare_paired(first: Sequence[float], second: Sequence[float], seed: int) -> PairedComparison:
    """Two models' shares of passed samples on the same problems in the same order.

    Raises ValueError where the two are not of one length, or empty.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"paired verdicts must be of one length and not empty: {len(first)} and {len(second)}")
    differences = [b - a for a, b in zip(first, second, strict=True)]
    only_first, only_second = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    is_binary = {*first, *second} <= {0, 1}
    low, high = bootstrap_interval(differences, seed)
    return PairedComparison(
        only_first,
        only_second,
        sum(differences) / len(differences),
        low,
        high,
        mcnemar_p_value(only_first, only_second) if is_binary else sign_flip_p_value(differences, seed),
        "exact McNemar" if is_binary else "sign-flip permutation over problems",
    )


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar test of two models that differ on `only_first + only_second` problems.

    Source: McNemar 1947, doi:10.1007/BF02295996; exact form: a two-sided binomial test with probability 1/2.
    """
    differing = only_first + only_second
    tail: float = sum(math.comb(differing, i) for i in range(min(only_first, only_second) + 1)) / 2**differing
    return min(1.0, 2 * tail)


def sign_flip_p_value(differences: Sequence[float], seed: int, num_draws: int = 20_000) -> float:
    """Two-sided paired permutation test: each problem's difference might as well have had the other sign.

    Every choice of signs is counted where there are at most `num_draws`, otherwise seeded draws, the observed one
    included. Source: Fisher 1935, The Design of Experiments, section 21.
    """
    array = np.asarray([value for value in differences if value], dtype=np.float64)
    if len(array) == 0:
        return 1.0
    # Equal sums must not differ by rounding.
    observed = abs(array.sum()) - 1e-9
    if 2 ** len(array) <= num_draws:
        bits = np.arange(2 ** len(array))[:, None] >> np.arange(len(array)) & 1
        as_extreme = int((np.abs((2 * bits - 1) @ array) >= observed).sum())
        share: float = as_extreme / 2 ** len(array)
        return share
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, size=(num_draws, len(array)), dtype=np.int8) * 2 - 1
    as_extreme = int((np.abs(signs @ array) >= observed).sum())
    return (as_extreme + 1) / (num_draws + 1)
