"""Replies that go round in circles, and texts that only look like it."""

import pytest

from hornbook.teacher.chat import ChatReply, Failure, usable
from hornbook.teacher.repetition import is_repetitive

PROSE = (
    "A list keeps its items in order. You reach an item by its index, which begins at 0. Appending puts a new item at "
    "the end, inserting moves those behind it, and removing one closes the gap. A slice copies a part of the list. "
)
TABLE = "".join(f"assert square({number}) == {number * number}\n" for number in range(60))


@pytest.mark.parametrize(
    "text", ["again and " * 60, PROSE + "the next, " * 80, "é" * 500], ids=["from the start", "later", "one letter"]
)
def test_a_loop_is_found(text: str) -> None:
    assert is_repetitive(text)


@pytest.mark.parametrize("text", ["", "no no no no", PROSE, PROSE + TABLE], ids=["empty", "short", "prose", "table"])
def test_honest_text_is_not_taken_for_one(text: str) -> None:
    assert not is_repetitive(text)


def test_only_a_reply_that_was_cut_is_dropped_for_it() -> None:
    loop = "again and " * 60
    assert isinstance(usable(ChatReply(loop, "stop", 1, 1, "now")), ChatReply)
    outcome = usable(ChatReply(loop, "length", 1, 1, "now"))
    assert isinstance(outcome, Failure)
    assert outcome.reason == "repetitive_reply"
    assert "again and" in outcome.detail
