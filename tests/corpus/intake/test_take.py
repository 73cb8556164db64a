from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.corpus.intake.take import take_all


class Counted:
    """A source that gives so many files, and no more than it may."""

    def __init__(self, weight: float, there: int, most: int | None) -> None:
        self.weight, self.there, self.most = weight, there, most
        self.num_files, self.asked = 0, list[int]()

    @property
    def most_more(self) -> int | None:
        if self.asked and self.num_files < self.asked[-1]:
            return 0
        return None if self.most is None else self.most - self.num_files

    def take(self, num_files: int, workers: int, shown: object) -> None:
        assert num_files > self.num_files
        self.asked.append(num_files)
        self.num_files = min(num_files, self.there)


WEIGHTS = st.sampled_from([0.5, 1, 2, 3, 5, 7, 10])
SOURCES = st.lists(st.tuples(WEIGHTS, st.integers(0, 60), st.none() | st.integers(1, 40)), min_size=1, max_size=6)


@given(st.integers(1, 60), SOURCES)
@example(4, [(7, 2, None), (2, 50, None), (7, 0, None), (7, 50, None), (2, 50, None)])
def test_max_files_is_met_and_never_exceeded(max_files: int, sources: list[tuple[float, int, int | None]]) -> None:
    intakes = [Counted(*source) for source in sources]
    take_all(cast(Any, intakes), max_files, 1, cast(Any, None))
    can_give = [there if most is None else min(there, most) for _, there, most in sources]
    assert all(intake.num_files <= most for intake, most in zip(intakes, can_give, strict=True))
    assert sum(intake.num_files for intake in intakes) == min(max_files, sum(can_give))
