import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.intake.shares import share_out


@pytest.mark.parametrize(
    ("total", "weights", "most", "shares"),
    [
        (10, [1.0], [None], [10]),
        (10, [1.0, 1.0], [None, None], [5, 5]),
        (10, [3.0, 1.0], [None, None], [8, 2]),
        (11, [1.0, 1.0, 1.0], [None, None, None], [4, 4, 3]),
        (12, [1.0, 1.0, 1.0], [2, None, None], [2, 5, 5]),
        (12, [1.0, 1.0, 2.0], [2, 3, None], [2, 3, 7]),
        (100, [1.0, 1.0], [3, 4], [3, 4]),
        (10, [1.0, 1.0], [0, None], [0, 10]),
    ],
)
def test_shares(total: int, weights: list[float], most: list[int | None], shares: list[int]) -> None:
    assert share_out(total, weights, most) == shares


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.floats(0.01, 100), st.none() | st.integers(0, 300)), min_size=1, max_size=6),
)
def test_shares_add_up_and_keep_to_the_limits(total: int, sources: list[tuple[float, int | None]]) -> None:
    weights, most = [weight for weight, _ in sources], [limit for _, limit in sources]
    shares = share_out(total, weights, most)
    assert all(limit is None or share <= limit for share, limit in zip(shares, most, strict=True))
    there = None if None in most else sum(limit or 0 for limit in most)
    assert sum(shares) == (total if there is None else min(total, there))
