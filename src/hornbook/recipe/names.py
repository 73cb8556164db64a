"""Words that a user got nearly right."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: the candidate that is closest, or just a full stop."""
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    if not close:
        tails = {candidate.rsplit(".", 1)[-1]: candidate for candidate in candidates}
        close = [tails[tail] for tail in difflib.get_close_matches(word.rsplit(".", 1)[-1], list(tails), n=1)]
    return f". Did you mean {close[0]!r}?" if close else "."
