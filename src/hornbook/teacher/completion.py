"""Reading a chat completion strictly, live or from the output of a batch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hornbook.teacher.chat import ChatReply, Failure


def read_completion(body: str) -> ChatReply | Failure:
    """The first choice of a chat completion."""
    try:
        values = json.loads(body)
    except ValueError as error:
        return Failure("malformed_reply", f"not JSON ({error}): {body[:200]!r}")
    return read_values(values, body)


def read_values(values: Any, body: str) -> ChatReply | Failure:
    """As `read_completion`, from its JSON values; `body` is what an error quotes."""
    try:
        choice = values["choices"][0]
        message = choice["message"]
        refusal, text = message.get("refusal"), message.get("content")
        if not isinstance(refusal or text or "", str):
            raise TypeError(f"content is {text!r:.80}")
        usage = values.get("usage") or {}
        return ChatReply(
            text=_writable(refusal or text or ""),
            finish_reason="refusal" if refusal else _writable(str(choice.get("finish_reason") or "")),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return Failure("malformed_reply", f"not a chat completion ({type(error).__name__}: {error}): {body[:200]!r}")


def _writable(text: str) -> str:
    # JSON can hold half of a surrogate pair, which UTF-8 cannot.
    return text.encode("utf-8", "replace").decode()


def _count(tokens: object) -> int:
    if tokens is None:
        return 0
    if not isinstance(tokens, int) or not 0 <= tokens < 2**53:
        raise ValueError(f"{tokens!r:.80} is no number of tokens")
    return tokens
