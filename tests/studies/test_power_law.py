from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from hornbook.studies.power_law import PowerLaw, bootstrap, fit, interval

COMPUTE = [8e11, 3e12, 1.1e13, 3e13, 8e13]


def losses(irreducible: float, scale: float, exponent: float) -> list[float]:
    return [irreducible + scale * (c / 1e13) ** -exponent for c in COMPUTE]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 1.5), st.floats(0.1, 3.0), st.floats(0.05, 0.8))
def test_an_exact_power_law_is_found_again(irreducible, scale, exponent):
    law = fit(COMPUTE, losses(irreducible, scale, exponent))
    assert law.exponent == pytest.approx(exponent, rel=1e-3, abs=1e-4)
    assert law.irreducible == pytest.approx(irreducible, abs=5e-3)
    for compute, loss in zip(COMPUTE, losses(irreducible, scale, exponent), strict=True):
        assert law.at(compute) == pytest.approx(loss, rel=1e-6)


def test_noisy_points_are_fitted_as_scipy_does():
    noisy = np.array(losses(0.7, 0.5, 0.3)) + np.array([0.01, -0.008, 0.004, -0.006, 0.005])
    law = fit(COMPUTE, noisy.tolist())
    x = np.array(COMPUTE) / law.reference
    found, _ = curve_fit(lambda c, e, a, b: e + a * c**-b, x, noisy, p0=(0.5, 0.5, 0.3))
    assert (law.irreducible, law.scale, law.exponent) == pytest.approx(tuple(found), rel=1e-3)


def test_no_term_falls_below_zero():
    # Steeper at the end than any power law: the free fit would have a negative irreducible term.
    bent = fit(COMPUTE, [2.0, 1.9, 1.7, 1.4, 0.9])
    assert bent.irreducible == 0.0
    assert bent.scale > 0
    rising = fit(COMPUTE, [1.0, 1.1, 1.2, 1.3, 1.4])
    assert rising.scale == 0.0
    assert rising.irreducible == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("compute", "loss", "message"),
    [
        (COMPUTE[:3], [3.0, 2.0, 1.0], "needs more points than 3"),
        (COMPUTE, [1.0] * 4, "needs more points"),
        (COMPUTE, [1.0, 1.0, 1.0, 1.0, 0.0], "must be positive"),
        ([0.0, *COMPUTE[1:]], [1.0] * 5, "must be positive"),
    ],
)
def test_points_that_cannot_be_fitted_are_refused(compute, loss, message):
    with pytest.raises(ValueError, match=message):
        fit(compute, loss)


def resampled(noise: float, num_documents: int = 60) -> list[PowerLaw]:
    random = np.random.default_rng(1)
    num_bytes = random.integers(200, 4000, num_documents).astype(float)
    hard = random.normal(1.0, 0.1, num_documents)
    trained = np.array(losses(0.7, 0.5, 0.3)) * (1 + noise * random.normal(size=5))
    return bootstrap(COMPUTE, np.outer(trained, num_bytes * hard), num_bytes, seed=0, num_resamples=200)


def test_the_bootstrap_covers_the_truth_and_widens_with_noise():
    calm, noisy = resampled(0.001), resampled(0.02)

    def width(laws: list[PowerLaw]) -> float:
        found = interval(0.0, [law.at(1e17) for law in laws])
        return found.high - found.low

    assert 0 < width(calm) < width(noisy)
    found = interval(0.0, [law.at(1e13) for law in calm])
    assert found.low < 1.2 < found.high


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_the_interval_covers_the_truth_as_often_as_it_says(num_seeds):
    compute = np.repeat(COMPUTE, num_seeds)
    truth = np.repeat(losses(0.7, 0.5, 0.3), num_seeds)
    num_bytes = np.ones(10)
    covered = Counter()
    for seed in range(50):
        noisy = truth * (1 + 0.01 * np.random.default_rng(seed).normal(size=len(truth)))
        laws = bootstrap(compute.tolist(), np.outer(noisy, num_bytes), num_bytes, seed=seed, num_resamples=80)
        for name, value, found in (
            ("within", 1.2, [law.at(1e13) for law in laws]),
            ("exponent", 0.3, [law.exponent for law in laws]),
        ):
            one = interval(0.0, found)
            covered[name] += one.low <= value <= one.high
    # 95 of 100 are meant; residuals drawn from five points cover 80 or fewer.
    assert min(covered.values()) >= 45


def test_the_bootstrap_is_seeded():
    assert resampled(0.01) == resampled(0.01)


def test_an_interval_holds_95_of_100_resamples():
    found = interval(5.0, [float(n) for n in range(1001)])
    assert (found.value, found.low, found.high) == (5.0, 25.0, 975.0)
