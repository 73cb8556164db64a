"""Stop strings: where a text is cut, and what of it can be shown before it is whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.model.stop_strings import certain_length, stop_place

TEXTS = st.text("ab\n \N{EURO SIGN}", max_size=12)
STOPS = st.lists(st.text("ab\n\N{EURO SIGN}", min_size=1, max_size=4), max_size=3)


@pytest.mark.parametrize(
    ("text", "stops", "kept"),
    [
        ("x = 1\nprint(x)", ["\nprint"], "x = 1"),
        ("x = 1\nprint(x)", ["print", "1"], "x = "),
        ("x = 1", ["[DONE]"], "x = 1"),
        ("x = 1", [], "x = 1"),
        ("[DONE] no more", ["[DONE]"], ""),
        ("\nclass A:\n    pass\nclass B:", ["\nclass"], "\nclass A:\n    pass"),  # not by the blanks it begins with
        ("\n\n\n", ["\n\n"], "\n\n\n"),
        ("xabcd", ["abcd", "bc"], "xa"),  # "bc" is complete first
        ("xabc", ["bc", "abc"], "x"),  # complete at once: the longer one
        ("1 \N{EURO SIGN} 2", ["\N{EURO SIGN}"], "1 "),
    ],
)
def test_a_text_is_cut_before_the_stop_string_that_is_complete_first(text, stops, kept):
    for order in itertools.permutations(stops):
        assert text[: stop_place(text, order)] == kept


@given(TEXTS, STOPS)
def test_what_comes_after_a_stop_string_changes_nothing(text, stops):
    first_stopped = next((n for n in range(len(text) + 1) if stop_place(text[:n], stops) < n), None)
    if first_stopped is None:
        assert stop_place(text, stops) == len(text)
    else:
        assert stop_place(text, stops) == stop_place(text[:first_stopped], stops)
        assert any(text.startswith(stop, stop_place(text, stops)) for stop in stops)


@given(TEXTS, TEXTS, STOPS)
def test_what_is_certain_is_never_taken_back(text, rest, stops):
    if stop_place(text, stops) == len(text):
        assert stop_place(text + rest, stops) >= certain_length(text, stops)


@given(TEXTS, STOPS)
def test_what_is_not_certain_could_become_a_stop_string(text, stops):
    certain = certain_length(text, stops)
    assert certain == len(text) or any(stop.startswith(text[certain:]) for stop in stops)
