"""The quality filter's random forest: grown by scikit-learn, then kept as arrays, which predict without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import StageError

Floats = NDArray[np.float64]
Places = NDArray[np.int32]

SHARE_OF_FEATURES = 1 / 3
"""Of the embedding, which a node may split by."""
FEWEST_IN_LEAF = 2


@dataclass(frozen=True, slots=True)
class Forest:
    """The nodes of all trees, tree by tree, N in all. Processes that only predict need not load scikit-learn."""

    roots: Places
    """(trees,): where each tree begins."""
    features: Places
    """(N,): what a node splits by."""
    thresholds: Floats
    """(N,): rows up to it go left."""
    left: Places
    """(N,): where a node's left child is; -1 for a leaf."""
    right: Places
    """(N,): where a node's right child is; -1 for a leaf."""
    values: Floats
    """(N,): the mean of the training rows at a node, which is what a leaf predicts."""

    def predict(self, embedded: Floats) -> Floats:
        """The mean of the trees' predictions, (rows,), of (rows, size). Lets go of Python's lock.

        The same to the last bit as scikit-learn's in one thread. Raises StageError where a number is not finite.
        """
        from hornbook.corpus import forest_kernel

        predicted = np.zeros(len(embedded))
        rows = _in_32_bits(embedded)
        forest_kernel.add_up(
            rows, self.roots, self.features, self.thresholds, self.left, self.right, self.values, predicted
        )
        predicted /= len(self.roots)
        return predicted


def grow_forest(embedded: Floats, values: Floats, *, num_trees: int, seed: int, workers: int) -> Forest:
    """Fits trees to (rows, size) and the values of the rows; the same for any number of workers, which are threads.

    Raises StageError where a number is not finite.
    """
    from sklearn.ensemble import RandomForestRegressor

    grown = RandomForestRegressor(
        n_estimators=num_trees,
        max_features=SHARE_OF_FEATURES,
        min_samples_leaf=FEWEST_IN_LEAF,
        random_state=seed,
        n_jobs=workers,
    ).fit(_in_32_bits(embedded), values)
    trees = [estimator.tree_ for estimator in grown.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])

    def joined_children(name: str) -> Places:
        children = [getattr(tree, name) for tree in trees]
        moved = [np.where(nodes >= 0, nodes + root, -1) for nodes, root in zip(children, roots, strict=True)]
        return np.concatenate(moved).astype(np.int32)

    return Forest(
        roots=roots.astype(np.int32),
        features=np.concatenate([tree.feature for tree in trees]).astype(np.int32),
        thresholds=np.concatenate([tree.threshold for tree in trees]),
        left=joined_children("children_left"),
        right=joined_children("children_right"),
        values=np.concatenate([tree.value[:, 0, 0] for tree in trees]),
    )


def _in_32_bits(embedded: Floats) -> NDArray[np.float32]:
    """What scikit-learn compares, too. It would take NaN for a missing number and say nothing."""
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(embedded, np.float32)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise StageError(
            f"stage filter: the embedding of {(~finite).sum():,} of {len(rows):,} files has a number that is not "
            "finite (NaN, or too large for 32 bits). Is the model in filter.embedder_model whole? Choose another."
        )
    return rows
