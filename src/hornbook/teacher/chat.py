"""Asking a language model: requests, replies, and the one method that every chat backend has."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from hornbook.errors import TeacherError
from hornbook.recipe import ChatConfig
from hornbook.teacher.repetition import is_repetitive

if TYPE_CHECKING:
    from hornbook.teacher.tally import Tally

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """All that determines a reply: what is asked of whom, and how it is sampled."""

    model: str
    messages: tuple[Message, ...]
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int | None = None
    """Tells several samples of one prompt apart; None leaves it to the endpoint."""

    @functools.cached_property
    def canonical(self) -> str:
        """The request as JSON, the same text for equal requests. It holds neither a key nor an endpoint."""
        values: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in self.messages],
            # A recipe may say 0 or 0.0 and mean the same.
            "temperature": float(self.temperature),
            "max_tokens": self.max_tokens,
        }
        if self.seed is not None:
            values["seed"] = self.seed
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @functools.cached_property
    def digest(self) -> str:
        """Hex sha256 of the canonical request: the key of its reply."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def followed_by(self, reply: str, question: str) -> ChatRequest:
        """The request that goes on from a reply to this one."""
        turns = (Message("assistant", reply), Message("user", question))
        return replace(self, messages=(*self.messages, *turns))

    def __str__(self) -> str:
        last = self.messages[-1].content if self.messages else ""
        return f"request {self.digest[:12]} to {self.model!r} ({last[:60]!r}...)"


def read_request(canonical: str) -> ChatRequest:
    """The request of a canonical text."""
    values = json.loads(canonical)
    messages = tuple(Message(message["role"], message["content"]) for message in values.pop("messages"))
    return ChatRequest(messages=messages, **values)


@dataclass(frozen=True)
class ChatReply:
    """What a model answered."""

    text: str
    finish_reason: str
    """In the endpoint's words: `stop`, `length` where max_tokens cut it, `content_filter`; `refusal` for a refusal."""
    prompt_tokens: int
    """0 where the endpoint does not say."""
    completion_tokens: int
    received_at: str
    """ISO 8601, UTC."""
    was_cached: bool = field(default=False, compare=False)
    """Whether it was there before it was asked for."""


FailureReason = Literal[
    "timed_out",
    "connection_failed",
    "rate_limited",
    "server_error",
    "rejected",
    "malformed_reply",
    "empty_reply",
    "refused",
    "repetitive_reply",
    "batch_unfinished",
    "not_recorded",
]


@dataclass(frozen=True)
class Failure:
    """A request that has no reply to work with, after all retries."""

    reason: FailureReason
    detail: str
    """What the endpoint or the connection said, without any key."""


class ChatTeacher(Protocol):
    """Answers requests."""

    @property
    def tally(self) -> Tally:
        """What it was asked so far, and what that came to."""
        ...

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """One outcome for each request, in their order; equal requests are asked once.

        Raises TeacherError where no request can succeed, or no other: a key that is refused, a model that does not
        exist, a recorded reply that is missing, an endpoint that is gone, a budget that is spent. Replies that came
        before it are in the cache.
        """
        ...


def usable(reply: ChatReply) -> ChatReply | Failure:
    """The reply, or why nothing can be done with it although it came and is kept."""
    if reply.finish_reason in ("refusal", "content_filter"):
        return Failure("refused", f"finish reason {reply.finish_reason!r}: {reply.text[:200]!r}")
    if not reply.text.strip():
        return Failure("empty_reply", f"no text, finish reason {reply.finish_reason!r}")
    # One that came to an end has said what it had to say, however often.
    if reply.finish_reason == "length" and is_repetitive(reply.text):
        return Failure("repetitive_reply", f"cut while it went round in circles: {reply.text[-80:]!r}")
    return reply


@dataclass(frozen=True)
class Usage:
    """What the replies to a number of requests came to, counted once for equal requests."""

    num_replies: int
    prompt_tokens: int
    completion_tokens: int


def count_usage(asked: Iterable[tuple[ChatRequest, ChatReply | Failure]]) -> Usage:
    """Adds up the replies; failures have no tokens, as no endpoint says what they cost."""
    replies = {request.digest: outcome for request, outcome in asked if isinstance(outcome, ChatReply)}
    return Usage(
        num_replies=len(replies),
        prompt_tokens=sum(reply.prompt_tokens for reply in replies.values()),
        completion_tokens=sum(reply.completion_tokens for reply in replies.values()),
    )


def replies_file(given: str, shared: Path | None) -> Path:
    """The reply cache's file: what a section of the recipe names, else the one that the run's stages share."""
    if given:
        return Path(given).expanduser()
    assert shared is not None, "whoever runs a stage that asks a teacher gives its machine a reply cache"
    return shared


def check_teacher(config: ChatConfig, replies: Path) -> None:
    """Raises what `open_chat_teacher` would, before hours of other work and without touching a file."""
    from hornbook.teacher.endpoint import read_key
    from hornbook.teacher.replies import check_present
    from hornbook.teacher.transformers import check_model

    if config.backend == "openai":
        read_key(config.base_url, config.api_key_env)
    elif config.backend == "transformers":
        check_model(config.model, config.model_folder)
    elif config.backend == "recorded":
        check_present(replies)


@contextlib.contextmanager
def open_chat_teacher(config: ChatConfig, replies: Path, *, device: str = "auto") -> Iterator[ChatTeacher]:
    """The backend that a section of the recipe names, over the reply cache at `replies`; `device` is for a local model.

    Raises TeacherError where no backend is named or the key is missing, MissingDependencyError where its SDK is not
    installed, ArtifactError where the cache is damaged or something else.
    """
    # Imported here so that a stage that asks nobody does not pay for it.
    from hornbook.teacher.budget import Budget
    from hornbook.teacher.openai import OpenAITeacher
    from hornbook.teacher.recorded import RecordedTeacher
    from hornbook.teacher.replies import ReplyCache
    from hornbook.teacher.transformers import TransformersTeacher

    if not config.backend:
        raise TeacherError("no teacher is configured: set the section's backend and model, e.g. grade.backend=openai")
    budget = Budget.of(config)
    with ReplyCache(replies, must_exist=config.backend == "recorded") as cache:
        if config.backend == "recorded":
            yield RecordedTeacher(cache, budget=budget)
        elif config.backend == "starter":
            from hornbook.teacher.ledger import open_ledger
            from hornbook.teacher.starter import DESCRIPTION, StarterSet
            from hornbook.teacher.starter.annotation_set import AnnotationSet

            # Before replies come in that nobody pays for here: it begins with what it finds in the file.
            open_ledger(cache)
            annotated = AnnotationSet() if config.section == "annotator" else None
            supply = StarterSet(cache, annotated.replies if annotated else None).supply
            holds = "the starter set's annotations" if annotated else DESCRIPTION
            yield RecordedTeacher(cache, budget=budget, supply=supply, holds=holds)
        elif config.backend == "transformers":
            yield TransformersTeacher(
                cache,
                model=config.model,
                folder=config.model_folder,
                device=device,
                batch_size=config.batch_size,
                budget=budget,
            )
        elif config.mode == "batch":
            from hornbook.teacher.batch import BatchTeacher

            yield BatchTeacher(
                cache,
                base_url=config.base_url,
                api_key_env=config.api_key_env,
                timeout_s=config.timeout_s,
                budget=budget,
            )
        else:
            yield OpenAITeacher(
                cache,
                base_url=config.base_url,
                api_key_env=config.api_key_env,
                concurrency=config.concurrency,
                timeout_s=config.timeout_s,
                deadline_s=config.deadline_s,
                budget=budget,
            )
