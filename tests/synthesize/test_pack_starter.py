"""Replies packed as the starter set is, and replayed from there."""

from pathlib import Path

import pytest

from hornbook.errors import TeacherError
from hornbook.recipe import WriterConfig
from hornbook.synthesize.pack_starter import pack_starter
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, section_request
from hornbook.teacher import starter
from hornbook.teacher.chat import ChatReply
from hornbook.teacher.replies import ReplyCache

WRITER = WriterConfig(model="m")
REQUESTS = [
    *(exercise_request(WRITER, 3, index) for index in range(4)),
    *(section_request(WRITER, 3, i) for i in (0, 1)),
    plain_exercise_request(WRITER, 3, 0),
]


def fill(path: Path, finish_reason: str = "length") -> None:
    with ReplyCache(path) as cache:
        for index, request in enumerate(REQUESTS):
            reason = finish_reason if index == 3 else "stop"
            cache.keep(request, ChatReply(f"“reply”\n{index}", reason, 10 + index, 5, "2026-01-01"))


def pack(tmp_path: Path, exercises: int = 4) -> int:
    return pack_starter(
        tmp_path / "a.sqlite", tmp_path / starter.REPLIES, WRITER, seed=3, exercises=exercises, sections=2, baseline=1
    )


def test_what_is_packed_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "a.sqlite")
    assert pack(tmp_path) == len(REQUESTS)
    monkeypatch.setattr(starter.resources, "files", lambda _: tmp_path)
    with ReplyCache(tmp_path / "b.sqlite") as copy, ReplyCache(tmp_path / "a.sqlite") as cache:
        starter.StarterSet(copy).supply(REQUESTS)
        for request in REQUESTS:
            first, second = cache.find(request), copy.find(request)
            assert first is not None
            assert second is not None
            assert (first.text, first.finish_reason, first.prompt_tokens, first.completion_tokens) == (
                second.text,
                second.finish_reason,
                second.prompt_tokens,
                second.completion_tokens,
            )


def test_the_same_replies_give_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "a.sqlite")
    pack(tmp_path)
    first = (tmp_path / starter.REPLIES).read_bytes()
    pack(tmp_path)
    assert (tmp_path / starter.REPLIES).read_bytes() == first


def test_a_reply_that_is_missing_or_has_no_letter_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "a.sqlite", finish_reason="content_filter")
    with pytest.raises(TeacherError, match="a reply that ended with 'content_filter' to request"):
        pack(tmp_path)
    with pytest.raises(TeacherError, match=r"a\.sqlite: a reply that ended"):
        pack(tmp_path, exercises=5)
    (tmp_path / "a.sqlite").unlink()
    fill(tmp_path / "a.sqlite")
    with pytest.raises(TeacherError, match=r"a\.sqlite: no reply to request"):
        pack(tmp_path, exercises=5)
