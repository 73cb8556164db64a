import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.duplicates.slices import consecutive


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 40))
def test_slices_have_every_row_once_and_no_more_than_twice_the_limit(weights: list[int], limit: int) -> None:
    slices = consecutive(np.array(weights, np.int64), limit)
    assert [row for part in slices for row in range(part.start, part.stop)] == list(range(len(weights)))
    for part in slices:
        assert part.stop > part.start
        assert sum(weights[part.start : part.stop]) <= max(limit, max(weights[part.start : part.stop]) + limit)
