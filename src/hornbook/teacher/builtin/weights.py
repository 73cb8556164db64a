"""Weighted choices."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Choice(Generic[T]):
    """A weighted choice among options. Raises ValueError for weights that name an unknown option or add up to 0."""

    def __init__(self, weights: Mapping[T, float], known: Collection[T]) -> None:
        unknown = [option for option in weights if option not in known]
        if unknown:
            raise ValueError(f"weights name {unknown[0]!r}; the known ones are {', '.join(map(str, known))}")
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(f"weights must not be negative and must add up to more than 0: {dict(weights)}")
        self._options = list(weights)
        self._cumulative = list(accumulate(weights.values()))

    def draw(self, rng: random.Random) -> T:
        """One option."""
        return rng.choices(self._options, cum_weights=self._cumulative)[0]
