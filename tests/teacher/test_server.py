"""The client against a language model's own server: llama.cpp's, vLLM's, Ollama's, or any other.

HORNBOOK_SERVER=http://127.0.0.1:8080/v1 HORNBOOK_SERVER_MODEL=qwen2.5-coder python -m pytest -m server

Needs two minutes of a small model on two cores.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hornbook.recipe import AnnotatorConfig, WriterConfig
from hornbook.synthesize.requests import exercise_request
from hornbook.teacher.chat import ChatReply, ChatRequest, ChatTeacher, open_chat_teacher
from hornbook.teacher.ledger import read_spent
from hornbook.teacher.replies import ReplyCache

pytestmark = pytest.mark.server

COUNT = 4
ASK = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.teacher.test_server import requests, writer
    from hornbook.teacher.chat import open_chat_teacher
    with open_chat_teacher(writer(), Path(sys.argv[1])) as teacher:
        teacher.ask(requests())
    """
)


def named(variable: str) -> str:
    assert variable in os.environ, f"set {variable}, as this file's docstring says"
    return os.environ[variable]


def writer() -> WriterConfig:
    return WriterConfig(
        backend="openai",
        base_url=named("HORNBOOK_SERVER"),
        model=named("HORNBOOK_SERVER_MODEL"),
        max_tokens=48,
        concurrency=2,
        timeout_s=600,
        deadline_s=1800,
        budget_tokens=10**9,
    )


def requests() -> list[ChatRequest]:
    return [exercise_request(writer(), 0, index) for index in range(COUNT)]


def replies_of(teacher: ChatTeacher) -> list[ChatReply]:
    found = [reply for reply in teacher.ask(requests()) if isinstance(reply, ChatReply)]
    assert len(found) == COUNT
    return found


def test_what_a_server_says_is_read_counted_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with open_chat_teacher(writer(), path) as teacher:
        first = replies_of(teacher)
        used = teacher.tally.used
    for request, reply in zip(requests(), first, strict=True):
        assert reply.text.strip()
        num_bytes = sum(len(message.content.encode()) for message in request.messages)
        assert num_bytes / 8 < reply.prompt_tokens < num_bytes
        assert 0 < reply.completion_tokens <= 48
        assert (reply.finish_reason == "length") == (reply.completion_tokens == 48)
    assert used.prompt == sum(reply.prompt_tokens for reply in first)
    assert used.completion == sum(reply.completion_tokens for reply in first)
    with ReplyCache(path) as cache:
        assert read_spent(cache, writer().model) == {"live": used}, "the ledger holds what the server counted"
    with open_chat_teacher(writer(), path) as teacher:
        assert [reply.text for reply in replies_of(teacher)] == [reply.text for reply in first]
        assert teacher.tally.num_cached == COUNT


def wait_for(is_so: Callable[[], bool], asking: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 900
    while not is_so():
        assert asking.poll() is None, "it ended before it was killed"
        assert time.monotonic() < ends, "no reply in a quarter of an hour"
        time.sleep(0.05)


def test_after_a_kill_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with ReplyCache(path) as cache:
        asking = subprocess.Popen([sys.executable, "-c", ASK, str(path)], cwd=Path(__file__).parents[2])
        wait_for(lambda: len(cache) > 0, asking)
        asking.send_signal(signal.SIGKILL)
        asking.wait()
        num_kept = len(cache)
        assert 0 < num_kept < COUNT
    with open_chat_teacher(writer(), path) as teacher:
        replies_of(teacher)
        assert teacher.tally.num_cached == num_kept
    with ReplyCache(path) as cache:
        assert len(cache) == COUNT


def test_a_judgement_can_be_asked_for(tmp_path: Path) -> None:
    from hornbook.corpus.chat_annotate import Asked, annotate_by_chat
    from hornbook.records import CodeFile

    config = AnnotatorConfig(
        backend="openai",
        base_url=named("HORNBOOK_SERVER"),
        model=named("HORNBOOK_SERVER_MODEL"),
        timeout_s=600,
        deadline_s=1800,
    )
    file = CodeFile("def double(number):\n    return 2 * number\n", "mine-1.0", "double.py", "MIT")
    asked = Asked()
    rows = list(annotate_by_chat([file], config, tmp_path / "replies.sqlite", asked, device="cpu"))
    assert len(rows) + len(asked.unannotated) == 1
    assert all(0 <= row.educational_value <= 10 and row.reason for row in rows)
    assert asked.tally.used.completion > 0
