import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning.words import may_have

WORDS = ("verbatim ", "unmodified from", "key")


@given(
    st.lists(st.sampled_from([*"keyKEY \u212a\u0131\u017f", "verbat\u0130m ", "VERBATIM", "é", " "]), max_size=9).map(
        "".join
    )
)
def test_nothing_that_a_pattern_finds_is_ruled_out(text: str) -> None:
    found = any(re.search(re.escape(word), text, re.IGNORECASE) for word in WORDS)
    assert may_have(text, *WORDS) or not found


@pytest.mark.parametrize(
    ("text", "expected"), [("A Key", True), ("ke y", False), ("", False), ("é", False), ("\u212aey", True)]
)
def test_words_in_any_case(text: str, expected: bool) -> None:
    assert may_have(text, *WORDS) is expected


def test_letters_beyond_ascii_that_patterns_take_for_ascii() -> None:
    beyond = "".join(map(chr, [*range(128, 0xD800), *range(0xE000, 0x110000)]))
    letters = set(re.findall("[a-z]", beyond, re.IGNORECASE))
    assert "\u212a" in letters
    assert all(may_have(letter, "a") for letter in letters)
