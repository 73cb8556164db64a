"""The budget: a bound that holds for one process, for several, across kills, and whatever an endpoint does."""

import re
import sqlite3
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from hornbook.errors import ArtifactError, RecipeError, TeacherError
from hornbook.recipe import ChatConfig, Recipe, load_recipe
from hornbook.teacher.budget import Budget, Tokens, most_tokens, show_dollars
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message, open_chat_teacher
from hornbook.teacher.ledger import open_ledger, read_spent, reserve
from hornbook.teacher.openai import OpenAITeacher
from hornbook.teacher.replies import ReplyCache
from tests.teacher.endpoint import Answer, Endpoint, endpoint
from tests.teacher.processes import Forked

USED = Tokens(11, 7)
"""What the endpoint reports for every reply."""


def request(number: int = 0) -> ChatRequest:
    return ChatRequest("m", (Message("user", f"question {number:04}"),), max_tokens=50)


MOST = most_tokens(request())
"""The same for all of these requests."""


def ask(path: Path, served: Endpoint, count: int, **options: Any) -> list[ChatReply | Failure]:
    settings: dict[str, Any] = {"concurrency": 4, "timeout_s": 5.0, "deadline_s": 10.0, "max_retries": 0}
    settings |= {"base_url": served.url, "api_key_env": "NO_KEY"}
    with ReplyCache(path) as cache:
        return OpenAITeacher(cache, **(settings | options)).ask([request(n) for n in range(count)])


def spent(path: Path, model: str = "m") -> Tokens:
    with ReplyCache(path) as cache:
        open_ledger(cache)
        return read_spent(cache, model).get("live", Tokens())


def times(count: int, tokens: Tokens) -> Tokens:
    return Tokens(count * tokens.prompt, count * tokens.completion)


def test_no_tokenizer_makes_more_tokens_than_the_bound() -> None:
    """A byte-level tokenizer without a single merge, and a conversation in the widest template that is known."""
    from tokenizers import models, pre_tokenizers

    tokenizer = Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    asked = ChatRequest("m", (Message("user", "naïve \N{SNOWMAN} 🙂 x = 1\n"), Message("assistant", "é" * 100)))
    template = 7 * len(asked.messages) + 70
    counted = sum(len(tokenizer.encode(message.content).ids) for message in asked.messages)
    assert counted == sum(len(message.content.encode()) for message in asked.messages)
    assert counted + template <= most_tokens(asked).prompt


def test_usage_takes_the_place_of_the_worst_case(tmp_path: Path) -> None:
    with endpoint() as served:
        ask(tmp_path / "r", served, 5)
        ask(tmp_path / "r", served, 5)
    assert spent(tmp_path / "r") == times(5, USED)


def test_replies_without_usage_count_at_their_worst_case(tmp_path: Path) -> None:
    with endpoint(lambda asked, before: Answer("x", usage=None)) as served:
        ask(tmp_path / "r", served, 3)
    assert spent(tmp_path / "r") == times(3, MOST)


@pytest.mark.parametrize(
    ("bad", "each"),
    [
        (Answer(status=429, body="{}"), Tokens()),
        (Answer(status=400, body="{}"), Tokens()),
        (Answer(status=500, body="{}"), MOST),
        (Answer(drop="connection"), MOST),
        (Answer(drop="body"), MOST),
        (Answer(delay_s=30), MOST),
        (Answer(body="<html>"), MOST),
    ],
    ids=["429", "400", "500", "no headers", "half a body", "timeout", "HTML"],
)
def test_an_attempt_that_may_have_been_billed_counts(tmp_path: Path, bad: Answer, each: Tokens) -> None:
    with endpoint(lambda asked, before: bad) as served:
        (outcome,) = ask(tmp_path / "r", served, 1, timeout_s=1.5, max_retries=1)
        assert isinstance(outcome, Failure)
        assert spent(tmp_path / "r") == times(len(served.asked), each)
    assert len(served.asked) == (1 if bad.status == 400 else 2)


def test_what_was_never_sent_costs_nothing(tmp_path: Path) -> None:
    with endpoint() as served:
        pass
    (outcome,) = ask(tmp_path / "r", served, 1)
    assert isinstance(outcome, Failure)
    assert outcome.reason == "connection_failed"
    assert spent(tmp_path / "r") == Tokens()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_budget_stops_before_it_is_exceeded_and_more_of_it_goes_on(tmp_path: Path, concurrency: int) -> None:
    # Room for nine replies as they come and one at its worst; 18 tokens each.
    bound = 9 * USED.total + MOST.total
    with endpoint(lambda asked, before: Answer("x", delay_s=0.01)) as served:
        with pytest.raises(TeacherError) as caught:
            ask(tmp_path / "r", served, 30, concurrency=concurrency, budget=Budget("writer", max_tokens=bound))
        assert len(served.asked) == 10
        assert f"'m' has spent {10 * USED.total:,} of {bound:,} tokens" in str(caught.value)
        assert "20 requests remain" in str(caught.value)
        assert f"kept in {tmp_path / 'r'}: raise writer.budget_tokens and run the same again" in str(caught.value)
        outcomes = ask(tmp_path / "r", served, 30, budget=Budget("writer", max_tokens=1_000_000))
        assert len(outcomes) == 30
        assert len(served.asked) == 30


def test_a_budget_that_holds_few_at_a_time_is_enough_for_all_one_after_the_other(tmp_path: Path) -> None:
    bound = Budget(max_tokens=20 * USED.total + 2 * MOST.total)
    with endpoint(lambda asked, before: Answer("x", delay_s=0.01)) as served:
        outcomes = ask(tmp_path / "r", served, 20, concurrency=8, budget=bound)
    assert all(isinstance(outcome, ChatReply) for outcome in outcomes)
    assert len(served.asked) == 20
    assert served.most_in_flight <= (20 * USED.total + 2 * MOST.total) // MOST.total == 3


def test_dollars_bound_as_tokens_do(tmp_path: Path) -> None:
    prices = {"prompt_price": 1e-6, "completion_price": 2e-6}
    each = Budget(**prices).dollars(USED)
    assert each == pytest.approx(25e-6)
    bound = 4.5 * each + Budget(**prices).dollars(MOST)
    with endpoint() as served:
        with pytest.raises(
            TeacherError, match=r"has spent \$0\.0001\d* of \$0\.000\d+, .* raise grade\.budget_dollars"
        ):
            ask(tmp_path / "r", served, 9, concurrency=1, budget=Budget("grade", **prices, max_dollars=bound))
        assert len(served.asked) == 5


def test_a_retry_needs_room_of_its_own(tmp_path: Path) -> None:
    with endpoint(lambda asked, before: Answer(status=500, body="{}")) as served:
        with pytest.raises(TeacherError, match="1 requests remain"):
            ask(tmp_path / "r", served, 1, max_retries=4, budget=Budget(max_tokens=2 * MOST.total))
        assert len(served.asked) == 2


def test_what_stages_and_runs_asked_of_a_model_adds_up_and_other_models_do_not(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r") as cache:
        open_ledger(cache)
        for model in ("m", "m", "other"):
            cache.commit([lambda connection, name=model: reserve(connection, name, "live", MOST, Budget())])
        assert read_spent(cache, "m") == {"live": times(2, MOST)}
        bound = Budget(max_tokens=3 * MOST.total - 1)
        (refused,) = cache.commit([lambda connection: reserve(connection, "m", "live", MOST, bound)])
        assert refused is not None
        assert read_spent(cache, "m") == {"live": times(2, MOST)}
        (granted,) = cache.commit([lambda connection: reserve(connection, "other", "live", MOST, bound)])
        assert granted is None


ASKING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hornbook.errors import TeacherError
    from hornbook.teacher.budget import Budget
    from hornbook.teacher.chat import ChatRequest, Message
    from hornbook.teacher.openai import OpenAITeacher
    from hornbook.teacher.replies import ReplyCache

    url, path, first, bound = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with ReplyCache(Path(path)) as cache:
        teacher = OpenAITeacher(
            cache, base_url=url, api_key_env="NONE", concurrency=6, timeout_s=30, deadline_s=60,
            budget=Budget(max_tokens=bound),
        )
        messages = [(Message("user", f"question {n:04}"),) for n in range(first, first + 200)]
        print("ready", flush=True)
        try:
            teacher.ask([ChatRequest("m", one, max_tokens=50) for one in messages])
        except TeacherError as error:
            print(error)
    """
)


def start(served: Endpoint, path: Path, first: int, bound: int) -> Forked:
    return Forked(ASKING, served.url, path, first, bound)


def test_two_processes_never_exceed_the_bound_together(tmp_path: Path) -> None:
    bound = 60 * USED.total + 12 * MOST.total
    with endpoint(lambda asked, before: Answer("x", delay_s=0.01)) as served:
        both = [start(served, tmp_path / "r", first, bound) for first in (0, 200)]
        while any(process.poll() is None for process in both):
            # At every moment, with all that is in flight.
            assert spent(tmp_path / "r").total <= bound
            time.sleep(0.05)
        printed = [process.printed() for process in both]
        num_asked = len(served.asked)
    assert all("raise budget_tokens" in text for text in printed)
    final = spent(tmp_path / "r")
    assert final == times(num_asked, USED)
    # Neither stopped while there was room for one more of its own.
    assert final.total + MOST.total > bound - 6 * MOST.total
    remaining = sum(int(re.findall(r"(\d+) requests remain", text)[0]) for text in printed)
    assert remaining + num_asked == 400


def test_a_kill_leaves_what_was_in_flight_at_its_worst_case(tmp_path: Path) -> None:
    with endpoint(lambda asked, before: Answer("x", delay_s=0 if len(served.asked) <= 30 else 60)) as served:
        killed = start(served, tmp_path / "r", 0, 10**9)
        deadline = time.monotonic() + 60
        while served.num_answered < 30 or served.in_flight < 6:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        killed.kill()
        with ReplyCache(tmp_path / "r") as cache:
            num_kept = len(cache)
        assert spent(tmp_path / "r") == times(num_kept, USED) + times(6, MOST)


def test_a_cache_from_before_there_was_a_ledger_opens_and_its_replies_count(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with ReplyCache(path) as cache:
        cache.keep(request(1), ChatReply("x", "stop", 11, 7, "now"))
        cache.keep(request(2), ChatReply("x", "stop", 0, 0, "now"))
    before = spent(path)
    assert before.completion == 7 + 50
    assert 11 + MOST.prompt <= before.prompt <= 11 + 2 * MOST.prompt
    assert spent(path) == before
    with ReplyCache(path) as cache:
        assert len(cache) == 2


def test_a_ledger_of_another_version_is_named(tmp_path: Path) -> None:
    spent(tmp_path / "r")
    connection = sqlite3.connect(tmp_path / "r")
    connection.execute("UPDATE parts SET version = 9")
    connection.commit()
    connection.close()
    with pytest.raises(ArtifactError, match="its part 'spending' is of version 9, and this hornbook reads version 1"):
        spent(tmp_path / "r")
    ReplyCache(tmp_path / "r").close()


def test_a_budget_in_dollars_needs_prices() -> None:
    with pytest.raises(RecipeError, match="budget_dollars 5 needs prices: set prompt_dollars_per_million and"):
        load_recipe("nano", ["writer.budget_dollars=5"])
    with pytest.raises(RecipeError, match="needs prices"):
        load_recipe("nano", ["writer.budget_dollars=5", "writer.prompt_dollars_per_million=1"])
    prices = ["writer.prompt_dollars_per_million=0.15", "writer.completion_dollars_per_million=0.6"]
    budget = Budget.of(load_recipe("nano", ["writer.budget_dollars=5", *prices]).writer)
    assert (budget.section, budget.max_dollars) == ("writer", 5.0)
    assert budget.dollars(Tokens(1_000_000, 1_000_000)) == pytest.approx(0.75)
    assert budget.dollars(Tokens(1_000_000, 1_000_000), "batch") == pytest.approx(0.375)


def test_every_section_that_asks_knows_its_name() -> None:
    fields = {name: field.annotation for name, field in Recipe.model_fields.items()}
    asking = {name: kind() for name, kind in fields.items() if isinstance(kind, type) and issubclass(kind, ChatConfig)}
    assert {"writer", "grade"} <= asking.keys()
    assert {name: section.section for name, section in asking.items()} == {name: name for name in asking}


def test_a_budget_in_a_recipe_reaches_the_teacher(tmp_path: Path) -> None:
    with endpoint() as served:
        config = ChatConfig(backend="openai", model="m", base_url=served.url, budget_tokens=10)
        with (
            open_chat_teacher(config, tmp_path / "r") as teacher,
            pytest.raises(TeacherError, match="has spent 0 of 10 tokens"),
        ):
            teacher.ask([request()])
    assert served.asked == []


@pytest.mark.parametrize(
    ("dollars", "shown"), [(0, "$0.00"), (12.345, "$12.35"), (1234.5, "$1,234.50"), (0.0123, "$0.012")]
)
def test_dollars_for_people(dollars: float, shown: str) -> None:
    assert show_dollars(dollars) == shown
