"""Keys and tokens in a text, by the shapes that their issuers give them, and by what they are assigned to.

A well-known shape counts wherever it stands. A value that is assigned to a name such as `password` counts where it
looks like chance (`_looks_random`). Values that say of themselves that they are examples do not count, since manuals
and tests are full of them. Sources of the shapes: the issuers' documentation of their key formats.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from hornbook.corpus.cleaning.words import may_have

MIN_ENTROPY_BITS = 3.5
"""Per character. Words and names are below; 16 random letters and digits are almost always above."""
MIN_HEX_CHARS = 32
"""Shorter ones are short digests and colours."""
BYTES_AROUND = 300
"""What belongs to a private key and is not random: its first lines and the last."""


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    literals: tuple[str, ...]
    """One of these is in every match; looking for them first is what makes a clean file quick."""
    pattern: re.Pattern[str]


def _shape(kind: str, literals: str, pattern: str) -> _Shape:
    return _Shape(kind, tuple(literals.split(" ")), re.compile(pattern))


_PRIVATE_KEY = "-----BEGIN"
_SHAPES = (
    _shape(
        "private_key",
        _PRIVATE_KEY,
        r"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\"'+#*,;()frb]|\\[nr]|[\w-]+: [^\n]*\n){0,200}?[A-Za-z0-9+/]{40}",
    ),
    _shape("aws_key", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    _shape("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b"),
    _shape("github_token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    _shape("gitlab_token", "glpat-", r"\bglpat-[\w-]{20}"),
    _shape("slack_token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe-", r"\bxox[abeoprs]-\d{9,}-[\w-]{20,}"),
    _shape(
        "slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}"
    ),
    _shape("google_key", "AIza", r"\bAIza[\w-]{35}(?![\w-])"),
    _shape("google_secret", "GOCSPX-", r"\bGOCSPX-[\w-]{28}"),
    _shape("stripe_key", "_live_", r"\b[rs]k_live_[A-Za-z0-9]{24,}"),
    _shape("jwt", "eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    _shape("npm_token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _shape("pypi_token", "pypi-Ag", r"\bpypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[\w-]{50,}"),
    _shape("openai_key", "T3BlbkFJ", r"\bsk-[\w-]{20,}T3BlbkFJ[\w-]{20,}"),
    _shape("anthropic_key", "sk-ant-", r"\bsk-ant-[a-z]+\d\d-[\w-]{80,}"),
    _shape("huggingface_token", "hf_", r"\bhf_[A-Za-z]{34}\b"),
    _shape("sendgrid_key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}"),
    _shape("telegram_token", ":AA", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"),
    _shape("azure_key", "AccountKey=", r"\bAccountKey=[A-Za-z0-9+/]{86}=="),
)
_BY_LITERAL = tuple((literal, shape) for shape in _SHAPES for literal in shape.literals)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<value>[A-Za-z0-9+/=_~!@#$^&*-]{16,200})(?P=quote)""")
_ASSIGNED_TO = re.compile(
    r"""(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)(?:_\w{1,20})?["']?\]?
    [ \t]*(?::[ \t]*str[ \t]*)?[:=][ \t]*[rbuRBU]?$""",
    re.IGNORECASE | re.VERBOSE,
)
_NAMES = ("passw", "pwd", "secret", "token", "key", "credential")
"""One of these is in every name that `_ASSIGNED_TO` finds."""
_MAX_NAME_CHARS = 60
_EXAMPLE = re.compile(
    r"example|sample|dummy|fake|test|placeholder|changeme|change_me|your|redacted|abcdef|012345|123456|x{4}|\*{3}|\.\.\.",
    re.IGNORECASE,
)
_HEX = re.compile(r"[0-9a-fA-F]+")
_WORDS = re.compile(r"[A-Za-z]?[a-z]+|[A-Z]+(?![a-z])")
_JWT_OF_THE_MANUAL = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI"
"""The claims of the token that jwt.io shows, which half of all manuals quote."""


def find_secret(text: str) -> str | None:
    """The kind of the first key or token that is found, or None."""
    for shape in dict.fromkeys(shape for literal, shape in _BY_LITERAL if literal in text):
        for match in shape.pattern.finditer(text):
            if not _is_example(match[0]):
                return shape.kind
    return "assigned_secret" if _has_assigned_secret(text) else None


def parts_with_keys(data: np.ndarray) -> list[str]:
    """The lines of a text, given as `byte_bits.padded` has it, outside of which hardly any key or token is.

    They are those of runs of characters that could be a key (`text_kernels.find_keys`) and, where there may be private
    keys, what stands before these.
    """
    from hornbook.corpus.cleaning.byte_bits import PADDING
    from hornbook.corpus.cleaning.text_kernels import CLASSES, MIN_RUN_CHARS, find_keys

    size = len(data) - PADDING
    text = data[:size].tobytes()
    parts = np.empty((size // MIN_RUN_CHARS + 1, 2), dtype=np.int64)
    around = BYTES_AROUND if _PRIVATE_KEY.encode() in text else 0
    num_parts = find_keys(data, size, CLASSES, around, parts)
    return [text[start:stop].decode() for start, stop in parts[:num_parts].tolist()]


def _has_assigned_secret(text: str) -> bool:
    if not may_have(text, *_NAMES):
        return False
    for match in _QUOTED.finditer(text):
        value = match["value"]
        if _looks_random(value) and not _EXAMPLE.search(value):
            before = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - _MAX_NAME_CHARS) : match.start()]
            if _ASSIGNED_TO.search(before):
                return True
    return False


def _is_example(value: str) -> bool:
    body = value.split("-----")[-1] if value.startswith("-----") else value
    return bool(_EXAMPLE.search(body)) or _JWT_OF_THE_MANUAL in value or len(set(body[-20:])) < 8


def _looks_random(value: str) -> bool:
    """Whether a value is made of letters and digits in no order: no words, no path, no name with parts."""
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    if len(value) < MIN_HEX_CHARS and _HEX.fullmatch(value):
        return False
    if digits < 1 or letters < 2 or digits + letters < 0.8 * len(value):
        return False
    if max((len(word) for word in _WORDS.findall(value)), default=0) > 6:
        return False
    return _entropy_bits(value) >= MIN_ENTROPY_BITS


def _entropy_bits(value: str) -> float:
    """Shannon entropy of the characters, in bits per character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
