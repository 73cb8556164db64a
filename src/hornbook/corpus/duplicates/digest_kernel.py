"""The compiled loop that leaves out of texts what does not count for their digests.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled, load, store, trailing_zeros

U64: Any = np.uint64
LOW_BITS, HIGH_BITS = U64(0x0101010101010101), U64(0x8080808080808080)
NEWLINE, RETURN = ord("\n"), ord("\r")
NEWLINES, RETURNS = U64(NEWLINE) * LOW_BITS, U64(RETURN) * LOW_BITS
IS_BLANK = np.isin(np.arange(256), [ord(char) for char in " \t\v\f\x1c\x1d\x1e\x1f"])


@compiled
def _copy_line(data: Any, at: Any, stop: Any, out: Any, end: Any) -> Any:
    """Copies data[at:stop] up to the end of its first line to out[end] and on; returns how many bytes the line has."""
    begin = at
    while at + 8 <= stop:
        word = load(data, at)
        # Bytes behind the line's end may go along: what comes next is written over them.
        store(out, end + (at - begin), word)
        is_newline, is_return = word ^ NEWLINES, word ^ RETURNS
        # The lowest eighth bit that is set is that of the first byte that is 0; higher ones may be wrong.
        found = ((is_newline - LOW_BITS) & ~is_newline) | ((is_return - LOW_BITS) & ~is_return)
        found &= HIGH_BITS
        if found != U64(0):
            return at - begin + np.int64(trailing_zeros(found) >> U64(3))
        at += 8
    while at < stop and data[at] != NEWLINE and data[at] != RETURN:
        out[end + (at - begin)] = data[at]
        at += 1
    return at - begin


@compiled
def normalise_all(data: Any, offsets: Any, out: Any, ends: Any) -> None:
    """Text i goes to out[offsets[i] - offsets[0] : ends[i]], without what `content_digests` does not see."""
    first = offsets[0]
    for row in range(ends.size):
        at, stop = offsets[row], offsets[row + 1]
        # `end`: what is written. `solid`: what of it is sure to stay, up to the last byte that is no blank.
        start = end = solid = at - first
        while at < stop:
            begin, size = end, _copy_line(data, at, stop, out, end)
            at, end = at + size, end + size
            while end > begin and IS_BLANK[out[end - 1]]:
                end -= 1
            if end > begin:
                solid = end
            # No empty line at the very beginning.
            if solid > start and at < stop:
                out[end] = NEWLINE
                end += 1
            at += 2 if at + 1 < stop and data[at] == RETURN and data[at + 1] == NEWLINE else 1
        ends[row] = solid
