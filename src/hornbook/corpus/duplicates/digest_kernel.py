"""The compiled loops that leave out of texts what does not count for their digests.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of
from hornbook.corpus.compiled import compiled, load, store, trailing_zeros

U64: Any = np.uint64
LOW_BITS, HIGH_BITS = U64(0x0101010101010101), U64(0x8080808080808080)
NEWLINE, RETURN = ord("\n"), ord("\r")
NEWLINES, RETURNS = U64(NEWLINE) * LOW_BITS, U64(RETURN) * LOW_BITS
_BLANKS = b" \t\v\f\x1c\x1d\x1e\x1f"
IS_BLANK = np.isin(np.arange(256), list(_BLANKS))
newlines, returns, blanks = bits_of(64, b"\n"), bits_of(64, b"\r"), bits_of(64, _BLANKS)


@compiled
def _is_plain(data: Any, start: Any, stop: Any) -> Any:
    """Whether all lines of data[start:stop] but the last end without a blank, with a newline alone.

    No where there are no 64 bytes behind the text: so many are looked at, at once.
    """
    if stop + 64 > data.size:
        return False
    before = U64(0)
    for at in range(start, stop, 64):
        blank = blanks(data, at)
        disturbing = (blank << U64(1) | before) & newlines(data, at) | returns(data, at)
        before = blank >> U64(63)
        if at + 64 > stop:
            disturbing &= (U64(1) << U64(stop - at)) - U64(1)
        if disturbing != U64(0):
            return False
    return True


@compiled
def plain_all(data: Any, offsets: Any, bounds: Any) -> None:
    """Bounds (N, 2) in `data` of what counts of each text, where that is in one piece; -1 where it is not."""
    for row in range(len(bounds)):
        start, stop = offsets[row], offsets[row + 1]
        if not _is_plain(data, start, stop):
            bounds[row] = -1
            continue
        while start < stop and data[start] == NEWLINE:
            start += 1
        while start < stop and (data[stop - 1] == NEWLINE or IS_BLANK[data[stop - 1]]):
            stop -= 1
        bounds[row, 0], bounds[row, 1] = start, stop


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
def normalise(data: Any, at: Any, stop: Any, out: Any) -> Any:
    """Writes data[at:stop] to `out` without what `content_digests` does not see; returns how many bytes that are."""
    # `end`: what is written. `solid`: what of it is sure to stay, up to the last byte that is no blank.
    end = solid = 0
    while at < stop:
        begin, size = end, _copy_line(data, at, stop, out, end)
        at, end = at + size, end + size
        while end > begin and IS_BLANK[out[end - 1]]:
            end -= 1
        if end > begin:
            solid = end
        # No empty line at the very beginning.
        if solid > 0 and at < stop:
            out[end] = NEWLINE
            end += 1
        at += 2 if at + 1 < stop and data[at] == RETURN and data[at + 1] == NEWLINE else 1
    return solid
