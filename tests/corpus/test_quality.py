import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import r2_score, roc_auc_score

from hornbook.corpus.quality import measure, precision_at, r_squared, roc_auc, spearman


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 11, size=80).astype(float)
    return truth, np.round(truth + rng.normal(scale=3, size=80))


def test_against_scipy_and_scikit_learn(scores: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = scores
    assert spearman(truth, predicted) == pytest.approx(spearmanr(truth, predicted).statistic)
    assert roc_auc(truth > 5, predicted) == pytest.approx(roc_auc_score(truth > 5, predicted))
    assert r_squared(truth, predicted) == pytest.approx(r2_score(truth, predicted))


def test_precision_at_keep_share() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    assert precision_at(truth, truth, 0.3) == 1.0
    assert precision_at(truth, -truth, 0.3) == 0.0
    # Predicted best are 10, 1 and 9, of which 8 or more are two.
    assert precision_at(truth, np.array([9.5, 0, 0, 0, 0, 0, 0, 0, 9, 10]), 0.3) == pytest.approx(2 / 3)


def test_intervals_hold_the_value_and_shrink_with_more_files(scores: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = scores
    few, many = measure(truth, predicted, 0.2, 0), measure(np.tile(truth, 20), np.tile(predicted, 20), 0.2, 0)
    for name in ("spearman", "roc_auc_above_median", "r2", "precision_at_keep_share"):
        for facts in (few, many):
            assert facts[f"{name}_low"] < facts[name] < facts[f"{name}_high"]
        assert many[f"{name}_high"] - many[f"{name}_low"] < few[f"{name}_high"] - few[f"{name}_low"]
    assert measure(truth, predicted, 0.2, 0) == few


def test_what_is_not_defined_is_none() -> None:
    facts = measure(np.full(10, 4.0), np.arange(10.0), 0.2, 0)
    assert facts["spearman"] is facts["r2"] is facts["roc_auc_above_median"] is facts["r2_high"] is None
    assert facts["precision_at_keep_share"] == 1.0
