"""Telling a reply that repeats itself until it is cut from one that is merely long."""

from __future__ import annotations

import zlib

MIN_BYTES = 200
"""Less says nothing: even an honest line compresses badly or well by chance."""
MIN_RATIO = 6.0
"""Times that the second half of a text gets smaller by zlib."""


def is_repetitive(text: str) -> bool:
    """Whether the second half of a text is one phrase over and over; a loop may begin after a good start."""
    encoded = text.encode("utf-8", "replace")
    half = encoded[len(encoded) // 2 :]
    return len(half) >= MIN_BYTES and len(half) >= MIN_RATIO * len(zlib.compress(half))
