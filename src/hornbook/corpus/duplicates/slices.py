"""Rows cut into slices that weigh about the same: what is held in memory at once."""

from __future__ import annotations

import itertools

import numpy as np

from hornbook.corpus.duplicates.minhash import Integers


def consecutive(weights: Integers, limit: int) -> list[slice]:
    """Consecutive slices whose weights add up to about `limit`: less than `limit` more than their heaviest row."""
    cuts = np.flatnonzero(np.diff(np.cumsum(weights) // limit, prepend=0)).tolist()
    bounds = sorted({0, *cuts, len(weights)})
    return [slice(start, stop) for start, stop in itertools.pairwise(bounds)]
