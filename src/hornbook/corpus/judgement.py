"""What a language model says of a file's educational value: the requests, and the strict reading of the replies."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from hornbook.corpus.windows import Window
from hornbook.recipe import ChatConfig
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.prompts import prompts_identity, render

PROMPT = "annotate"
EXAMPLES = resources.files(__package__) / "judgement_examples.toml"
HIGHEST_VALUE = 10

UnreadableReason = Literal["no_value", "value_out_of_range", "no_reason", "other_lines"]
PROBLEMS: Mapping[UnreadableReason, str] = {
    "no_value": 'its last line is not of the form "Value: N"',
    "value_out_of_range": f"the value is not between 0 and {HIGHEST_VALUE}",
    "no_reason": 'the line before the value is not of the form "Reason: ..."',
    "other_lines": "there is something else than the two lines",
}
"""What is wrong with a reply, in the words that the model is told."""

_VALUE_LINE = re.compile(r"Value: (\d{1,9})")
_REASON_LINE = re.compile(r"Reason: (\S.*)")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One readable reply."""

    value: int
    """0 to 10."""
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reply that is not in the form that was asked for."""

    reason: UnreadableReason
    text: str


def judgement_request(window: Window, part: str, config: ChatConfig) -> ChatRequest:
    """What is asked about a window; `part` says which part of a longer file it is, and is empty for a whole one."""
    question = Message("user", _question(window.text, part))
    return ChatRequest(
        model=config.model,
        messages=(Message("system", render(f"{PROMPT}.system")), *_examples(), question),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
    )


def repair_request(request: ChatRequest, unreadable: Unreadable) -> ChatRequest:
    """The second and last request about a window: it shows the model its reply and says what is wrong with it."""
    return request.followed_by(unreadable.text, render(f"{PROMPT}.repair", problem=PROBLEMS[unreadable.reason]))


def read_judgement(text: str) -> Judgement | Unreadable:
    """A reply of exactly two lines, `Reason: ...` and `Value: N`; blank lines and blanks around a line do not count."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    value = _VALUE_LINE.fullmatch(lines[-1]) if lines else None
    reason = _REASON_LINE.fullmatch(lines[-2]) if len(lines) > 1 else None
    if value is None:
        return Unreadable("no_value", text)
    if int(value[1]) > HIGHEST_VALUE:
        return Unreadable("value_out_of_range", text)
    if reason is None:
        return Unreadable("no_reason", text)
    if len(lines) > 2:
        return Unreadable("other_lines", text)
    return Judgement(int(value[1]), reason[1])


def judgements_identity() -> str:
    """What the requests depend on besides the recipe and the files: hex sha256 of the prompts and worked examples."""
    return hashlib.sha256(f"{prompts_identity(PROMPT)}{EXAMPLES.read_text(encoding='utf-8')}".encode()).hexdigest()


@functools.cache
def _examples() -> tuple[Message, ...]:
    """The worked examples as turns: a question and its answer each."""
    turns = []
    for example in tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))["examples"]:
        turns.append(Message("user", _question(example["code"], "")))
        turns.append(Message("assistant", f"Reason: {example['reason']}\nValue: {example['value']}"))
    return tuple(turns)


def _question(code: str, part: str) -> str:
    return render(f"{PROMPT}.user", code=code.strip("\n"), part=part)
