"""The `openai` backend against a real server on loopback that misbehaves in every way an endpoint can."""

import logging
import textwrap
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import MissingDependencyError, TeacherError
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message
from hornbook.teacher.completion import read_completion
from hornbook.teacher.openai import OpenAITeacher
from hornbook.teacher.replies import ReplyCache
from tests.teacher.endpoint import Answer, Endpoint, Script, endpoint
from tests.teacher.processes import Forked

KEY = "sk-test-0123456789abcdef"


def request(number: int = 0, **changes: Any) -> ChatRequest:
    return ChatRequest("m", (Message("user", f"question {number}"),), **changes)


def number_of(asked: dict[str, Any]) -> int:
    return int(asked["messages"][0]["content"].split()[1])


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[ChatReply | Failure]]:
    """Asks an endpoint, by default one question, with a patience that suits a test."""
    monkeypatch.setenv("HORNBOOK_TEST_KEY", KEY)

    def asking(served: Endpoint, requests: list[ChatRequest] | None = None, **options: Any) -> Any:
        settings: dict[str, Any] = {
            "base_url": served.url,
            "api_key_env": "HORNBOOK_TEST_KEY",
            "concurrency": 8,
            "timeout_s": 5.0,
            "deadline_s": 10.0,
            "max_retries": 1,
        }
        on_progress = options.pop("on_progress", None)
        with ReplyCache(tmp_path / "replies.sqlite") as cache:
            teacher = OpenAITeacher(cache, **(settings | options))
            return teacher.ask(requests or [request()], on_progress=on_progress)

    return asking


def failure(outcomes: list[ChatReply | Failure]) -> Failure:
    (outcome,) = outcomes
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_replies_come_back_in_order_with_their_tokens(ask) -> None:
    def script(asked: dict[str, Any], before: int) -> Answer:
        # The first questions are answered last.
        return Answer(f"answer {number_of(asked)}", delay_s=0.1 - 0.01 * number_of(asked))

    done: list[int] = []
    with endpoint(script) as served:
        outcomes = ask(served, [request(n) for n in range(10)], on_progress=done.append)
    assert [reply.text for reply in outcomes] == [f"answer {n}" for n in range(10)]
    assert {(r.prompt_tokens, r.completion_tokens, r.finish_reason, r.was_cached) for r in outcomes} == {
        (11, 7, "stop", False)
    }
    assert sum(done) == 10


def test_what_is_sent_is_the_request(ask) -> None:
    with endpoint() as served:
        ask(served, [request(3, temperature=0.5, max_tokens=20, seed=9)])
    assert served.asked == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "question 3"}],
            "temperature": 0.5,
            "max_tokens": 20,
            "seed": 9,
        }
    ]
    assert served.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_reply_is_asked_for_once(ask) -> None:
    questions = [request(n % 5) for n in range(20)]
    with endpoint() as served:
        first = ask(served, questions)
        assert len(served.asked) == 5
        again = ask(served, questions)
        assert len(served.asked) == 5
    assert again == first
    assert [reply.was_cached for reply in first + again] == [False] * 20 + [True] * 20


def test_at_most_so_many_requests_are_in_flight(ask) -> None:
    with endpoint(lambda asked, before: Answer(delay_s=0.02)) as served:
        ask(served, [request(n) for n in range(24)], concurrency=4)
    assert served.most_in_flight == 4


@pytest.mark.parametrize(
    "bad",
    [
        Answer(status=429, body="{}"),
        Answer(status=500, body="oops"),
        Answer(status=503, body="<html>busy</html>", headers={"Content-Type": "text/html"}),
        Answer(drop="connection"),
        Answer(drop="body"),
        Answer(body='{"choices": [{"message": {"con'),
        Answer(body="<html>log in</html>", headers={"Content-Type": "text/html"}),
    ],
    ids=["429", "500", "503", "dropped", "cut", "broken JSON", "HTML"],
)
def test_what_goes_wrong_once_is_asked_again(ask, bad: Answer) -> None:
    with endpoint(lambda asked, before: Answer("good") if before else bad) as served:
        (reply,) = ask(served)
        assert reply.text == "good"
        assert len(served.asked) == 2


def test_retry_after_is_waited_for(ask) -> None:
    limited = Answer(status=429, body="{}", headers={"Retry-After": "1.2"})
    started = time.monotonic()
    with endpoint(lambda asked, before: Answer("good") if before else limited) as served:
        (reply,) = ask(served)
    assert reply.text == "good"
    # The SDK's own first wait is at most 0.5 s.
    assert time.monotonic() - started >= 1.2


@pytest.mark.parametrize(
    ("bad", "reason", "said"),
    [
        (Answer(status=429, body='{"error": {"message": "slow down"}}'), "rate_limited", "slow down"),
        (Answer(status=500, body='{"error": {"message": "oops"}}'), "server_error", "oops"),
        (Answer(status=400, body='{"error": {"message": "too long"}}'), "rejected", "too long"),
        (Answer(drop="connection"), "connection_failed", "127.0.0.1"),
        (Answer(body='{"choices": [{"mess'), "malformed_reply", "not JSON"),
        (Answer(body='{"choices": []}'), "malformed_reply", "not a chat completion"),
        (Answer(body="[1]"), "malformed_reply", "not a chat completion"),
        (Answer(text=""), "empty_reply", "finish reason 'stop'"),
        (Answer(text=None, finish_reason="length"), "empty_reply", "finish reason 'length'"),
        (Answer(text=None, refusal="I cannot help with that."), "refused", "I cannot help"),
        (Answer(text="half", finish_reason="content_filter"), "refused", "content_filter"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_what_stays_wrong_is_a_failure_with_its_reason(ask, bad: Answer, reason: str, said: str) -> None:
    def script(asked: dict[str, Any], before: int) -> Answer:
        return bad if number_of(asked) == 1 else Answer("good")

    with endpoint(script) as served:
        before, failed, after = ask(served, [request(0), request(1), request(2)])
    assert failed.reason == reason
    assert said in failed.detail
    assert (before.text, after.text) == ("good", "good")


def test_an_endpoint_that_is_not_there_is_a_failure(ask) -> None:
    with endpoint() as served:
        pass
    assert failure(ask(served)).reason == "connection_failed"


def test_empty_replies_and_refusals_were_paid_for_and_are_kept(ask) -> None:
    script: Script = lambda asked, before: Answer("") if number_of(asked) else Answer(None, refusal="no")  # noqa: E731
    with endpoint(script) as served:
        first = ask(served, [request(0), request(1)])
        assert ask(served, [request(0), request(1)]) == first
        assert len(served.asked) == 2
    assert [outcome.reason for outcome in first] == ["refused", "empty_reply"]


def test_an_attempt_that_hangs_is_given_up_and_tried_again(ask) -> None:
    with endpoint(lambda asked, before: Answer("good", delay_s=0 if before else 60)) as served:
        started = time.monotonic()
        (reply,) = ask(served, timeout_s=0.3)
    assert reply.text == "good"
    assert time.monotonic() - started < 5


def test_the_deadline_covers_all_attempts(ask) -> None:
    with endpoint(lambda asked, before: Answer(status=500, body="", headers={"Retry-After": "30"})) as served:
        started = time.monotonic()
        outcome = failure(ask(served, deadline_s=0.4))
    assert (outcome.reason, "deadline_s = 0.4" in outcome.detail) == ("timed_out", True)
    assert "the last attempt came to server_error: status 500" in outcome.detail
    assert time.monotonic() - started < 5


def test_failures_are_not_kept(ask) -> None:
    with endpoint(lambda asked, before: Answer("good") if before >= 2 else Answer(status=500, body="")) as served:
        assert failure(ask(served)).reason == "server_error"
        (reply,) = ask(served)
    assert reply.text == "good"


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "HORNBOOK_TEST_KEY"), (403, "HORNBOOK_TEST_KEY"), (404, "does not know the model 'm'")],
)
def test_what_no_request_survives_stops_at_once_and_loses_nothing(ask, status: int, said: str) -> None:
    def script(asked: dict[str, Any], before: int) -> Answer:
        return Answer(status=status, body='{"error": {"message": "no"}}') if number_of(asked) >= 10 else Answer("good")

    with endpoint(script) as served:
        with pytest.raises(TeacherError, match=said):
            ask(served, [request(n) for n in range(100)], concurrency=2)
        num_asked = len(served.asked)
        assert num_asked <= 12
        assert [reply.text for reply in ask(served, [request(n) for n in range(10)])] == ["good"] * 10
        assert len(served.asked) == num_asked


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_the_key_shows_nowhere(ask, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd, status: int) -> None:
    """Even where the endpoint says it back."""
    caplog.set_level(logging.DEBUG)
    echo = Answer(f"your key is {KEY}") if status == 200 else Answer(status=status, body=f'{{"error": "{KEY}"}}')
    with endpoint(lambda asked, before: echo) as served:
        if status in (401, 404):
            with pytest.raises(TeacherError) as caught:
                ask(served, max_retries=0)
            said = "".join(traceback.format_exception(caught.value))
        else:
            said = repr(ask(served, max_retries=0))
        assert served.headers[0]["authorization"] == f"Bearer {KEY}"
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    shown = capfd.readouterr()
    for place in (said, caplog.text, shown.out, shown.err, written.decode(errors="replace")):
        assert KEY not in place
    assert "[key]" in said


def test_a_short_key_is_a_placeholder_and_may_stand_in_a_reply(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORNBOOK_TEST_KEY", "EMPTY")
    with endpoint(lambda asked, before: Answer("the list is EMPTY")) as served:
        (reply,) = ask(served)
    assert reply.text == "the list is EMPTY"


def test_a_missing_key_matters_only_away_from_this_machine(ask, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HORNBOOK_TEST_KEY")
    with endpoint() as served:
        (reply,) = ask(served)
        assert reply.text == "fine"
        with pytest.raises(TeacherError, match=r"HORNBOOK_TEST_KEY is not set, and https://example\.org/v1 needs"):
            ask(served, base_url="https://example.org/v1")


def test_a_missing_sdk_names_the_install_command(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with endpoint() as served, pytest.raises(MissingDependencyError, match=r"pip install 'hornbook\[openai\]'"):
        ask(served)


@pytest.mark.parametrize("tokens", ['"many"', "-1", "1.5", str(2**70)])
def test_a_nonsensical_number_of_tokens_is_malformed(tokens: str) -> None:
    outcome = read_completion(
        f'{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {{"prompt_tokens": {tokens}}}}}'
    )
    assert isinstance(outcome, Failure)
    assert outcome.reason == "malformed_reply"


def test_a_reply_without_usage_or_with_half_a_character_is_read() -> None:
    outcome = read_completion('{"choices": [{"message": {"content": "a\\ud800b"}}]}')
    assert isinstance(outcome, ChatReply)
    assert (outcome.text, outcome.prompt_tokens, outcome.finish_reason) == ("a?b", 0, "")


ASKING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hornbook.teacher.chat import ChatRequest, Message
    from hornbook.teacher.openai import OpenAITeacher
    from hornbook.teacher.replies import ReplyCache

    url, path = sys.argv[1:]
    with ReplyCache(Path(path)) as cache:
        teacher = OpenAITeacher(
            cache, base_url=url, api_key_env="NONE", concurrency=4, timeout_s=30, deadline_s=60
        )
        requests = [ChatRequest("m", (Message("user", f"question {n}"),)) for n in range(50)]
        print([reply.text for reply in teacher.ask(requests)])
    """
)


def start_asking(url: str, path: Path) -> Forked:
    return Forked(ASKING, url, path)


@pytest.mark.slow
def test_a_kill_in_the_middle_loses_no_reply_that_came(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with endpoint(lambda asked, before: Answer(f"answer {number_of(asked)}", delay_s=0.05)) as served:
        killed = start_asking(served.url, path)
        while served.num_answered < 20:
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
        num_answered = served.num_answered
        with ReplyCache(path) as cache:
            num_kept = len(cache)
        # Four were in flight; all others that were answered are there.
        assert num_answered - 4 <= num_kept <= num_answered < 50
        num_asked = len(served.asked)

        rest = start_asking(served.url, path)
        assert rest.printed().strip() == str([f"answer {n}" for n in range(50)])
        assert len(served.asked) - num_asked == 50 - num_kept


def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with endpoint(lambda asked, before: Answer(f"answer {number_of(asked)}, asked {before}", delay_s=0.02)) as served:
        both = [start_asking(served.url, path) for _ in range(2)]
        printed = [process.printed() for process in both]
        # Both may have asked at once; then the reply that was kept first is everybody's.
        assert printed[0] == printed[1]
        num_asked = len(served.asked)
        third = start_asking(served.url, path)
        assert third.printed() == printed[0]
        assert len(served.asked) == num_asked
