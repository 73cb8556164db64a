"""Requests and their identity, the recorded backend, and how a recipe names a backend."""

import json
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import ArtifactError, RecipeError, TeacherError
from hornbook.recipe import GradeConfig, load_recipe
from hornbook.run.fingerprint import canonical
from hornbook.teacher.chat import (
    ChatReply,
    ChatRequest,
    Failure,
    Message,
    Usage,
    count_usage,
    open_chat_teacher,
    replies_file,
)
from hornbook.teacher.replies import ReplyCache
from tests.teacher.endpoint import endpoint

ASKED: dict[str, Any] = {"model": "m", "messages": (Message("system", "be brief"), Message("user", "hé"))}


def test_equal_requests_are_one_request() -> None:
    assert ChatRequest(**ASKED, temperature=0).digest == ChatRequest(**ASKED, temperature=0.0).digest
    assert json.loads(ChatRequest(**ASKED).canonical) == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hé"}],
        "temperature": 0.0,
        "max_tokens": 512,
    }


def test_the_key_of_a_reply_never_changes() -> None:
    """Were it to, every reply that was ever paid for would be lost."""
    assert ChatRequest(**ASKED).digest == "f89b460c7ad11624b6523f38f1f1312e6f5bd1b5a60eefe709fe9224f17c97d4"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"messages": ASKED["messages"][:1]},
        {"messages": (Message("user", "be brief"), Message("user", "hé"))},
        {"temperature": 0.1},
        {"max_tokens": 511},
        {"seed": 0},
    ],
)
def test_all_that_changes_a_reply_makes_another_request(change: dict[str, Any]) -> None:
    assert ChatRequest(**(ASKED | change)).digest != ChatRequest(**ASKED).digest


def test_tokens_and_failures_are_counted() -> None:
    first, second = ChatRequest(**ASKED), ChatRequest(**ASKED, seed=1)
    reply = ChatReply("x", "stop", 11, 7, "now")
    failed = Failure("timed_out", "")
    assert count_usage([(first, reply), (first, reply), (second, reply), (second, failed)]) == Usage(2, 22, 14)


def test_a_request_that_goes_on_from_a_reply_has_both_in_it() -> None:
    request = ChatRequest(**ASKED)
    further = request.followed_by("yes", "why?")
    assert further.messages == (*request.messages, Message("assistant", "yes"), Message("user", "why?"))
    assert (further.model, further.seed, further.max_tokens) == (request.model, request.seed, request.max_tokens)


def test_the_file_of_replies_is_the_sections_own_or_the_runs(tmp_path: Path) -> None:
    assert replies_file("", tmp_path / "replies.sqlite") == tmp_path / "replies.sqlite"
    assert replies_file("/r.sqlite", tmp_path) == Path("/r.sqlite")
    assert replies_file("~/r.sqlite", None) == Path.home() / "r.sqlite"


def test_what_was_recorded_is_replayed_without_asking(tmp_path: Path) -> None:
    requests = [ChatRequest("m", (Message("user", f"question {n}"),)) for n in range(3)]
    with endpoint() as served:
        config = GradeConfig(backend="openai", model="m", base_url=served.url)
        with open_chat_teacher(config, tmp_path / "r") as teacher:
            asked = teacher.ask(requests)
    done: list[int] = []
    recorded = GradeConfig(backend="recorded", model="m")
    with open_chat_teacher(recorded, tmp_path / "r") as teacher:
        assert teacher.ask(requests, on_progress=done.append) == asked
        missing = ChatRequest("m", (Message("user", "question 4, which nobody asked"),))
        with pytest.raises(TeacherError) as caught:
            teacher.ask([requests[0], missing])
    assert sum(done) == 3
    for said in (str(tmp_path / "r"), missing.digest[:12], "'m'", "question 4, which nobody asked"):
        assert said in str(caught.value)


def test_an_empty_reply_is_replayed_as_the_failure_that_it_was(tmp_path: Path) -> None:
    request = ChatRequest(**ASKED)
    with ReplyCache(tmp_path / "r") as cache:
        cache.keep(request, ChatReply("  ", "stop", 1, 1, "now"))
    with open_chat_teacher(GradeConfig(backend="recorded", model="m"), tmp_path / "r") as teacher:
        (outcome,) = teacher.ask([request])
    assert isinstance(outcome, Failure)
    assert outcome.reason == "empty_reply"


def test_backends_that_cannot_be_opened_say_so(tmp_path: Path) -> None:
    with (
        pytest.raises(TeacherError, match="no teacher is configured"),
        open_chat_teacher(GradeConfig(), tmp_path / "r"),
    ):
        pass
    recorded = GradeConfig(backend="recorded", model="m")
    with pytest.raises(ArtifactError, match="no reply cache is there"), open_chat_teacher(recorded, tmp_path / "r"):
        pass


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("base_url=https://me:hunter2hunter2@host/v1", "base_url must not hold a user name, a password or parameters"),
        ("base_url=https://host/v1?key=hunter2hunter2", "base_url must not hold"),
        ("base_url=host:8000/hunter2hunter2", "base_url must begin with http"),
        ("api_key_env=sk-hunter2hunter2", "api_key_env must be the name of an environment variable"),
        ("backend=openai", "model must name the model to ask when backend is 'openai'"),
        ("backend=gpt", "grade.backend: Input should be"),
    ],
)
def test_a_recipe_that_cannot_ask_is_refused_without_repeating_a_secret(override: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("nano", [f"grade.{override}"])
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_where_and_how_patiently_one_asks_is_no_part_of_the_identity() -> None:
    config = GradeConfig(backend="openai", model="m")
    elsewhere = config.model_copy(
        update={
            "base_url": "http://127.0.0.1:8000/v1",
            "api_key_env": "OTHER_KEY",
            "concurrency": 64,
            "timeout_s": 1.0,
            "deadline_s": 2.0,
        }
    )
    assert canonical(elsewhere) == canonical(config)
    assert canonical(config.model_copy(update={"temperature": 0.5})) != canonical(config)
