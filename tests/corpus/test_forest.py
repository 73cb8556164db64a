import pickle

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from hornbook.corpus.forest import FEWEST_IN_LEAF, SHARE_OF_FEATURES, Forest, grow_forest
from hornbook.errors import StageError


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    embedded = rng.normal(size=(300, 12))
    embedded[::7] = np.round(embedded[::7], 1)
    return embedded, embedded[:, 0] * 3 + np.sin(embedded[:, 1] * 4) + rng.normal(scale=0.3, size=300)


@pytest.fixture(scope="module")
def forest(rows: tuple[np.ndarray, np.ndarray]) -> Forest:
    embedded, values = rows
    return grow_forest(embedded[:200], values[:200], num_trees=17, seed=5, workers=2)


def test_predictions_are_those_of_scikit_learn_to_the_last_bit(
    rows: tuple[np.ndarray, np.ndarray], forest: Forest
) -> None:
    embedded, values = rows
    reference = RandomForestRegressor(
        n_estimators=17, max_features=SHARE_OF_FEATURES, min_samples_leaf=FEWEST_IN_LEAF, random_state=5, n_jobs=1
    ).fit(embedded[:200], values[:200])
    # Where a row stands on a threshold, it goes left.
    on_thresholds = np.repeat(forest.thresholds[forest.left >= 0][:50, None], embedded.shape[1], axis=1)
    for asked in (embedded, on_thresholds):
        assert forest.predict(asked).tobytes() == reference.predict(asked).tobytes()
    assert len(set(forest.predict(embedded).tolist())) > 200


def test_a_forest_is_the_same_for_any_number_of_workers(rows: tuple[np.ndarray, np.ndarray], forest: Forest) -> None:
    embedded, values = rows
    again = grow_forest(embedded[:200], values[:200], num_trees=17, seed=5, workers=1)
    assert pickle.dumps(again) == pickle.dumps(forest)
    other = grow_forest(embedded[:200], values[:200], num_trees=17, seed=6, workers=1)
    assert pickle.dumps(other) != pickle.dumps(forest)


def test_one_leaf_predicts_the_mean() -> None:
    forest = grow_forest(np.zeros((8, 2)), np.arange(8.0), num_trees=1, seed=0, workers=1)
    assert forest.left.tolist() == forest.right.tolist() == [-1]
    assert forest.predict(np.ones((3, 2))).tolist() == [forest.values[0]] * 3
    assert forest.predict(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("number", [np.nan, np.inf, -1e39])
def test_what_is_not_finite_is_refused(rows: tuple[np.ndarray, np.ndarray], forest: Forest, number: float) -> None:
    embedded = rows[0][:20].copy()
    embedded[[3, 5], 1] = number
    with pytest.raises(StageError, match="of 2 of 20 files has a number that is not finite"):
        forest.predict(embedded)
    with pytest.raises(StageError, match="of 2 of 20 files has a number that is not finite"):
        grow_forest(embedded, rows[1][:20], num_trees=1, seed=0, workers=1)
