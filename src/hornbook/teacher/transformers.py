"""The `transformers` backend: a Hugging Face model in this process, many requests at once.

A reply is drawn from a stream of numbers that the request alone determines, and no row of a batch sees another. In
exact arithmetic it would not depend on the batch; in bf16, and on a GPU, a matrix product rounds differently in
another batch, and where two tokens are nearly as likely the reply may then go another way. What came first is kept.

Nothing is taken from a model's `generation_config` but its stop tokens: a request says all that determines a reply.
"""

from __future__ import annotations

import gc
import importlib.util
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.errors import MissingDependencyError, TeacherError
from hornbook.run.progress import console
from hornbook.teacher.budget import Budget, Tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure
from hornbook.teacher.ledger import BudgetSpent, open_ledger, over_budget, reserve, settle
from hornbook.teacher.local.load import choose_device, free_bytes, load_model
from hornbook.teacher.outcomes import Outcomes
from hornbook.teacher.replies import ReplyCache, keep_reply
from hornbook.teacher.tally import Tally

if TYPE_CHECKING:
    from hornbook.teacher.local.decode import RowDecoder
    from hornbook.teacher.local.draw import Completion, Prompt

MOST_ROWS = {"cuda": 2048, "cpu": 64}
"""More make a token no cheaper: the matrix products are as efficient as they get."""
MEMORY_SHARE = 0.8
"""Of what is free, for rows; the rest is for reading prompts and for drawing."""
WORTH_COMPILING_TOKENS = 1_000_000
"""Compiling takes about ten seconds and makes a step shorter by a third (docs/lab-notes.md)."""


class TransformersTeacher:
    """A `ChatTeacher` that is a model folder. Its replies all go through the cache; the model is loaded when needed."""

    def __init__(
        self,
        cache: ReplyCache,
        *,
        model: str,
        folder: str = "",
        device: str = "auto",
        batch_size: int = 0,
        budget: Budget | None = None,
    ) -> None:
        """`model` is the name that requests carry; `folder` holds it, and without one the name is looked up.

        `batch_size` 0 takes as many rows as fit. Raises MissingDependencyError without transformers, TeacherError where
        the folder or the device is not there.
        """
        check_model(model, folder)
        self._cache, self._name, self._place, self._batch_size = cache, model, folder or model, batch_size
        self._device = choose_device(device)
        self._budget = budget or Budget()
        self.tally = Tally(self._budget)
        open_ledger(cache)
        self._loaded: tuple[Any, Any] | None = None
        self._decoder: RowDecoder | None = None
        self._use_slots = True

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. A prompt that the model has no room for is a Failure, and the others go on."""
        outcomes = Outcomes(requests, self._cache, self.tally, on_progress)
        if outcomes.missing:
            self._answer(outcomes.missing, outcomes)
        return outcomes.in_order()

    def _answer(self, requests: Sequence[ChatRequest], outcomes: Outcomes) -> None:
        tokenizer, model = self._load()
        prompts = []
        for number, prepared in enumerate(self._prepare(requests)):
            if isinstance(prepared, Failure):
                outcomes.take(requests[number], prepared)
            else:
                prompts.append(prepared)
        most = {prompt.number: Tokens(len(prompt.tokens), prompt.limit) for prompt in prompts}
        while prompts:
            num_fitting, refused = self._reserve([most[prompt.number] for prompt in prompts])
            if refused is not None and not num_fitting:
                raise over_budget(refused, self._budget, len(prompts), self._cache)
            for finished in self._complete(model, prompts[:num_fitting]):
                answered = [
                    (requests[done.number], _reply(tokenizer, done, most[done.number].prompt)) for done in finished
                ]
                kept = self._keep(answered, [most[done.number] for done in finished])
                for (request, _), reply in zip(answered, kept, strict=True):
                    outcomes.take(request, reply)
            # Replies are shorter than their worst case, so that there may be room for more now.
            prompts = prompts[num_fitting:]

    def _reserve(self, most: Sequence[Tokens]) -> tuple[int, BudgetSpent | None]:
        """How many prompts the budget has room for, first ones first, and what there was none for.

        A kill leaves all of them at their worst case, although nobody is paid: the bound is on what may have been done.
        """

        def write(connection: sqlite3.Connection) -> tuple[int, BudgetSpent | None]:
            for number, tokens in enumerate(most):
                refused = reserve(connection, self._name, "live", tokens, self._budget)
                if refused is not None:
                    return number, refused
            return len(most), None

        # Without a bound there is nothing to reserve: what this process does is known when it has done it.
        (fitting,) = self._cache.commit([write]) if self._budget.is_bounded else [(len(most), None)]
        return fitting

    def _keep(self, answered: Sequence[tuple[ChatRequest, ChatReply]], most: Sequence[Tokens]) -> list[ChatReply]:
        """Keeps replies that came together, and enters in the ledger what they took."""

        def write(connection: sqlite3.Connection) -> list[ChatReply]:
            for (_, reply), reserved in zip(answered, most, strict=True):
                used = Tokens(reply.prompt_tokens, reply.completion_tokens)
                self.tally.spent += used
                settle(connection, self._name, "live", used - reserved if self._budget.is_bounded else used)
            return [keep_reply(connection, request, reply) for request, reply in answered]

        (kept,) = self._cache.commit([write])
        return kept

    def _prepare(self, requests: Sequence[ChatRequest]) -> Iterator[Prompt | Failure]:
        """Each request in the words of the model's chat template, as tokens."""
        from jinja2 import TemplateError

        from hornbook.teacher.local.draw import Prompt

        tokenizer, model = self._load()
        context = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        texts: list[str | Failure] = []
        for request in requests:
            if request.model != self._name:
                raise TeacherError(f"{request} is for another model: this teacher is {self._name!r}")
            messages = [{"role": message.role, "content": message.content} for message in request.messages]
            try:
                texts.append(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
            except TemplateError as error:
                texts.append(Failure("rejected", f"the model's chat template: {error}"))
        rendered = [text for text in texts if isinstance(text, str)]
        # The template writes the special tokens itself.
        encoded = iter(tokenizer(rendered, add_special_tokens=False)["input_ids"] if rendered else ())
        for number, (request, text) in enumerate(zip(requests, texts, strict=True)):
            if isinstance(text, Failure):
                yield text
                continue
            tokens = tuple(next(encoded))
            room = request.max_tokens if context is None else min(request.max_tokens, context - len(tokens))
            if not tokens or room < 1:
                yield Failure("rejected", f"a prompt of {len(tokens)} tokens, and the model's context is {context}")
                continue
            yield Prompt(number, tokens, room, request.temperature, int(request.digest[:15], 16))

    def _complete(self, model: Any, prompts: Sequence[Prompt]) -> Iterator[list[Completion]]:
        """Every prompt's completion, with fewer rows where they do not fit and padded where slots do not serve."""
        import torch

        from hornbook.teacher.local.slots import UnsupportedModel

        missing = {prompt.number: prompt for prompt in prompts}
        num_rows = self._num_rows(model, prompts) if prompts else 0
        while missing:
            try:
                for finished in self._run(model, list(missing.values()), num_rows):
                    for done in finished:
                        del missing[done.number]
                    yield finished
            except UnsupportedModel as error:
                self._pad(str(error))
            except RuntimeError as error:
                if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
                    num_rows = self._halved(num_rows, str(error))
                elif self._use_slots:
                    self._pad(f"{type(error).__name__}: {error}".splitlines()[0])
                else:
                    raise
            # Outside the handlers, whose traceback would keep the memory.
            if missing:
                self._forget_rows()

    def _run(self, model: Any, prompts: Sequence[Prompt], num_rows: int) -> Iterator[list[Completion]]:
        from hornbook.teacher.local.decode import RowDecoder
        from hornbook.teacher.local.padded import run_padded

        if not self._use_slots:
            return run_padded(model, self._stop_tokens(), prompts, num_rows)
        num_positions = max(len(prompt.tokens) + prompt.limit for prompt in prompts)
        max_new_tokens = max(prompt.limit for prompt in prompts)
        kept = self._decoder
        if (
            kept is None
            or kept.num_rows < num_rows
            or kept.num_positions < num_positions
            or kept.max_new_tokens < max_new_tokens
        ):
            self._forget_rows()
            self._decoder = kept = RowDecoder(
                model,
                self._stop_tokens(),
                num_rows=num_rows,
                num_positions=num_positions,
                max_new_tokens=max_new_tokens,
                notify=_say,
                use_compile=self._device.type == "cuda"
                and sum(prompt.limit for prompt in prompts) >= WORTH_COMPILING_TOKENS,
            )
        return kept.run(prompts)

    def _num_rows(self, model: Any, prompts: Sequence[Prompt]) -> int:
        """Rows that the memory has room for, at most `batch_size` or what is useful, and no more than prompts."""
        from hornbook.teacher.local.slots import KeyValueShape

        most = min(self._batch_size or MOST_ROWS.get(self._device.type, 64), len(prompts))
        longest = max(len(prompt.tokens) + prompt.limit for prompt in prompts)
        config = model.config.get_text_config(decoder=True)
        logits_bytes = 2 * config.vocab_size * model.dtype.itemsize
        row_bytes = KeyValueShape.of(config).num_bytes(model.dtype) * longest + logits_bytes
        fitting = int(MEMORY_SHARE * free_bytes(self._device) / row_bytes)
        return max(1, min(most, fitting))

    def _halved(self, num_rows: int, reason: str) -> int:
        if num_rows <= 1:
            raise TeacherError(
                f"{self._place}: not one sequence fits into the memory of {self._device} "
                f"({reason.splitlines()[0][:200]}). Lower max_tokens, or take a smaller model."
            )
        _say(f"out of memory with {num_rows} rows: going on with {num_rows // 2}")
        return num_rows // 2

    def _pad(self, reason: str) -> None:
        _say(f"the fast decoding loop cannot serve {self._name!r} ({reason[:200]}): going on with padded batches")
        self._use_slots = False

    def _forget_rows(self) -> None:
        import torch

        self._decoder = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _stop_tokens(self) -> set[int]:
        tokenizer, model = self._load()
        named = getattr(model.generation_config, "eos_token_id", None)
        found = {*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id}
        return {token for token in found if token is not None}

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = load_model(self._place, self._device)
        return self._loaded


def check_model(model: str, folder: str) -> None:
    """Raises MissingDependencyError without transformers, and TeacherError where a model's folder is not there."""
    if importlib.util.find_spec("transformers") is None:
        raise MissingDependencyError("transformers", "The teacher's backend 'transformers'", "transformers")
    if folder and not Path(folder).is_dir():
        raise TeacherError(f"{folder}: no folder is there. Set model_folder to the folder of {model!r}")


def _reply(tokenizer: Any, done: Completion, prompt_tokens: int) -> ChatReply:
    return ChatReply(
        text=tokenizer.decode(done.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        finish_reason="stop" if done.has_stopped else "length",
        prompt_tokens=prompt_tokens,
        completion_tokens=len(done.tokens) + done.has_stopped,
        received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _say(text: str) -> None:
    console.print(f"! {text}", style="yellow", markup=False, soft_wrap=True)
