"""An endpoint that speaks the chat completions API: its key, one attempt at a request, and what an attempt came to."""

from __future__ import annotations

import asyncio
import importlib.util
import ipaddress
import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hornbook.errors import MissingDependencyError, TeacherError
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, FailureReason
from hornbook.teacher.completion import read_completion

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAI

MIN_SECRET_CHARS = 8
"""A shorter key is a placeholder for a local server, such as EMPTY, and may stand in a reply by right."""
MAX_DETAIL_CHARS = 500
OPENAI_HOST = "api.openai.com"
NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})
"""The HTTP library's errors before a byte of the request has left, by name: the SDK chooses the library."""
FIRST_WAIT_S, LONGEST_WAIT_S, JITTER = 0.5, 8.0, 0.25


@dataclass(frozen=True)
class Fault:
    """An attempt that gave no reply."""

    failure: Failure
    may_be_billed: bool
    """Whether the endpoint may have worked on it."""
    can_retry: bool
    wait_s: float | None = None
    """How long the endpoint asks to wait; None where it does not say."""
    fatal: TeacherError | None = None
    """Where every other request would get the same."""


@dataclass(frozen=True)
class Endpoint:
    """Where and with which key one asks. No key stands in anything that it returns or raises."""

    base_url: str
    api_key_env: str
    timeout_s: float
    key: str

    @classmethod
    def open(cls, base_url: str, api_key_env: str, timeout_s: float) -> Endpoint:
        """With the key from the environment. Raises as `read_key` does."""
        return cls(base_url, api_key_env, timeout_s, read_key(base_url, api_key_env))

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"

    def async_client(self) -> AsyncOpenAI:
        """The SDK for many requests at once. It retries nothing, so that each attempt can be reserved for."""
        from openai import AsyncOpenAI

        # The SDK insists on some key; a server on this machine does not look at it.
        return AsyncOpenAI(api_key=self.key or "none", base_url=self.base_url, max_retries=0, timeout=self.timeout_s)

    def client(self) -> OpenAI:
        """The SDK for one thing after the other; it retries nothing either."""
        from openai import OpenAI

        return OpenAI(api_key=self.key or "none", base_url=self.base_url, max_retries=0, timeout=self.timeout_s)

    def arguments(self, request: ChatRequest) -> dict[str, Any]:
        """The body of a request, in the words that the endpoint takes."""
        arguments: dict[str, Any] = json.loads(request.canonical)
        if urlsplit(self.base_url).hostname == OPENAI_HOST:
            # Its newer models refuse the old name, and servers compatible with it know no other.
            arguments["max_completion_tokens"] = arguments.pop("max_tokens")
        return arguments

    def without_key(self, text: str) -> str:
        """A text with the key taken out, whoever put it in."""
        return text.replace(self.key, "[key]") if len(self.key) >= MIN_SECRET_CHARS else text

    def read(self, body: str) -> ChatReply | Failure:
        """A completion, without the key."""
        # Before it is read, because an excerpt may cut a key in two, and after, because JSON may escape it.
        found = read_completion(self.without_key(body))
        return replace(found, text=self.without_key(found.text)) if isinstance(found, ChatReply) else found

    async def attempt(
        self, client: AsyncOpenAI, request: ChatRequest, ends: float, deadline_s: float
    ) -> ChatReply | Fault:
        """Sends a request once; `ends` is the deadline by the event loop's clock, `deadline_s` what it was set to."""
        import openai

        try:
            async with asyncio.timeout_at(ends):
                # Not `chat.completions.create`, which walks through what goes out and comes in to type it: that takes
                # more time than all of ours (docs/lab-notes.md), and what comes in is read strictly here anyway.
                body = await client.post("/chat/completions", cast_to=str, body=self.arguments(request))
        except TimeoutError:
            return Fault(too_late(deadline_s), may_be_billed=True, can_retry=False)
        except openai.APIConnectionError as error:
            return self._read_connection(error)
        except openai.APIStatusError as error:
            return self._read_status(error, request)
        found = self.read(body)
        return found if isinstance(found, ChatReply) else Fault(found, may_be_billed=True, can_retry=True)

    def _read_connection(self, error: APIConnectionError) -> Fault:
        import openai

        cause = error.__cause__
        if isinstance(error, openai.APITimeoutError):
            failure = Failure("timed_out", f"no answer within timeout_s = {self.timeout_s:g}")
        else:
            failure = Failure("connection_failed", self.without_key(f"{self.base_url}: {cause or error}"))
        return Fault(failure, may_be_billed=type(cause).__name__ not in NEVER_SENT, can_retry=True)

    def _read_status(self, error: APIStatusError, request: ChatRequest) -> Fault:
        status, headers = error.status_code, error.response.headers
        detail = f"status {status}: {self.without_key(error.response.text)[:MAX_DETAIL_CHARS]}"
        reason: FailureReason = "rejected"
        if status == 429:
            reason = "rate_limited"
        elif status >= 500:
            reason = "server_error"
        # An endpoint's own word on a retry goes before the status: a spent quota is a 429 for ever.
        can_retry = {"true": True, "false": False}.get(
            headers.get("x-should-retry", ""), status in (408, 409, 429) or status >= 500
        )
        return Fault(
            Failure(reason, detail),
            may_be_billed=status >= 500,
            can_retry=can_retry,
            wait_s=read_wait(headers),
            fatal=self.fatal_error(status, detail, request.model),
        )

    def fatal_error(self, status: int, detail: str, model: str) -> TeacherError | None:
        """The error of a status that every request would get."""
        if status in (401, 403):
            return TeacherError(
                f"{self.base_url} refuses the key in the environment variable {self.api_key_env}: {detail}"
            )
        if status == 404:
            return TeacherError(f"{self.base_url} does not know the model {model!r}: {detail}")
        return None


def too_late(deadline_s: float, last: Failure | None = None) -> Failure:
    """A request that took longer than it may, or would with the next wait; `last` is what its last attempt came to."""
    after = f"; the last attempt came to {last.reason}: {last.detail}" if last is not None else ""
    return Failure("timed_out", f"no reply within deadline_s = {deadline_s:g}, retries and waits included{after}")


def read_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an endpoint asks to wait, from `Retry-After` in seconds or as a date, or `retry-after-ms`."""
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            wait_s = float(headers.get(name, "")) / per_second
        except ValueError:
            continue
        if 0 <= wait_s < float("inf"):
            return wait_s
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def backoff_s(num_before: int) -> float:
    """How long to wait after so many attempts and one: 0.5, 1, 2, 4, 8 s, shortened at random by up to a quarter.

    At random, so that workers that failed together do not come back together.
    """
    wait_s: float = min(FIRST_WAIT_S * 2.0**num_before, LONGEST_WAIT_S)
    return wait_s * (1 - JITTER * random.random())


def read_key(base_url: str, api_key_env: str) -> str:
    """The key in the environment variable `api_key_env`; may be empty for an endpoint on this machine.

    Raises MissingDependencyError without the SDK, TeacherError without a key that the endpoint needs.
    """
    if importlib.util.find_spec("openai") is None:
        raise MissingDependencyError("openai", "The teacher's backend 'openai'", "openai")
    key = os.environ.get(api_key_env, "").strip()
    if not key and not _is_loopback(base_url):
        raise TeacherError(
            f"the environment variable {api_key_env} is not set, and {base_url} needs a key. "
            "Set it, or name another variable with api_key_env."
        )
    return key


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
