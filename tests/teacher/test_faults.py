"""An endpoint that fails in every way, at scale: each request ends once, nothing that was paid for is lost."""

import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import StageError, TeacherError
from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.run.folder import RunFolder
from hornbook.run.machine import Machine
from hornbook.run.runner import execute
from hornbook.teacher import endpoint as sending
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message
from hornbook.teacher.endpoint import backoff_s, read_wait
from hornbook.teacher.ledger import read_spent
from hornbook.teacher.openai import OpenAITeacher
from hornbook.teacher.replies import ReplyCache
from tests.synthesize.test_read_section import section
from tests.teacher.endpoint import Answer, Endpoint, endpoint
from tests.teacher.processes import Forked

KEY = "sk-test-0123456789abcdef"
HTML = {"Content-Type": "text/html"}
LOOP = "and then again, " * 100

ONCE = {
    0: Answer(status=429, body="{}"),
    1: Answer(status=429, body="{}", headers={"Retry-After": "0.05"}),
    2: Answer(status=500, body="oops"),
    3: Answer(status=502, body="<html>bad gateway</html>", headers=HTML),
    4: Answer(status=503, body="{}", headers={"Retry-After": "0.02"}),
    5: Answer(drop="connection"),
    6: Answer(drop="body"),
    7: Answer(body='{"choices": [{"message": {"con'),
    8: Answer(body="<html>log in</html>", headers=HTML),
    9: Answer(status=408, body="{}"),
}
"""What a request meets the first time, by its number modulo 20; then it is answered."""
ALWAYS = {
    10: (Answer(""), "empty_reply", 1),
    11: (Answer(None, refusal="I cannot help with that."), "refused", 1),
    12: (Answer(LOOP, finish_reason="length"), "repetitive_reply", 1),
    13: (Answer("x", usage=None), "", 1),
    14: (Answer(body='{"choices": []}'), "malformed_reply", 2),
    15: (Answer(status=500, body="oops"), "server_error", 3),
    16: (Answer(status=400, body="{}"), "rejected", 1),
    17: (Answer("x", headers={"Content-Type": "text/plain"}), "", 1),
    18: (Answer("half", finish_reason="content_filter"), "refused", 1),
    19: (Answer("x" * 400, usage={"prompt_tokens": 10, "completion_tokens": 10_000}), "", 1),
}
"""What it meets every time, the reason that it is counted under, and how often it is sent with two retries."""
HANGING = 27
"""Is not answered at all the first time it is asked."""


def number_of(asked: dict[str, Any]) -> int:
    return int(asked["messages"][0]["content"].split()[1])


def request(number: int) -> ChatRequest:
    return ChatRequest("m", (Message("user", f"question {number}"),), max_tokens=400)


def teacher(cache: ReplyCache, url: str, **options: Any) -> OpenAITeacher:
    settings: dict[str, Any] = {"concurrency": 64, "timeout_s": 5.0, "deadline_s": 60.0, "max_retries": 2}
    return OpenAITeacher(cache, base_url=url, api_key_env="NO_KEY", **(settings | options))


@pytest.mark.parametrize("count", [400, pytest.param(2000, marks=pytest.mark.slow)])
def test_every_request_ends_once_through_every_fault(tmp_path: Path, count: int) -> None:
    def script(asked: dict[str, Any], before: int) -> Answer:
        kind = number_of(asked) % 20
        if number_of(asked) == HANGING and not before:
            return Answer(delay_s=60)
        if kind in ONCE:
            return Answer(f"answer {number_of(asked)}") if before else ONCE[kind]
        return ALWAYS[kind][0]

    requests = [request(number) for number in range(count)]
    done: list[int] = []
    with endpoint(script) as served, ReplyCache(tmp_path / "r") as cache:
        asking = teacher(cache, served.url)
        outcomes = asking.ask(requests, on_progress=done.append)
        times = Counter(number_of(asked) for asked in served.asked)
        assert served.most_in_flight <= 64
        kept = set(cache.find_all(requests))
        # Whatever was kept is not asked for again, and what was dropped may be.
        num_asked = len(served.asked)
        again = asking.ask([one for one in requests if one.digest in kept])
        assert len(served.asked) == num_asked
    assert sum(done) == len(outcomes) == count
    for number, outcome in enumerate(outcomes):
        _, reason, num_sent = ALWAYS.get(number % 20, (None, "", 2))
        assert (outcome.reason if isinstance(outcome, Failure) else "") == reason, (number, outcome)
        assert times[number] == num_sent, number
        if number % 20 in ONCE:
            assert isinstance(outcome, ChatReply)
            assert outcome.text == f"answer {number}"
    drops = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Failure))
    not_kept = drops["malformed_reply"] + drops["server_error"] + drops["rejected"]
    assert drops == {reason: count // (10 if reason == "refused" else 20) for reason in drops}
    # One kept reply or one counted drop each; what was paid for and is of no use is both.
    assert len(kept) + not_kept == count
    assert sum(isinstance(outcome, Failure) for outcome in again) == count // 5


@pytest.mark.parametrize("way", ["refuses", pytest.param("hangs", marks=pytest.mark.slow), "503", "429"])
def test_an_endpoint_that_dies_is_given_up_and_what_it_answered_stays(tmp_path: Path, way: str) -> None:
    fault = {"hangs": Answer(delay_s=60), "503": Answer(status=503, body="{}"), "429": Answer(status=429, body="{}")}

    def script(asked: dict[str, Any], before: int) -> Answer:
        if len(served.asked) <= 40:
            return Answer("good")
        if way == "refuses":
            served.server.socket.close()
            return Answer(drop="connection")
        return fault[way]

    requests = [request(number) for number in range(5000)]
    with ReplyCache(tmp_path / "r") as cache:
        started = time.monotonic()
        with endpoint(script) as served, pytest.raises(TeacherError) as caught:
            teacher(cache, served.url, concurrency=8, timeout_s=1.0, max_retries=0).ask(requests)
        assert time.monotonic() - started < 30
        num_kept = len(cache)
        assert num_kept == 40
        assert "16 requests in a row came to nothing" in str(caught.value)
        assert f"kept in {tmp_path / 'r'}: when the endpoint is there again, run the same again" in str(caught.value)
        with endpoint() as served:
            outcomes = teacher(cache, served.url).ask(requests[:100])
        assert all(isinstance(outcome, ChatReply) for outcome in outcomes)
        assert len(served.asked) == 60


def test_one_answer_in_between_keeps_an_endpoint_alive(tmp_path: Path) -> None:
    script = lambda asked, before: Answer("x") if number_of(asked) % 5 == 0 else Answer(status=503, body="{}")  # noqa: E731
    with endpoint(script) as served, ReplyCache(tmp_path / "r") as cache:
        outcomes = teacher(cache, served.url, concurrency=4, max_retries=0).ask([request(n) for n in range(100)])
    assert sum(isinstance(outcome, ChatReply) for outcome in outcomes) == 20


ASKING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hornbook.teacher.chat import ChatRequest, Message
    from hornbook.teacher.openai import OpenAITeacher
    from hornbook.teacher.replies import ReplyCache

    with ReplyCache(Path(sys.argv[2])) as cache:
        OpenAITeacher(
            cache, base_url=sys.argv[1], api_key_env="NONE", concurrency=16, timeout_s=30, deadline_s=60
        ).ask([ChatRequest("m", (Message("user", f"question {n}"),), max_tokens=400) for n in range(500)])
    """
)


def test_after_kill_9_at_most_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    with endpoint(lambda asked, before: Answer("x", delay_s=0.03)) as served:
        killed = Forked(ASKING, served.url, tmp_path / "r")
        while served.num_answered < 200:
            assert killed.poll() is None
            time.sleep(0.005)
        killed.kill()
        with ReplyCache(tmp_path / "r") as cache:
            kept = {number for number in range(500) if cache.find(request(number)) is not None}
        num_asked = len(served.asked)
        assert Forked(ASKING, served.url, tmp_path / "r").wait(120) == 0
    assert len(kept) >= 200 - 16
    again = [number_of(asked) for asked in served.asked[num_asked:]]
    assert kept.isdisjoint(again)
    times = Counter(number_of(asked) for asked in served.asked)
    assert set(times) == set(range(500))
    assert sum(count - 1 for count in times.values()) <= 16
    assert max(times.values()) <= 2


def test_beyond_max_drop_fraction_a_writer_stops_with_a_summary_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    """The endpoint says the key back in whatever it says: it shows in no file of the run either."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HORNBOOK_TEST_KEY", KEY)

    def script(asked: dict[str, Any], before: int) -> Answer:
        if len(served.asked) % 10 == 0:
            return Answer(section(title=f"# All about {KEY} {len(served.asked)}"))
        return Answer(status=400, body=json.dumps(KEY)) if len(served.asked) % 2 else Answer(f"No. {KEY}")

    def run(served: Endpoint, max_drop_fraction: float) -> dict[str, Any]:
        settings = {"backend": "openai", "model": "m", "base_url": served.url, "api_key_env": "HORNBOOK_TEST_KEY"}
        overrides = [f"writer.{name}={value}" for name, value in settings.items()]
        overrides += ["write_textbooks.num_sections=5", "write_textbooks.num_requests=40"]
        recipe, folder = load_recipe("tiny", overrides), RunFolder(tmp_path / "run")
        graph = build(recipe)
        return execute(
            graph,
            folder,
            Machine(workers=1, replies=folder.replies),
            recipe_name="tiny",
            max_drop_fraction=max_drop_fraction,
            targets=[graph["write_textbooks"]],
        )

    with endpoint(script) as served:
        with pytest.raises(StageError) as caught:
            run(served, 0.5)
        assert "more than max_drop_fraction 0.5 allows (rejected 20, no_title" in str(caught.value)
        num_asked = len(served.asked)
        assert num_asked == 40
        made = run(served, 0.95)["write_textbooks"]
    # The rejected ones had no reply to keep.
    assert len(served.asked) == num_asked + 20
    assert made.facts.metrics["teacher_cached"] == 20
    assert served.headers[0]["authorization"] == f"Bearer {KEY}"
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name == "manifest.json" for path in written)
    assert any(path.name == "replies.sqlite" for path in written)
    shown = capfd.readouterr()
    for place in (str(caught.value), caplog.text, shown.out, shown.err, *map(repr, written.values())):
        assert KEY not in place
    assert "[key]" in "".join(row.text for row in made.read())


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_how_long_an_endpoint_asks_to_wait(headers: dict[str, str], wait_s: float | None) -> None:
    assert read_wait(headers) == wait_s


def test_a_date_to_wait_for_is_read() -> None:
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    waited = read_wait({"retry-after": later})
    assert waited is not None
    assert 27 <= waited <= 30


def test_waits_double_up_to_a_bound_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST_WAIT_S", 0.5)
    waits = [[backoff_s(number) for _ in range(50)] for number in range(7)]
    for number, drawn in enumerate(waits):
        full = min(0.5 * 2**number, 8.0)
        assert all(0.75 * full <= wait <= full for wait in drawn)
        assert len(set(drawn)) > 1


def test_an_endpoint_may_say_that_a_retry_is_no_use(tmp_path: Path) -> None:
    script: Callable[..., Answer] = lambda asked, before: Answer(  # noqa: E731
        status=429, body='{"error": {"code": "insufficient_quota"}}', headers={"x-should-retry": "false"}
    )
    with endpoint(script) as served, ReplyCache(tmp_path / "r") as cache:
        (outcome,) = teacher(cache, served.url).ask([request(0)])
        assert isinstance(outcome, Failure)
        assert outcome.reason == "rate_limited"
        assert read_spent(cache, "m")["live"].total == 0
    assert len(served.asked) == 1
