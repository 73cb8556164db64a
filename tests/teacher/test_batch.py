"""The batch mode against an endpoint with files and batches: limits, every kind of end, kills between all steps."""

import os
import signal
import textwrap
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import RecipeError, TeacherError
from hornbook.recipe import ChatConfig, load_recipe
from hornbook.run.fingerprint import canonical
from hornbook.teacher.batch import BatchTeacher
from hornbook.teacher.batches import open_batches, read_batches
from hornbook.teacher.budget import Budget, Tokens, most_tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message, open_chat_teacher, read_request
from hornbook.teacher.ledger import open_ledger, read_spent
from hornbook.teacher.openai import OpenAITeacher
from hornbook.teacher.replies import ReplyCache
from tests.teacher.batch_endpoint import BatchEndpoint, batch_endpoint
from tests.teacher.endpoint import Answer, endpoint
from tests.teacher.processes import Forked

KEY = "sk-test-0123456789abcdef"
USED = Tokens(11, 7)


def request(number: int = 0, model: str = "m") -> ChatRequest:
    return ChatRequest(model, (Message("user", f"question {number:04}"),), max_tokens=50)


MOST = most_tokens(request())


def teacher(cache: ReplyCache, served: BatchEndpoint, **options: Any) -> BatchTeacher:
    settings: dict[str, Any] = {"base_url": served.url, "api_key_env": "NO_KEY", "timeout_s": 5.0, "first_poll_s": 0.01}
    return BatchTeacher(cache, **(settings | options))


def ask(path: Path, served: BatchEndpoint, requests: list[ChatRequest], **options: Any) -> list[ChatReply | Failure]:
    on_progress = options.pop("on_progress", None)
    with ReplyCache(path) as cache:
        return teacher(cache, served, **options).ask(requests, on_progress=on_progress)


def spent(path: Path) -> dict[str, Tokens]:
    with ReplyCache(path) as cache:
        open_ledger(cache)
        return dict(read_spent(cache, "m"))


def num_open(path: Path) -> int:
    with ReplyCache(path) as cache:
        open_batches(cache)
        return len(read_batches(cache)) + int(str(cache.read("SELECT COUNT(*) FROM batched_requests")[0][0]))


def times(count: int, tokens: Tokens) -> Tokens:
    return Tokens(count * tokens.prompt, count * tokens.completion)


def test_replies_come_back_in_order_and_are_kept(tmp_path: Path) -> None:
    done: list[int] = []
    requests = [request(n % 7) for n in range(10)]
    with batch_endpoint(polls=2) as served:
        outcomes = ask(tmp_path / "r", served, requests, on_progress=done.append)
        assert [outcome.text for outcome in outcomes] == [f"answer {n % 7:04}" for n in range(10)]
        assert sum(done) == 10
        again = ask(tmp_path / "r", served, requests)
        assert again == outcomes
    assert len(served.batches) == 1
    assert [line["body"] for line in served.handed_over()] == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": f"question {n:04}"}],
            "temperature": 0.0,
            "max_tokens": 50,
        }
        for n in range(7)
    ]
    assert spent(tmp_path / "r") == {"batch": times(7, USED)}
    assert num_open(tmp_path / "r") == 0


def test_a_batch_asks_what_a_live_teacher_would(tmp_path: Path) -> None:
    with batch_endpoint() as served:
        batched = ask(tmp_path / "r", served, [request(n) for n in range(5)])
    with endpoint() as live, ReplyCache(tmp_path / "r") as cache:
        asking = OpenAITeacher(cache, base_url=live.url, api_key_env="NO_KEY", concurrency=2, timeout_s=5, deadline_s=9)
        assert asking.ask([request(n) for n in range(5)]) == batched
        asking.ask([request(5)])
    assert len(live.asked) == 1
    (line,) = [line for line in served.handed_over() if line["custom_id"] == request(3).digest]
    assert line["body"] == live.asked[0] | {"messages": [{"role": "user", "content": "question 0003"}]}


def test_files_keep_to_the_limits_and_to_one_model(tmp_path: Path) -> None:
    requests = [*(request(n) for n in range(7)), *(request(n, "other") for n in range(2))]
    with batch_endpoint() as served:
        outcomes = ask(tmp_path / "r", served, requests, most_requests=3)
        sizes = [len(served.files[batch["input_file_id"]].splitlines()) for batch in served.batches.values()]
        assert sizes == [3, 3, 1, 2]
        line_bytes = len(served.files["file-0"].splitlines(keepends=True)[0])
        outcomes += ask(tmp_path / "s", served, requests[:7], most_bytes=2 * line_bytes + 5)
        sizes = [len(served.files[batch["input_file_id"]].splitlines()) for batch in list(served.batches.values())[4:]]
    assert sizes == [2, 2, 2, 1]
    assert all(isinstance(outcome, ChatReply) for outcome in outcomes)


def test_every_request_ends_in_one_reply_or_one_reason(tmp_path: Path) -> None:
    answers = {
        0: (Answer("good"), ""),
        1: (Answer(status=400, body="{}"), "rejected"),
        2: (Answer(status=429, body="{}"), "rate_limited"),
        3: (Answer(status=500, body="{}"), "server_error"),
        4: (Answer(""), "empty_reply"),
        5: (Answer(None, refusal="no"), "refused"),
        6: (Answer(body='{"choices": []}'), "malformed_reply"),
        7: (None, "batch_unfinished"),
        8: (Answer("loop " * 200, finish_reason="length"), "repetitive_reply"),
    }

    def script(body: dict[str, Any]) -> Answer | None:
        return answers[int(body["messages"][0]["content"].split()[1])][0]

    with batch_endpoint(script, status="expired") as served:
        outcomes = ask(tmp_path / "r", served, [request(n) for n in answers])
        assert [getattr(outcome, "reason", "") for outcome in outcomes] == [reason for _, reason in answers.values()]
        # What was completed is paid for; what is no completion may be.
        assert spent(tmp_path / "r") == {"batch": times(4, USED) + MOST}
        assert num_open(tmp_path / "r") == 0
        ask(tmp_path / "r", served, [request(n) for n in answers])
    again = served.handed_over()[len(answers) :]
    assert {line["body"]["messages"][0]["content"] for line in again} == {
        f"question {number:04}" for number in (1, 2, 3, 6, 7)
    }


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_what_a_batch_did_not_get_to_is_counted_and_sent_by_the_next_run(tmp_path: Path, status: str) -> None:
    def script(body: dict[str, Any]) -> Answer | None:
        return Answer("x") if len(served.batches) > 1 or "000" in body["messages"][0]["content"] else None

    requests = [request(n) for n in range(0, 50, 5)]
    with batch_endpoint(script, status=status) as served:
        outcomes = ask(tmp_path / "r", served, requests)
        assert [outcome.reason for outcome in outcomes if isinstance(outcome, Failure)] == ["batch_unfinished"] * 8
        assert all(isinstance(outcome, ChatReply) for outcome in ask(tmp_path / "r", served, requests))
    assert len(served.handed_over()) == 18


def test_a_batch_that_is_refused_says_why_and_costs_nothing(tmp_path: Path) -> None:
    with batch_endpoint(status="failed") as served:
        served.errors = [{"code": "token_limit_exceeded", "message": "too many enqueued tokens"}]
        with pytest.raises(TeacherError, match=r"batch-0 of 3 requests was refused \(token_limit_exceeded: too many"):
            ask(tmp_path / "r", served, [request(n) for n in range(3)])
    assert spent(tmp_path / "r") == {"batch": Tokens()}
    assert num_open(tmp_path / "r") == 0


def test_the_budget_holds_a_batch_at_its_worst_case_and_batch_prices(tmp_path: Path) -> None:
    prices = {"prompt_price": 1e-6, "completion_price": 2e-6}
    half = Budget(**prices).dollars(MOST) / 2
    budget = Budget("writer", **prices, max_dollars=2.5 * half)
    with batch_endpoint() as served:
        with pytest.raises(TeacherError, match=r"raise writer\.budget_dollars"):
            ask(tmp_path / "r", served, [request(n) for n in range(100)], budget=budget)
        sizes = [len(served.files[batch["input_file_id"]].splitlines()) for batch in served.batches.values()]
        # Two at their worst; they come to less, so that a few more fit, and so on.
        assert sizes[0] == 2
        assert sizes == sorted(sizes, reverse=True)
        paid = Budget(**prices).dollars(spent(tmp_path / "r")["batch"], "batch")
        assert 1.5 * half < paid <= 2.5 * half
        outcomes = ask(tmp_path / "r", served, [request(n) for n in range(100)])
    assert len(outcomes) == 100
    assert len(served.handed_over()) == 100


def test_faults_on_the_way_are_tried_again(tmp_path: Path) -> None:
    with batch_endpoint() as served:
        served.faults = [
            ("file", 500),
            ("batch", 503),
            ("batched", 500),
            ("poll", 429),
            ("content", 502),
            ("list", 500),
        ]
        outcomes = ask(tmp_path / "r", served, [request(n) for n in range(4)])
    assert all(isinstance(outcome, ChatReply) for outcome in outcomes)
    assert served.faults == []
    # `batched` was made although it was answered with 500.
    assert len(served.batches) == 1


def test_what_stays_wrong_is_left_to_the_next_run(tmp_path: Path) -> None:
    requests = [request(n) for n in range(4)]
    with batch_endpoint() as served:
        served.faults = [("batch", 400)]
        with pytest.raises(
            TeacherError, match=r"cannot be handed over.*status 400.*written down in .*run the same again"
        ):
            ask(tmp_path / "r", served, requests)
        assert spent(tmp_path / "r") == {"batch": times(4, MOST)}
        assert len(ask(tmp_path / "r", served, requests)) == 4
    assert len(served.batches) == 1
    assert spent(tmp_path / "r") == {"batch": times(4, USED)}


ASKING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hornbook.teacher.batch import BatchTeacher
    from hornbook.teacher.chat import ChatRequest, Message
    from hornbook.teacher.replies import ReplyCache

    with ReplyCache(Path(sys.argv[2])) as cache:
        teacher = BatchTeacher(cache, base_url=sys.argv[1], api_key_env="NONE", timeout_s=30, first_poll_s=0.01)
        messages = [(Message("user", f"question {n:04}"),) for n in range(int(sys.argv[3]))]
        print([reply.text for reply in teacher.ask([ChatRequest("m", one, max_tokens=50) for one in messages])])
    """
)


def start(served: BatchEndpoint, path: Path, count: int = 12) -> Forked:
    return Forked(ASKING, served.url, path, count)


def kill_while_it_waits(served: BatchEndpoint, path: Path) -> None:
    """Leaves a batch of 12 requests under way."""
    process = start(served, path)
    while "poll" not in served.steps:
        assert process.poll() is None
    process.kill()


@pytest.mark.parametrize("step", ["file", "filed", "batch", "batched", "poll", "content"])
def test_after_kill_9_at_any_step_nothing_is_handed_over_twice(tmp_path: Path, step: str) -> None:
    with batch_endpoint() as served:
        waiting: list[Forked] = []

        def kill(at: str) -> None:
            if at == step and waiting:
                os.kill(waiting.pop().pid, signal.SIGKILL)

        served.on_step = kill
        with served.lock:
            process = start(served, tmp_path / "r")
            waiting.append(process)
        assert process.wait() == -signal.SIGKILL
        assert waiting == []
        outcomes = ask(tmp_path / "r", served, [request(n) for n in range(12)])
    assert [outcome.text for outcome in outcomes] == [f"answer {n:04}" for n in range(12)]
    assert len(served.batches) == 1
    assert len(served.handed_over()) == 12
    assert spent(tmp_path / "r") == {"batch": times(12, USED)}
    assert num_open(tmp_path / "r") == 0


def test_a_run_that_wants_other_requests_keeps_what_a_killed_one_paid_for(tmp_path: Path) -> None:
    with batch_endpoint(polls=10**6) as served:
        kill_while_it_waits(served, tmp_path / "r")
        served.polls = 0
        outcomes = ask(tmp_path / "r", served, [request(n) for n in range(8, 20)])
        assert len(outcomes) == 12
        with ReplyCache(tmp_path / "r") as cache:
            assert len(cache) == 20
    assert [len(served.files[batch["input_file_id"]].splitlines()) for batch in served.batches.values()] == [12, 8]


def test_what_a_batch_under_way_will_answer_is_not_asked_live(tmp_path: Path) -> None:
    with batch_endpoint(polls=10**6) as served:
        kill_while_it_waits(served, tmp_path / "r")
    with endpoint() as live, ReplyCache(tmp_path / "r") as cache:
        asking = OpenAITeacher(cache, base_url=live.url, api_key_env="NO_KEY", concurrency=2, timeout_s=5, deadline_s=9)
        with pytest.raises(TeacherError, match=r"in a batch that is not fetched yet \(batch-0\)\. Set mode to 'batch'"):
            asking.ask([request(3)])
        assert live.asked == []
        asking.ask([request(100)])
        assert len(live.asked) == 1


def test_broken_lines_of_an_output_count_at_their_worst_case(tmp_path: Path) -> None:
    with batch_endpoint() as served:
        made = served.end

        def end(batch: dict[str, Any]) -> None:
            made(batch)
            lines = served.files[f"{batch['id']}-output"].splitlines(keepends=True)
            served.files[f"{batch['id']}-output"] = b"".join([lines[0], lines[1][:40] + b"\n", b"[1]\n", *lines[3:]])

        served.end = end  # type: ignore[method-assign]
        outcomes = ask(tmp_path / "r", served, [request(n) for n in range(5)])
    assert [getattr(outcome, "reason", "") for outcome in outcomes] == [
        "",
        "",
        "malformed_reply",
        "malformed_reply",
        "",
    ]
    assert isinstance(outcomes[2], Failure)
    assert "2 lines are broken" in outcomes[2].detail
    assert spent(tmp_path / "r") == {"batch": times(3, USED) + times(2, MOST)}


def test_a_text_with_line_ends_of_every_kind_is_one_line_of_an_output(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\ne\r\nf\x0bg\x0ch"
    with batch_endpoint(lambda body: Answer(text)) as served:
        (outcome,) = ask(tmp_path / "r", served, [request()])
    assert isinstance(outcome, ChatReply)
    assert outcome.text == text


def test_two_processes_hand_each_request_over_once(tmp_path: Path) -> None:
    with batch_endpoint(polls=5) as served:
        both = [start(served, tmp_path / "r") for _ in range(2)]
        printed = [process.printed().strip() for process in both]
    assert printed == [str([f"answer {n:04}" for n in range(12)])] * 2
    assert len(served.handed_over()) == 12
    assert spent(tmp_path / "r") == {"batch": times(12, USED)}


def test_the_key_shows_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, capfd: Any) -> None:
    """Even where the endpoint says it back, in a reply, an error, a batch or a file."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HORNBOOK_TEST_KEY", KEY)

    def script(body: dict[str, Any]) -> Answer | None:
        return (
            Answer(f"your key is {KEY}") if "0" in body["messages"][0]["content"][-1] else Answer(status=400, body=KEY)
        )

    with batch_endpoint(script) as served:
        said = repr(ask(tmp_path / "r", served, [request(0), request(1)], api_key_env="HORNBOOK_TEST_KEY"))
        served.status, served.errors = "failed", [{"code": "x", "message": f"bad key {KEY}"}]
        with pytest.raises(TeacherError) as caught:
            ask(tmp_path / "r", served, [request(2)], api_key_env="HORNBOOK_TEST_KEY")
        uploaded = [served.files[batch["input_file_id"]] for batch in served.batches.values()]
    shown = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for place in (
        said,
        str(caught.value),
        caplog.text,
        shown.out,
        shown.err,
        *map(repr, written),
        *map(repr, uploaded),
    ):
        assert KEY not in place
    assert said.count("[key]") == 2
    assert "[key]" in str(caught.value)


def test_a_recipe_chooses_it_without_changing_what_is_asked(tmp_path: Path) -> None:
    with batch_endpoint(polls=0) as served:
        config = ChatConfig(backend="openai", model="m", base_url=served.url, mode="batch")
        assert canonical(config) == canonical(config.model_copy(update={"mode": "live", "batch_discount": 0.1}))
        with open_chat_teacher(config, tmp_path / "r") as asking:
            (outcome,) = asking.ask([request()])
            assert isinstance(outcome, ChatReply)
            assert asking.tally.metrics("")["requests"] == 1
    with pytest.raises(RecipeError, match="mode 'batch' needs an endpoint"):
        load_recipe("nano", ["grade.mode=batch", "grade.backend=transformers", "grade.model=m"])


def test_a_request_is_read_back_as_it_was() -> None:
    for one in (request(), ChatRequest("m", (Message("system", "é"), Message("user", "🙂")), 0.5, 9, 3)):
        assert read_request(one.canonical) == one
