"""Words that are looked for before a pattern is tried, which takes many times as long where it finds nothing."""

from __future__ import annotations

import re

_TAKEN_FOR_ASCII = re.compile("[\u0130\u0131\u017f\u212a]")
"""Letters beyond ASCII that a pattern takes for i, s or k where case does not matter."""


def may_have(text: str, *words: str) -> bool:
    """Whether one of the words, in lower case, could be what a pattern that ignores case finds in the text."""
    lower = text.lower()
    return any(map(lower.__contains__, words)) or (not text.isascii() and bool(_TAKEN_FOR_ASCII.search(text)))
