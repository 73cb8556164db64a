from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import precision_score, r2_score, recall_score, roc_auc_score

from hornbook.corpus.quality import (
    QUALITY,
    Estimate,
    Quality,
    measure,
    measure_thresholds,
    precision_at,
    r_squared,
    read_quality,
    roc_auc,
    spearman,
    write_quality,
)
from hornbook.errors import ArtifactError


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


def test_resamples_are_measured_at_once_as_one_by_one(scores: tuple[np.ndarray, np.ndarray]) -> None:
    rows = np.random.default_rng(0).integers(80, size=(9, 80))
    # One where every file is the same, which leaves most measures without a value.
    rows[4] = 7
    truth, predicted = (values[rows] for values in scores)
    for function in (spearman, r_squared, lambda t, p: roc_auc(t > 5, p), lambda t, p: precision_at(t, p, 0.3)):
        one_by_one = [function(t, p) for t, p in zip(truth, predicted, strict=True)]
        np.testing.assert_array_equal(function(truth, predicted), one_by_one)


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
        for estimate in (few[name], many[name]):
            assert estimate.low < estimate.value < estimate.high
        assert many[name].high - many[name].low < few[name].high - few[name].low
    assert measure(truth, predicted, 0.2, 0) == few


def test_what_is_not_defined_is_none() -> None:
    measured = measure(np.full(10, 4.0), np.arange(10.0), 0.2, 0)
    undefined = Estimate(None, None, None)
    assert measured["spearman"] == measured["r2"] == measured["roc_auc_above_median"] == undefined
    assert measured["precision_at_keep_share"] == Estimate(1.0, 1.0, 1.0)


def test_thresholds_against_scikit_learn(scores: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = scores
    corpus = np.array([0.5, 3.0, 7.2, 9.0])
    table = measure_thresholds(truth, predicted, corpus, np.array([10, 20, 30, 40]), 7.2, seed=0)
    assert [row.threshold for row in table] == [1, 2, 3, 4, 5, 6, 7, 7.2, 8, 9]
    assert [row.threshold for row in table if row.is_in_force] == [7.2]
    for row in table:
        good, positive = truth >= row.threshold, predicted >= row.threshold
        assert (row.num_good, row.num_predicted) == (good.sum(), positive.sum())
        assert row.precision.value == pytest.approx(precision_score(good, positive), abs=1e-4)
        assert row.recall.value == pytest.approx(recall_score(good, positive), abs=1e-4)
        assert row.precision.low <= row.precision.value <= row.precision.high
    assert [row.chars_share_kept for row in table] == [0.9, 0.9, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.4, 0.4]
    assert [row.files_share_kept for row in table] == [0.75, 0.75, 0.75, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_threshold_that_no_prediction_reaches_has_no_precision() -> None:
    truth, predicted = np.array([1.0, 9.0]), np.array([4.0, 5.0])
    table = measure_thresholds(truth, predicted, predicted, np.array([1, 1]), 5.0, seed=0)
    nine = table[-1]
    assert (nine.precision, nine.num_good, nine.num_predicted) == (Estimate(None, None, None), 1, 0)
    assert nine.recall == Estimate(0.0, 0.0, 0.0)


def test_what_is_written_is_read_back(scores: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    truth, predicted = scores
    table = measure_thresholds(truth, predicted, predicted, np.ones(80, dtype=np.int64), 5.0, seed=0)
    quality = Quality("tfidf-svd", ("m",), 10, 80, measure(truth, predicted, 0.2, 0), table)
    write_quality(tmp_path, quality)
    assert read_quality(tmp_path) == quality
    facts = quality.facts()
    assert (facts["num_train"], facts["num_validation"]) == (10, 80)
    assert facts["r2_low"] < facts["r2"] < facts["r2_high"]
    (tmp_path / QUALITY).write_text("{}")
    with pytest.raises(ArtifactError, match=r"quality\.json: cannot be read"):
        read_quality(tmp_path)
