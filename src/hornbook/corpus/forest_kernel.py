"""The compiled loop that walks down the trees of a forest (see `forest`).

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

from typing import Any

from hornbook.corpus.compiled import compiled


@compiled
def add_up(
    rows: Any, roots: Any, features: Any, thresholds: Any, left: Any, right: Any, values: Any, predicted: Any
) -> None:
    """Adds each tree's prediction of each row to `predicted`, (rows,), tree by tree; no number is missing."""
    for root in roots:
        for row in range(len(rows)):
            node = root
            while left[node] >= 0:
                node = left[node] if rows[row, features[node]] <= thresholds[node] else right[node]
            predicted[row] += values[node]
