"""The `openai` backend: any endpoint that speaks the chat completions API, hosted or on this machine.

The SDK sends, waits and retries (429, 5xx, timeouts, dropped connections; Retry-After is honoured). Ours is what it
lacks: the reply cache, one deadline over all attempts, strict reading of the reply, and failures by reason.
"""

from __future__ import annotations

import asyncio
import importlib.util
import ipaddress
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hornbook.errors import MissingDependencyError, TeacherError
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, FailureReason, usable
from hornbook.teacher.replies import ReplyCache

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

MAX_RETRIES = 4
"""Waits of 0.5, 1, 2 and 4 s with jitter, unless the endpoint says how long to wait."""
MALFORMED_ATTEMPTS = 2
"""How often a request is sent whose reply is not a chat completion; the SDK does not retry those."""
MIN_SECRET_CHARS = 8
"""A shorter key is a placeholder for a local server, such as EMPTY, and may stand in a reply by right."""
MAX_DETAIL_CHARS = 500
OPENAI_HOST = "api.openai.com"


class OpenAITeacher:
    """A `ChatTeacher` at an endpoint. Its replies all go through the cache."""

    def __init__(
        self,
        cache: ReplyCache,
        *,
        base_url: str,
        api_key_env: str,
        concurrency: int,
        timeout_s: float,
        deadline_s: float,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        """Nothing is sent yet. Raises as `read_key` does."""
        self._key = read_key(base_url, api_key_env)
        self._cache, self._base_url, self._api_key_env = cache, base_url, api_key_env
        self._concurrency, self._timeout_s, self._deadline_s = concurrency, timeout_s, deadline_s
        self._max_retries = max_retries

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. Not for use inside a running event loop."""
        report = on_progress or (lambda count: None)
        repeats: dict[str, int] = {}
        for request in requests:
            repeats[request.digest] = repeats.get(request.digest, 0) + 1
        outcomes: dict[str, ChatReply | Failure] = {}
        missing: dict[str, ChatRequest] = {}
        for request in requests:
            if request.digest in outcomes or request.digest in missing:
                continue
            kept = self._cache.find(request)
            if kept is None:
                missing[request.digest] = request
            else:
                outcomes[request.digest] = usable(kept)
                report(repeats[request.digest])
        if missing:

            def take(request: ChatRequest, outcome: ChatReply | Failure) -> None:
                outcomes[request.digest] = outcome
                report(repeats[request.digest])

            asyncio.run(self._ask_all(list(missing.values()), take))
        return [outcomes[request.digest] for request in requests]

    async def _ask_all(
        self, requests: Sequence[ChatRequest], take: Callable[[ChatRequest, ChatReply | Failure], None]
    ) -> None:
        from openai import AsyncOpenAI

        waiting = iter(requests)
        refused: list[TeacherError] = []

        async def work() -> None:
            for request in waiting:
                # Requests in flight are seen to their end, because their replies are paid for; no other is sent.
                if refused:
                    return
                try:
                    take(request, await self._ask_one(client, request))
                except TeacherError as error:
                    refused.append(error)

        async with AsyncOpenAI(
            # The SDK insists on some key; a server on this machine does not look at it.
            api_key=self._key or "none",
            base_url=self._base_url,
            max_retries=self._max_retries,
            timeout=self._timeout_s,
        ) as client:
            await asyncio.gather(*(work() for _ in range(min(self._concurrency, len(requests)))))
        if refused:
            raise refused[0]

    async def _ask_one(self, client: AsyncOpenAI, request: ChatRequest) -> ChatReply | Failure:
        # Looked for again, because another process may have asked in the meantime.
        kept = self._cache.find(request)
        if kept is None:
            answered = await self._send(client, request)
            if isinstance(answered, Failure):
                return answered
            kept = self._cache.keep(request, answered)
        return usable(kept)

    async def _send(self, client: AsyncOpenAI, request: ChatRequest) -> ChatReply | Failure:
        import openai

        try:
            async with asyncio.timeout(self._deadline_s):
                for _ in range(MALFORMED_ATTEMPTS):
                    # Before it is read, because an excerpt may cut a key in two, and after, because JSON may escape it.
                    read = read_completion(self._without_key(await self._post(client, request)))
                    if isinstance(read, ChatReply):
                        return replace(read, text=self._without_key(read.text))
                return read
        except TimeoutError:
            return Failure("timed_out", f"no reply within deadline_s = {self._deadline_s:g}, retries included")
        except openai.APITimeoutError:
            return Failure("timed_out", f"{self._max_retries + 1} attempts of timeout_s = {self._timeout_s:g} each")
        except openai.APIConnectionError as error:
            return Failure("connection_failed", self._without_key(f"{self._base_url}: {error.__cause__ or error}"))
        except openai.APIStatusError as error:
            return self._read_status(error, request)

    async def _post(self, client: AsyncOpenAI, request: ChatRequest) -> str:
        """The body of an answer with status 200, as it came."""
        arguments: dict[str, Any] = json.loads(request.canonical)
        if urlsplit(self._base_url).hostname == OPENAI_HOST:
            # Its newer models refuse the old name, and servers compatible with it know no other.
            arguments["max_completion_tokens"] = arguments.pop("max_tokens")
        answer = await client.chat.completions.with_raw_response.create(**arguments)
        text: str = answer.http_response.text
        return text

    def _read_status(self, error: APIStatusError, request: ChatRequest) -> Failure:
        """Raises TeacherError for a status that every request would get."""
        detail = f"status {error.status_code}: {self._without_key(error.response.text)[:MAX_DETAIL_CHARS]}"
        if error.status_code in (401, 403):
            raise TeacherError(
                f"{self._base_url} refuses the key in the environment variable {self._api_key_env}: {detail}"
            ) from None
        if error.status_code == 404:
            raise TeacherError(f"{self._base_url} does not know the model {request.model!r}: {detail}") from None
        reason: FailureReason = "rejected"
        if error.status_code == 429:
            reason = "rate_limited"
        elif error.status_code >= 500:
            reason = "server_error"
        return Failure(reason, detail)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if len(self._key) >= MIN_SECRET_CHARS else text


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


def read_completion(body: str) -> ChatReply | Failure:
    """The first choice of a chat completion, read strictly."""
    try:
        values = json.loads(body)
    except ValueError as error:
        return Failure("malformed_reply", f"not JSON ({error}): {body[:200]!r}")
    try:
        choice = values["choices"][0]
        message = choice["message"]
        refusal, text = message.get("refusal"), message.get("content")
        if not isinstance(refusal or text or "", str):
            raise TypeError(f"content is {text!r:.80}")
        usage = values.get("usage") or {}
        return ChatReply(
            # JSON can hold half of a surrogate pair, which UTF-8 cannot.
            text=(refusal or text or "").encode("utf-8", "replace").decode(),
            finish_reason="refusal" if refusal else str(choice.get("finish_reason") or ""),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return Failure("malformed_reply", f"not a chat completion ({type(error).__name__}: {error}): {body[:200]!r}")


def _count(tokens: object) -> int:
    if tokens is None:
        return 0
    if not isinstance(tokens, int) or not 0 <= tokens < 2**53:
        raise ValueError(f"{tokens!r:.80} is no number of tokens")
    return tokens


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
