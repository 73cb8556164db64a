"""The `transformers` backend on a model folder: replies, the cache, kills, broken folders, little memory."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hornbook.errors import MissingDependencyError, TeacherError
from hornbook.recipe import ChatConfig
from hornbook.run.fingerprint import canonical
from hornbook.teacher.budget import Budget, Tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, Message, open_chat_teacher
from hornbook.teacher.ledger import read_spent
from hornbook.teacher.local import decode, load
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.transformers import TransformersTeacher
from tests.teacher.local.tiny import CHAT_TEMPLATE, CONTEXT, write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def _fp32_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replies are compared token by token, and a tiny model is slower on two threads."""
    monkeypatch.setattr(load, "_dtype", lambda device: torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ReplyCache]:
    with ReplyCache(tmp_path / "replies.sqlite") as opened:
        yield opened


def teacher(cache: ReplyCache, folder: Path, **options: Any) -> TransformersTeacher:
    return TransformersTeacher(cache, model="tiny", folder=str(folder), device="cpu", **options)


def request(number: int = 0, **changes: Any) -> ChatRequest:
    values: dict[str, Any] = {"model": "tiny", "max_tokens": 12, "temperature": 1.0}
    asked = (Message("system", "be brief"), Message("user", f"write a function that adds {number}"))
    return ChatRequest(messages=asked, **(values | changes))


def texts(outcomes: list[ChatReply | Failure]) -> list[str]:
    """A random model also writes empty replies."""
    assert all(isinstance(outcome, ChatReply) or outcome.reason == "empty_reply" for outcome in outcomes), outcomes
    return [outcome.text if isinstance(outcome, ChatReply) else "" for outcome in outcomes]


def replies(outcomes: list[ChatReply | Failure]) -> list[ChatReply]:
    kept = [outcome for outcome in outcomes if isinstance(outcome, ChatReply)]
    assert len(kept) == len(outcomes), outcomes
    return kept


def test_a_greedy_reply_is_what_generate_writes_after_the_chat_template(cache: ReplyCache, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    asked = [request(number, temperature=0.0, max_tokens=20) for number in range(6)]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for one, reply in zip(asked, replies(teacher(cache, folder, batch_size=4).ask(asked)), strict=True):
        messages = [{"role": message.role, "content": message.content} for message in one.messages]
        prompt = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        out = model.generate(**prompt, max_new_tokens=20, do_sample=False, pad_token_id=0)[
            0, prompt["input_ids"].shape[1] :
        ]
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
        assert (reply.prompt_tokens, reply.completion_tokens) == (prompt["input_ids"].shape[1], len(out))
        assert reply.finish_reason == ("stop" if out[-1] == tokenizer.eos_token_id else "length")


def test_a_reply_belongs_to_its_request_and_not_to_its_batch(tmp_path: Path, folder: Path) -> None:
    asked = [request(number % 5, seed=number) for number in range(15)]
    found = []
    for name, batch_size, order in (("a", 15, 1), ("b", 2, -1)):
        with ReplyCache(tmp_path / name) as cache:
            found.append(texts(teacher(cache, folder, batch_size=batch_size).ask(asked[::order]))[::order])
    assert found[0] == found[1]
    assert len(set(found[0])) > 10


def test_equal_requests_are_answered_once_and_never_again(cache: ReplyCache, folder: Path) -> None:
    done: list[int] = []
    asked = [request(0), request(1), request(0), request(0)]
    first = replies(teacher(cache, folder).ask(asked, on_progress=done.append))
    assert len(cache) == 2
    assert sum(done) == 4
    assert first[0] == first[2] == first[3]
    # With everything in the cache the model is not even loaded.
    again = teacher(cache, folder)
    outcomes = replies(again.ask(asked))
    assert outcomes == first
    assert all(reply.was_cached for reply in outcomes)
    assert again._loaded is None


def test_a_prompt_without_room_fails_alone(cache: ReplyCache, folder: Path) -> None:
    long = ChatRequest("tiny", (Message("user", "words " * CONTEXT),))
    tight = ChatRequest("tiny", (Message("user", "words " * 5),), max_tokens=500)
    failed, cut, kept = teacher(cache, folder).ask([long, tight, request()])
    assert isinstance(failed, Failure)
    assert failed.reason == "rejected"
    assert str(CONTEXT) in failed.detail
    assert isinstance(kept, ChatReply)
    assert isinstance(cut, ChatReply)
    assert cut.prompt_tokens + cut.completion_tokens <= CONTEXT
    assert len(cache) == 2


def test_a_template_that_refuses_a_request_fails_it_alone(tmp_path: Path, cache: ReplyCache) -> None:
    picky = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT_TEMPLATE
    picky_folder = write_folder(tmp_path / "picky", chat_template=picky)
    failed, kept = teacher(cache, picky_folder).ask(
        [request(), ChatRequest("tiny", (Message("user", "write"),), max_tokens=4, temperature=1.0)]
    )
    assert failed == Failure("rejected", "the model's chat template: no system role")
    assert isinstance(kept, ChatReply)


@pytest.mark.slow
def test_a_killed_process_loses_at_most_what_was_being_written(tmp_path: Path, folder: Path) -> None:
    asked = [request(number) for number in range(120)]
    program = textwrap.dedent(f"""
        import torch
        from pathlib import Path
        from hornbook.teacher.local import load
        from hornbook.teacher.replies import ReplyCache
        from tests.teacher.test_transformers import request, teacher
        torch.set_num_threads(1)
        load._dtype = lambda device: torch.float32
        with ReplyCache(Path({str(tmp_path / "r")!r})) as cache:
            teacher(cache, Path({str(folder)!r}), batch_size=4).ask(
                [request(number) for number in range(120)], on_progress=lambda count: print("kept", flush=True)
            )
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    for _ in range(10):
        assert process.stdout.readline() == b"kept\n"
    os.kill(process.pid, signal.SIGKILL)
    seen = 10 + process.stdout.read().count(b"kept\n")
    process.wait()
    process.stdout.close()
    with ReplyCache(tmp_path / "r") as cache:
        kept = len(cache)
        assert seen <= kept < 120
        outcomes = teacher(cache, folder).ask(asked)
        assert len(cache) == 120
    num_cached = sum(isinstance(outcome, ChatReply) and outcome.was_cached for outcome in outcomes)
    num_empty = sum(isinstance(outcome, Failure) for outcome in outcomes)
    assert kept - num_empty <= num_cached <= kept
    with ReplyCache(tmp_path / "whole") as cache:
        assert texts(teacher(cache, folder).ask(asked)) == texts(outcomes)


def test_too_many_rows_for_the_memory_are_halved(
    cache: ReplyCache, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused: list[int] = []
    advance = decode.RowDecoder._advance

    def scarce(self: Any, width: int, span: int) -> None:
        if width > 4 and self._num_steps > 6:
            refused.append(width)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
        advance(self, width, span)

    monkeypatch.setattr(decode, "SMALLEST_WIDTH", 1)
    monkeypatch.setattr(decode.RowDecoder, "_advance", scarce)
    asked = [request(number) for number in range(16)]
    outcomes = texts(teacher(cache, folder).ask(asked))
    assert refused == [16, 8]
    said = capsys.readouterr().err
    assert said.count("out of memory with") == 2
    assert "out of memory with 8 rows: going on with 4" in said
    monkeypatch.undo()
    monkeypatch.setattr(load, "_dtype", lambda device: torch.float32)
    with ReplyCache(cache.path.with_name("plenty")) as plenty:
        assert texts(teacher(plenty, folder).ask(asked)) == outcomes


def test_memory_for_not_one_row_is_an_error(cache: ReplyCache, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scarce(*arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(decode.RowDecoder, "_advance", scarce)
    with pytest.raises(TeacherError, match=r"not one sequence fits into the memory of cpu .*Lower max_tokens"):
        teacher(cache, folder).ask([request(number) for number in range(5)])


def test_where_the_fast_loop_fails_padded_batches_go_on_with_a_word(
    cache: ReplyCache, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [request(number) for number in range(9)]
    with ReplyCache(cache.path.with_name("fast")) as other:
        wanted = texts(teacher(other, folder).ask(asked))
    advance = decode.RowDecoder._advance

    def failing(self: Any, width: int, span: int) -> None:
        if self._num_steps > 5:
            raise RuntimeError("CUDA error: an illegal instruction")
        advance(self, width, span)

    monkeypatch.setattr(decode.RowDecoder, "_advance", failing)
    assert texts(teacher(cache, folder).ask(asked)) == wanted
    said = capsys.readouterr().err
    assert said.count("going on with padded batches") == 1
    assert "CUDA error: an illegal instruction" in said


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("tokenizer.json", "its tokenizer has no vocabulary"),
        ("chat_template.jinja", "no chat template"),
        ("model.safetensors", "no model can be read"),
        ("config.json", "can be read"),
    ],
)
def test_a_folder_that_is_not_whole_names_what_is_missing(
    tmp_path: Path, cache: ReplyCache, lost: str, said: str
) -> None:
    partial = write_folder(tmp_path / "partial")
    (partial / lost).unlink()
    with pytest.raises(TeacherError, match=said) as caught:
        teacher(cache, partial).ask([request()])
    assert str(partial) in str(caught.value)


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, cache: ReplyCache) -> None:
    deeper = write_folder(tmp_path / "deeper")
    config = json.loads((deeper / "config.json").read_text())
    config |= {"num_hidden_layers": 3, "layer_types": ["full_attention"] * 3}
    (deeper / "config.json").write_text(json.dumps(config))
    with pytest.raises(TeacherError, match=r"weights are missing, 'model\.layers\.2\."):
        teacher(cache, deeper).ask([request()])


def test_what_cannot_be_opened_says_so(cache: ReplyCache, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TeacherError, match=r"no folder is there\. Set model_folder"):
        teacher(cache, folder / "nowhere")
    with pytest.raises(TeacherError, match="is for another model: this teacher is 'tiny'"):
        teacher(cache, folder).ask([request(model="other")])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TeacherError, match="has no CUDA"):
        TransformersTeacher(cache, model="tiny", folder=str(folder), device="cuda")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hornbook\[transformers\]'"):
        teacher(cache, folder)


def test_a_recipe_opens_it_and_where_the_model_lies_is_no_part_of_its_identity(tmp_path: Path, folder: Path) -> None:
    config = ChatConfig(backend="transformers", model="tiny", model_folder=str(folder), batch_size=3)
    with open_chat_teacher(config, tmp_path / "r", device="cpu") as opened:
        asked = replies(opened.ask([request()]))
    elsewhere = config.model_copy(update={"model_folder": "/elsewhere", "batch_size": 2048})
    assert canonical(elsewhere) == canonical(config)
    with open_chat_teacher(config.model_copy(update={"backend": "recorded"}), tmp_path / "r") as recorded:
        assert recorded.ask([request()]) == asked


@pytest.mark.slow
def test_a_batch_is_at_least_twice_as_fast_as_one_by_one(tmp_path: Path, folder: Path) -> None:
    asked = [request(number, max_tokens=40) for number in range(64)]
    seconds = []
    for batch_size in (1, 64):
        with ReplyCache(tmp_path / str(batch_size)) as cache:
            opened = teacher(cache, folder, batch_size=batch_size)
            opened.ask([request(1000)])
            begun = time.perf_counter()
            opened.ask(asked)
            seconds.append(time.perf_counter() - begun)
    assert seconds[1] * 2 < seconds[0]


def test_a_budget_of_tokens_binds_a_local_model_too(cache: ReplyCache, folder: Path) -> None:
    requests = [request(number, max_tokens=8) for number in range(12)]
    bound = Budget("writer", max_tokens=150)
    with pytest.raises(TeacherError, match=r"'tiny' has spent \d+ of 150 tokens.*raise writer\.budget_tokens"):
        teacher(cache, folder, budget=bound).ask(requests)
    num_kept = len(cache)
    assert 1 <= num_kept < 12
    spent = read_spent(cache, "tiny")["live"]
    kept = cache.find_all(requests).values()
    assert spent == Tokens(sum(one.prompt_tokens for one in kept), sum(one.completion_tokens for one in kept))
    assert spent.total <= 150
    outcomes = teacher(cache, folder, budget=Budget(max_tokens=10_000)).ask(requests)
    assert [isinstance(outcome, ChatReply) and outcome.was_cached for outcome in outcomes].count(True) == num_kept
