"""How many files each source of a corpus gives, where a limit holds for all of them together."""

from __future__ import annotations

from collections.abc import Sequence


def share_out(total: int, weights: Sequence[float], most: Sequence[int | None]) -> list[int]:
    """Whole shares of `total` in proportion to the weights, none above its own `most` (None: no limit).

    What one cannot take goes to the others by their weights; the shares add up to `total`, or to the sum of `most`
    where that is less. Fractions are given out by the largest remainder, ties to the first.
    """
    shares = [0] * len(weights)
    open_places = set(range(len(weights)))
    left = total
    while open_places:
        weight = sum(weights[place] for place in open_places)
        exact = {place: left * weights[place] / weight for place in sorted(open_places)}
        full = [place for place, share in exact.items() if (limit := most[place]) is not None and limit <= share]
        if not full:
            return _rounded(shares, exact, left)
        for place in full:
            shares[place] = most[place] or 0
            left -= shares[place]
        open_places.difference_update(full)
    return shares


def _rounded(shares: list[int], exact: dict[int, float], left: int) -> list[int]:
    for place, share in exact.items():
        shares[place] = int(share)
    missing = left - sum(int(share) for share in exact.values())
    for place in sorted(exact, key=lambda place: (int(exact[place]) - exact[place], place))[:missing]:
        shares[place] += 1
    return shares
