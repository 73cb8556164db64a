import itertools

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from hornbook.evaluate.pass_at_k import (
    bootstrap_interval,
    compare_paired,
    estimate_pass_at_k,
    mcnemar_p_value,
    sign_flip_p_value,
    wilson_interval,
)


@pytest.mark.parametrize("num_samples", range(1, 8))
def test_pass_at_k_equals_enumeration(num_samples: int) -> None:
    for num_correct in range(num_samples + 1):
        samples = [True] * num_correct + [False] * (num_samples - num_correct)
        for k in range(1, num_samples + 1):
            draws = [any(draw) for draw in itertools.combinations(samples, k)]
            assert estimate_pass_at_k(num_samples, num_correct, k) == pytest.approx(sum(draws) / len(draws), abs=1e-12)


def test_pass_at_k_of_many_samples_does_not_overflow() -> None:
    assert estimate_pass_at_k(10_000, 1, 100) == pytest.approx(0.01)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0), (5, 1, 6), (0, 0, 1)])
def test_pass_at_k_refuses_what_is_no_count(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="must be between"):
        estimate_pass_at_k(n, c, k)


@pytest.mark.parametrize(("passed", "problems"), [(0, 164), (1, 164), (83, 164), (164, 164), (0, 1), (161, 200)])
def test_wilson_interval_equals_scipys(passed: int, problems: int) -> None:
    expected = binomtest(passed, problems).proportion_ci(0.95, method="wilson")
    assert wilson_interval(passed, problems) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_interval_refuses_what_is_no_proportion() -> None:
    for passed, problems in [(0, 0), (3, 2), (-1, 2)]:
        with pytest.raises(ValueError, match="not a proportion"):
            wilson_interval(passed, problems)


def test_bootstrap_interval_is_seeded_and_near_the_normal_one() -> None:
    values = [1.0] * 60 + [0.0] * 40
    low, high = bootstrap_interval(values, seed=3)
    assert (low, high) == bootstrap_interval(values, seed=3)
    assert (low, high) != bootstrap_interval(values, seed=4)
    margin = 1.96 * np.std(values) / 10
    assert (low, high) == pytest.approx((0.6 - margin, 0.6 + margin), abs=0.02)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([], seed=0)


@pytest.mark.parametrize(
    ("only_first", "only_second", "both"), [(0, 0, 5), (3, 9, 20), (9, 3, 0), (1, 0, 0), (40, 41, 9)]
)
def test_paired_comparison_equals_scipys_binomial_test(only_first: int, only_second: int, both: int) -> None:
    first = [True] * only_first + [False] * only_second + [True] * both
    second = [False] * only_first + [True] * only_second + [True] * both
    result = compare_paired(first, second, seed=0)
    assert result.test == "exact McNemar"
    assert result.low <= result.difference <= result.high
    assert (result.only_first, result.only_second) == (only_first, only_second)
    assert result.difference == pytest.approx((only_second - only_first) / len(first))
    differing = only_first + only_second
    expected = binomtest(only_first, differing, 0.5).pvalue if differing else 1.0
    assert result.p_value == pytest.approx(expected, abs=1e-12)


def test_paired_comparison_refuses_unpaired_verdicts() -> None:
    for first, second in [([True], [True, False]), ([], [])]:
        with pytest.raises(ValueError, match="one length"):
            compare_paired(first, second, seed=0)


def test_shares_of_several_samples_are_compared_by_permutation() -> None:
    first, second = [0.0, 0.25, 0.5, 1.0, 0.75, 0.0], [0.5, 0.25, 1.0, 1.0, 1.0, 0.25]
    result = compare_paired(first, second, seed=0)
    assert result.test == "sign-flip permutation over problems"
    assert (result.only_first, result.only_second) == (0, 4)
    assert result.difference == pytest.approx(1.5 / 6)
    # Two of the 16 choices of signs are as extreme: all as observed, and all the other way round.
    assert result.p_value == 2 / 16
    assert 0 <= result.low <= result.difference <= result.high


@pytest.mark.parametrize("size", [7, 12, 40])
def test_permutation_agrees_with_scipys(size: int) -> None:
    generator = np.random.default_rng(size)
    differences = np.round(generator.normal(0.1, 0.4, size), 2)
    expected = permutation_test(
        (differences, np.zeros(size)), lambda a, b: (a - b).sum(), permutation_type="samples", n_resamples=20_000
    )
    assert sign_flip_p_value(list(differences), seed=0) == pytest.approx(expected.pvalue, abs=0.012)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 3), (4, 9), (1, 1), (0, 0)])
def test_permutation_of_single_samples_is_mcnemar(only_first: int, only_second: int) -> None:
    differences = [-1.0] * only_first + [1.0] * only_second + [0.0] * 5
    exact = sign_flip_p_value(differences, seed=0)
    assert exact == pytest.approx(mcnemar_p_value(only_first, only_second), abs=1e-12)


def test_permutation_of_many_problems_is_seeded_and_near_mcnemar() -> None:
    differences = [-1.0] * 20 + [1.0] * 35
    drawn = sign_flip_p_value(differences, seed=1)
    assert drawn == sign_flip_p_value(differences, seed=1)
    assert drawn == pytest.approx(mcnemar_p_value(20, 35), abs=0.01)
