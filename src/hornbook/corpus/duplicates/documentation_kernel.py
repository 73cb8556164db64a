"""The compiled loop that sees how much of a Python source is documentation (see `minhash.documented_bytes`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled, inlined, load, trailing_zeros

U64: Any = np.uint64
LOW_BITS, HIGH_BITS = U64(0x0101010101010101), U64(0x8080808080808080)
NEWLINE, HASH, BACKSLASH, QUOTE, APOSTROPHE = (ord(char) for char in "\n#\\\"'")
BEFORE_A_DOCSTRING = np.isin(np.arange(256), [ord(char) for char in " \t\f\rrRuU"])


@inlined
def _find(data: Any, at: Any, stop: Any, a: Any, b: Any, c: Any) -> Any:
    """Where one of three bytes stands first in data[at:stop], `stop` where none does; eight bytes at a time."""
    all_a, all_b, all_c = U64(a) * LOW_BITS, U64(b) * LOW_BITS, U64(c) * LOW_BITS
    while at + 8 <= stop:
        word = load(data, at)
        is_a, is_b, is_c = word ^ all_a, word ^ all_b, word ^ all_c
        # The lowest eighth bit that is set is that of the first byte that is 0; higher ones may be wrong.
        found = ((is_a - LOW_BITS) & ~is_a) | ((is_b - LOW_BITS) & ~is_b) | ((is_c - LOW_BITS) & ~is_c)
        found &= HIGH_BITS
        if found != U64(0):
            return at + np.int64(trailing_zeros(found) >> U64(3))
        at += 8
    while at < stop and data[at] != a and data[at] != b and data[at] != c:
        at += 1
    return at


@inlined
def _opens_a_line(data: Any, start: Any, at: Any) -> Any:
    """Whether nothing but blanks, or the prefix of a string, stands before data[at] on its line."""
    while at > start and BEFORE_A_DOCSTRING[data[at - 1]]:
        at -= 1
    return at == start or data[at - 1] == NEWLINE


@inlined
def _end_of_string(data: Any, at: Any, stop: Any, triple: Any) -> Any:
    """Where the string that opens at data[at] is over: after its quotes, or where its line or the text ends."""
    quote = data[at]
    at += 3 if triple else 1
    while at < stop:
        at = _find(data, at, stop, quote, BACKSLASH, quote if triple else NEWLINE)
        if at >= stop:
            break
        if data[at] == BACKSLASH:
            at += 2
        elif data[at] == NEWLINE:
            return at
        elif not triple:
            return at + 1
        elif at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote:
            return at + 3
        else:
            at += 1
    return stop


@compiled
def _documented(data: Any, start: Any, stop: Any) -> Any:
    at, total = start, 0
    while at < stop:
        at = _find(data, at, stop, HASH, QUOTE, APOSTROPHE)
        if at >= stop:
            break
        opened = at
        if data[at] == HASH:
            at = _find(data, at, stop, NEWLINE, NEWLINE, NEWLINE)
            total += at - opened
        else:
            triple = at + 2 < stop and data[at + 1] == data[at] and data[at + 2] == data[at]
            at = _end_of_string(data, at, stop, triple)
            if triple and _opens_a_line(data, start, opened):
                total += at - opened
    return total


@compiled
def documented_all(data: Any, offsets: Any, totals: Any) -> None:
    """Bytes of N texts in comments and in triple-quoted strings that open a line, where docstrings stand."""
    for n in range(totals.size):
        totals[n] = _documented(data, offsets[n], offsets[n + 1])
