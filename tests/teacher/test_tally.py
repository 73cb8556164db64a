"""What a teacher came to: in the meter while it goes on, and in the numbers for a manifest."""

from pathlib import Path

import pytest

from hornbook.recipe import ChatConfig
from hornbook.run import progress
from hornbook.run.progress import meter
from hornbook.teacher.budget import Budget, Tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message, open_chat_teacher
from hornbook.teacher.tally import Tally, progress_of
from tests.teacher.endpoint import Answer, endpoint

PRICES = Budget(prompt_price=1e-3, completion_price=2e-3)


def reply(*, was_cached: bool = False) -> ChatReply:
    return ChatReply("x", "stop", 11, 7, "now", was_cached)


def requests(count: int) -> list[ChatRequest]:
    return [ChatRequest("m", (Message("user", f"question {n}"),)) for n in range(count)]


def test_a_tally_counts_replies_and_what_cannot_be_used_of_them() -> None:
    tally = Tally(PRICES)
    tally.add(reply(), reply())
    tally.add(reply(was_cached=True), reply(was_cached=True))
    tally.add(reply(), Failure("refused", ""))
    tally.add(Failure("timed_out", ""), Failure("timed_out", ""))
    tally.spent += Tokens(22, 14)
    assert tally.metrics("teacher_") == {
        "teacher_requests": 4,
        "teacher_cached": 1,
        "teacher_prompt_tokens": 33,
        "teacher_completion_tokens": 21,
        "teacher_dollars": pytest.approx(0.075),
        "teacher_dollars_at_most_this_run": pytest.approx(0.05),
    }
    tally._started -= 10
    assert tally.note() == "18.0 replies/min, 33+21 tokens, $0.05, 1 from the cache, 2 failed"
    tally._started += 9
    assert tally.note().startswith("3.0 replies/s, ")


def test_without_prices_there_are_no_dollars() -> None:
    tally = Tally()
    tally.add(reply(), reply())
    assert "$" not in tally.note()
    assert not any("dollars" in name for name in tally.metrics(""))


def test_the_meter_shows_it_and_counts_on_no_more_replies_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with endpoint(lambda asked, before: Answer("x", delay_s=0.1)) as served:
        config = ChatConfig(
            backend="openai",
            model="m",
            base_url=served.url,
            concurrency=1,
            prompt_dollars_per_million=1000,
            completion_dollars_per_million=2000,
        )
        with open_chat_teacher(config, tmp_path / "r") as teacher:
            teacher.ask(requests(20))
        with open_chat_teacher(config, tmp_path / "r") as teacher, meter("asking", 40, "replies") as shown:
            outcomes = teacher.ask(requests(22), on_progress=progress_of(teacher, shown))
    assert len(outcomes) == 22
    lines = " ".join(capsys.readouterr().err.split()).split("asking: ")
    assert len(lines) == 23
    assert "22/40 replies" in lines[-1]
    assert "242+154 tokens, $0.05, 20 from the cache" in lines[-1]
    # 18 more at 0.1 s and more each, and not at the pace of the twenty that were there.
    assert float(lines[-1].rsplit(",", 1)[1].split()[0]) >= 2
