import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.windows import Window, choose_windows, cut_windows


def test_a_file_that_fits_is_one_window() -> None:
    text = "a = 1\nb = 2\n"
    assert cut_windows(text, len(text)) == [Window(text, 1, 1, 2)]
    assert cut_windows("no newline", 100) == [Window("no newline", 1, 1, 1)]
    assert cut_windows("", 5) == [Window("", 1, 1, 1)]


def test_windows_end_with_a_line_and_know_their_lines() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 10))
    windows = cut_windows(text, 30)
    assert [(w.number, w.first_line, w.last_line) for w in windows] == [(1, 1, 3), (2, 4, 6), (3, 7, 9)]
    assert windows[1].text == "line 4\nline 5\nline 6\n"


def test_windows_are_even_and_not_full_with_a_rest() -> None:
    # Four lines of 7 fit into 30, and nine in all would leave one line alone.
    text = "".join(f"line {number}\n" for number in range(1, 6))
    assert [len(window.text) for window in cut_windows(text, 30)] == [21, 14]


def test_a_line_that_is_too_long_is_cut_inside() -> None:
    windows = cut_windows(f"a\n{'x' * 25}\nb\n", 10)
    assert "".join(window.text for window in windows) == f"a\n{'x' * 25}\nb\n"
    assert max(len(window.text) for window in windows) <= 10
    assert (windows[0].first_line, windows[-1].last_line) == (1, 3)


def test_only_a_newline_ends_a_line() -> None:
    text = "form\x0cfeed\u2028separator\n"
    assert [window.last_line for window in cut_windows(text, 100)] == [1]


@given(st.text(alphabet="ab\n", max_size=200), st.integers(min_value=1, max_value=50))
def test_windows_together_are_the_text_and_as_few_as_can_be(text: str, max_chars: int) -> None:
    windows = cut_windows(text, max_chars)
    assert "".join(window.text for window in windows) == text
    assert all(len(window.text) <= max_chars for window in windows)
    assert [window.number for window in windows] == list(range(1, len(windows) + 1))
    # Two neighbours never fit into one window, or one less would do.
    greedy, filled = 1, 0
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), max_chars):
            piece = min(max_chars, len(line) - start)
            if filled + piece > max_chars:
                greedy, filled = greedy + 1, 0
            filled += piece
    assert len(windows) == greedy


@pytest.mark.parametrize(
    ("count", "numbers"),
    [(1, [4]), (2, [2, 6]), (3, [2, 4, 6]), (7, [1, 2, 3, 4, 5, 6, 7]), (9, [1, 2, 3, 4, 5, 6, 7])],
)
def test_chosen_windows_are_spread_evenly(count: int, numbers: list[int]) -> None:
    windows = cut_windows("".join(f"line {number}\n" for number in range(1, 8)), 7)
    assert [window.number for window in choose_windows(windows, count)] == numbers
