"""The compiled loop of the `tfidf-svd` embedder that projects counted tokens, with no GIL held.

Import this where it is needed, not at the top of a module (see `compiled`). It does what scikit-learn's transformers do
and sums in the same order, so that the results are the same to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled

FEATURES_AT_ONCE = 1024
"""Of the projection, which is larger than a processor's own cache: each part of it is used for all rows in turn."""


@compiled
def project_all(starts: Any, indices: Any, weights: Any, idf: Any, components: Any, out: Any) -> None:
    """Rows of term weights times `idf`, scaled to length 1, times (features, size) `components`, to out (N, size)."""
    for row in range(len(out)):
        total = 0.0
        for place in range(starts[row], starts[row + 1]):
            weights[place] *= idf[indices[place]]
            total += weights[place] * weights[place]
        weights[starts[row] : starts[row + 1]] /= np.sqrt(total)
        out[row] = 0.0
    places = starts[:-1].copy()
    for first in range(0, len(components), FEATURES_AT_ONCE):
        for row in range(len(out)):
            place = places[row]
            while place < starts[row + 1] and indices[place] < first + FEATURES_AT_ONCE:
                weight, feature = weights[place], indices[place]
                for column in range(out.shape[1]):
                    out[row, column] += weight * components[feature, column]
                place += 1
            places[row] = place
