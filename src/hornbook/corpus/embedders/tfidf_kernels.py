"""The compiled loops of the `tfidf-svd` embedder that find, hash and count tokens, with no GIL held.

Import this where it is needed, not at the top of a module (see `compiled`). The outcome is that of scikit-learn's
`HashingVectorizer`.

What takes the time is a processor that cannot foresee the next token. So a text is not gone through token by token but
64 bytes at a time, for the places of words, then of lines, and most words are hashed without a branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of, first_one, num_ones
from hornbook.corpus.compiled import compiled, inlined, load
from hornbook.corpus.embedders.murmur_hash import first_of, long_hash, short_hash

U64: Any = np.uint64

WORD, SPACE = 1, 2
"""What a character may be: one of `\\w`, or white space."""
NEWLINE, BLANK, QUOTE, AT, HASH, NINE = (ord(sign) for sign in '\n "@#9')
# The first is that of lines without one.
_OPENINGS = (b"", b"def", b"class", b"import", b"from", b"return", b"for", b"if", b"while", b"@", b"#", b'"""')
OPENINGS = np.array([int.from_bytes(word, "little") for word in _OPENINGS], np.uint64)
"""What may belong to the token of a line's start, behind its blanks: none, keywords, marks; the first byte lowest."""
OPENING_BYTES = np.array([len(word) for word in _OPENINGS])
AT_SIGN, HASH_SIGN, QUOTES = 9, 10, 11
MOST_BLANKS = 63
"""Of the line starts whose features are known beforehand."""

newlines, blanks = bits_of(64, b"\n"), bits_of(64, b" ")
spaces = bits_of(64, b" ", (9, 13), (28, 31))
"""What is white space in ASCII for Python's regular expressions."""
words = bits_of(64, b"_", (48, 57), (65, 90), (97, 122))
no_ascii, first_bytes = bits_of(64, b"", (0x80, 0xFF)), bits_of(64, b"", (0xC0, 0xFF))
ALL = U64(2**64 - 1)


@compiled
def _character(data: Any, at: Any) -> Any:
    """(code point, bytes) of the character of UTF-8 at data[at]."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F), 3
    high = (byte & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
    return high | (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F), 4


@compiled
def _word_end(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """Where the characters of a word from data[at] on are over."""
    while at < stop:
        length = first_one(~words(data, at))
        at += length
        if length < 64 and at < stop:
            point, size = _character(data, at)
            if not classes[point] & WORD:
                return at
            at += size
    return stop


@inlined
def _feature(hashed: Any, num_features: Any) -> Any:
    """The feature of a hash, which is signed: its absolute value counts."""
    value = hashed if hashed < U64(1 << 31) else U64(1 << 32) - hashed
    return value & U64(num_features - 1)


@inlined
def _opening(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """Which of `OPENINGS` a line has at data[at:stop], behind its blanks."""
    if at == stop:
        return 0
    byte = data[at]
    if byte == AT:
        return AT_SIGN
    if byte == HASH:
        return HASH_SIGN
    if byte == QUOTE:
        return QUOTES if at + 2 < stop and data[at + 1] == QUOTE and data[at + 2] == QUOTE else 0
    word, length = load(data, at), min(first_one(~words(data, at)), stop - at)
    found = 0
    if length < 8:
        for keyword in range(1, AT_SIGN):
            if first_of(word, length) == OPENINGS[keyword]:
                found = keyword
    end = at + length
    # What is no ASCII may belong to the word, too.
    return found if found == 0 or end == stop or not classes[_character(data, end)[0]] & WORD else 0


@compiled
def _known_features(num_features: Any) -> Any:
    """Features of ASCII characters, [128], of openings alone, [openings], and of line starts, [openings, blanks]."""
    signs, openings = np.empty(128, np.uint64), np.empty(OPENINGS.size, np.uint64)
    line_starts = np.empty((OPENINGS.size, MOST_BLANKS + 1), np.uint64)
    token = np.zeros(MOST_BLANKS + 16, np.uint8)
    for sign in range(128):
        token[0] = sign
        signs[sign] = _feature(long_hash(token, 0, 1), num_features)
    token[:] = BLANK
    token[0] = NEWLINE
    for num_blanks in range(MOST_BLANKS + 1):
        behind = 1 + num_blanks
        for n in range(OPENINGS.size):
            for k in range(8):
                token[behind + k] = OPENINGS[n] >> U64(8 * k) & U64(0xFF)
            openings[n] = _feature(long_hash(token, behind, behind + OPENING_BYTES[n]), num_features)
            line_starts[n, num_blanks] = _feature(long_hash(token, 0, behind + OPENING_BYTES[n]), num_features)
        token[behind] = BLANK
    openings[AT_SIGN], openings[HASH_SIGN], openings[QUOTES] = signs[AT], signs[HASH], signs[QUOTE]
    return signs, openings, line_starts


@inlined
def _add(feature: Any, seen: Any, present: Any) -> None:
    """Counts a feature in `seen` and marks it in `present`."""
    seen[feature] += 1
    present[feature >> U64(6)] |= U64(1) << (feature & U64(63))


@inlined
def _append(places: Any, count: Any, bits: Any, base: Any, at_once: Any) -> Any:
    """Appends to places[:count] where bits are set, from `base` on; returns the new count.

    So many at once, whether they are there or not, and the next ones over what was none: no branch to foresee.
    """
    end = count + num_ones(bits)
    while bits != U64(0):
        for k in range(at_once):
            places[count + k] = base + first_one(bits)
            bits &= bits - U64(1)
        count += at_once
    return end


@compiled
def _find(data: Any, start: Any, stop: Any, places: Any, signs: Any, seen: Any, present: Any) -> Any:
    """Counts the marks of data[start:stop], and writes the places of what else there is to the rows of `places`.

    Returns how many of each there are: where words and numbers begin and end, in turn; newlines; and what is no ASCII.
    """
    num_edges, num_lines, num_others, before = 0, 0, 0, U64(0)
    for base in range(start, stop, 64):
        left = ALL if base + 64 <= stop else ~(ALL << U64(stop - base))
        other, word = no_ascii(data, base), words(data, base) & left
        num_edges = _append(places[0], num_edges, word ^ (word << U64(1) | before), base, 16)
        before = word >> U64(63)
        num_lines = _append(places[1], num_lines, newlines(data, base) & left, base, 2)
        num_others = _append(places[2], num_others, first_bytes(data, base) & left, base, 1)
        mark = ~(words(data, base) | other | spaces(data, base)) & left
        while mark != U64(0):
            _add(signs[data[base + first_one(mark)]], seen, present)
            mark &= mark - U64(1)
    if before:
        places[0, num_edges] = stop
    return (num_edges + 1) // 2, num_lines, num_others


@compiled
def _count_words(data: Any, stop: Any, edges: Any, others: Any, classes: Any, seen: Any, present: Any) -> None:
    """Counts words and numbers by their edges (N, 2), and those of `others`, characters, that belong to no word."""
    num_features = len(seen)
    k: Any = 0
    done: Any = 0
    for n in range(len(edges)):
        at, end = edges[n]
        while max(at, done) < end:
            to = end
            if data[at] <= NINE:
                to = at + 1
                while to < end and data[to] <= NINE:
                    to += 1
            elif end < stop and data[end] >= 0x80:
                to = done = _word_end(data, end, stop, classes)
                while k < len(others) and others[k] < to:
                    others[k] = others[k] if others[k] < at else -1
                    k += 1
            hashed = (
                short_hash(load(data, at), load(data, at + 8), to - at) if to - at < 12 else long_hash(data, at, to)
            )
            _add(_feature(hashed, num_features), seen, present)
            at = to
    for at in others:
        if at >= 0:
            point, size = _character(data, at)
            if not classes[point] & SPACE:
                _add(_feature(long_hash(data, at, at + size), num_features), seen, present)


@compiled
def _count_lines(data: Any, stop: Any, lines: Any, classes: Any, known: Any, seen: Any, present: Any) -> None:
    """Counts the starts of lines; what belongs to one was counted as a word or as marks, too, which is taken back."""
    _, openings, line_starts = known
    for at in lines:
        end = min(at + 1 + first_one(~blanks(data, at + 1)), stop)
        while end < stop and data[end] == BLANK:
            end += 1
        num_blanks, opening = end - at - 1, _opening(data, end, stop, classes)
        if num_blanks <= MOST_BLANKS:
            feature = line_starts[opening, num_blanks]
        else:
            feature = _feature(long_hash(data, at, end + OPENING_BYTES[opening]), len(seen))
        _add(feature, seen, present)
        if opening:
            seen[openings[opening]] -= 3 if opening == QUOTES else 1


@compiled
def _count(data: Any, start: Any, stop: Any, places: Any, classes: Any, known: Any, seen: Any, present: Any) -> None:
    """Counts the tokens of data[start:stop], which are those of `tokens_of`, in `seen`, and marks them in `present`.

    There are 64 bytes more behind `stop`. `places` (3, N) has room for `_find`, `known` are `_known_features`.
    """
    num_words, num_lines, num_others = _find(data, start, stop, places, known[0], seen, present)
    edges = places[0, : 2 * num_words].reshape(-1, 2)
    _count_words(data, stop, edges, places[2, :num_others], classes, seen, present)
    _count_lines(data, stop, places[1, :num_lines], classes, known, seen, present)


@compiled
def _take(seen: Any, present: Any, indices: Any, counts: Any, filled: Any) -> Any:
    """Moves what was counted to `indices`, ascending, and `counts` from `filled` on, and returns where they end."""
    for group in range(len(present)):
        bits = present[group]
        present[group] = 0
        while bits != U64(0):
            feature = group * 64 + first_one(bits)
            bits &= bits - U64(1)
            indices[filled], counts[filled] = feature, seen[feature]
            # Nothing is left of what was taken back.
            filled += np.int64(seen[feature] != 0)
            seen[feature] = 0
    return filled


@compiled
def count_all(data: Any, offsets: Any, classes: Any, num_features: Any, indices: Any, counts: Any, starts: Any) -> None:
    """Sparse rows of hashed token counts: row i's features, ascending, are indices[starts[i]:starts[i + 1]].

    `num_features` is a power of two, 64 at least.
    """
    known = _known_features(num_features)
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    places, padded = np.empty((3, longest + 16), np.int64), np.zeros(longest + 64, np.uint8)
    seen = np.zeros(num_features, np.int32)
    # A bit for each feature, which gives those of a text back in order.
    present = np.zeros(num_features // 64, np.uint64)
    starts[0] = 0
    for row in range(len(offsets) - 1):
        start, stop = offsets[row], offsets[row + 1]
        if stop + 64 <= data.size:
            _count(data, start, stop, places, classes, known, seen, present)
        else:
            padded[: stop - start] = data[start:stop]
            _count(padded, 0, stop - start, places, classes, known, seen, present)
        starts[row + 1] = _take(seen, present, indices, counts, starts[row])
