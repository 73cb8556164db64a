"""The compiled loops of the `tfidf-svd` embedder: tokens are found, hashed, counted and projected with no GIL held.

Import this where it is needed, not at the top of a module (see `compiled`). Each loop does what a function of
scikit-learn does, sums in the same order, so that the results are the same to the last bit.

Most tokens are words of less than eight bytes: these are found and hashed as one integer, without a loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled, load, trailing_zeros

U64: Any = np.uint64

WORD, SPACE = 1, 2
"""What a character may be: one of `\\w`, or white space."""
NEWLINE, BLANK, QUOTE, AT, HASH, UNDERSCORE = (ord(sign) for sign in '\n "@#_')
_KEYWORDS = (b"def", b"class", b"import", b"from", b"return", b"for", b"if", b"while")
KEYWORDS = np.array([int.from_bytes(word, "little") for word in _KEYWORDS], np.uint64)
"""Those that a line may start with, the first byte lowest."""

LOW_32 = U64(0xFFFFFFFF)
_LOW_BITS = 0x0101010101010101
LOW_BITS, HIGH_BITS = U64(_LOW_BITS), U64(0x80 * _LOW_BITS)
SEVEN_BITS, CASE_BITS = U64(0x7F * _LOW_BITS), U64(0x20 * _LOW_BITS)
LETTERS, DIGITS, UNDERSCORES = (
    (U64((0x80 - ord(first)) * _LOW_BITS), U64((0x7F - ord(last)) * _LOW_BITS)) for first, last in ("az", "09", "__")
)
"""What is added to seven-bit bytes so that their eighth bit says: at least the range's first, above its last."""


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
def _eight(data: Any, at: Any) -> Any:
    """The eight bytes of data[at:] as one integer, the first lowest; 0 for those after the end."""
    if at + 8 <= data.size:
        return load(data, at)
    word = U64(0)
    for k in range(data.size - at):
        word |= U64(data[at + k]) << U64(8 * k)
    return word


@compiled
def _first(word: Any, length: Any) -> Any:
    """The first bytes of eight, fewer than eight of them."""
    return word & ((U64(1) << U64(8 * length)) - U64(1))


@compiled
def _word_bytes(word: Any) -> Any:
    """How many of eight bytes come before the first that is no ASCII character of a word."""
    low = word & SEVEN_BITS
    folded = low | CASE_BITS
    found = (folded + LETTERS[0]) & ~(folded + LETTERS[1])
    found |= (low + DIGITS[0]) & ~(low + DIGITS[1])
    found |= (low + UNDERSCORES[0]) & ~(low + UNDERSCORES[1])
    others = (~found | word) & HIGH_BITS
    return np.int64(trailing_zeros(others) >> U64(3)) if others != U64(0) else 8


@compiled
def _word_end(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """Where the characters of a word from data[at] on are over."""
    while at < stop:
        length = _word_bytes(_eight(data, at))
        at += length
        if length < 8 and at < stop:
            point, size = _character(data, at)
            if not classes[point] & WORD:
                return at
            at += size
    return stop


@compiled
def _scrambled(block: Any) -> Any:
    """What MurmurHash3 makes of four bytes before it mixes them in; 0 of 0."""
    block = block * U64(0xCC9E2D51) & LOW_32
    return (block << U64(15) | block >> U64(17)) * U64(0x1B873593) & LOW_32


@compiled
def _mixed(hashed: Any, block: Any) -> Any:
    """MurmurHash3's state after four more bytes."""
    hashed ^= _scrambled(block)
    hashed = (hashed << U64(13) | hashed >> U64(19)) & LOW_32
    return (hashed * U64(5) + U64(0xE6546B64)) & LOW_32


@compiled
def _final(hashed: Any, tail: Any, length: Any) -> Any:
    """MurmurHash3, 32 bits, seed 0 (Appleby, smhasher), from its state, the bytes after it and the length of all."""
    hashed ^= _scrambled(tail)
    hashed ^= U64(length)
    hashed ^= hashed >> U64(16)
    hashed = hashed * U64(0x85EBCA6B) & LOW_32
    hashed ^= hashed >> U64(13)
    hashed = hashed * U64(0xC2B2AE35) & LOW_32
    return hashed ^ hashed >> U64(16)


@compiled
def _short_hash(word: Any, length: Any) -> Any:
    """The hash of the first bytes of eight, fewer than eight of them, without a branch."""
    word = _first(word, length)
    is_long = length >= 4
    state = _mixed(U64(0), word & LOW_32) if is_long else U64(0)
    return _final(state, word >> U64(32) if is_long else word, length)


@compiled
def _hash(data: Any, start: Any, stop: Any) -> Any:
    """The hash of data[start:stop]."""
    state, at = U64(0), start
    while stop - at >= 4:
        state = _mixed(state, _eight(data, at) & LOW_32)
        at += 4
    return _final(state, _first(_eight(data, at), stop - at), stop - start)


@compiled
def _after_line_start(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """Where the token of a line start is over that may go on at data[at] with a keyword or a mark."""
    if at == stop:
        return at
    byte = data[at]
    if byte in (AT, HASH):
        return at + 1
    if byte == QUOTE:
        return at + 3 if at + 2 < stop and data[at + 1] == QUOTE and data[at + 2] == QUOTE else at
    word = _eight(data, at)
    length = min(_word_bytes(word), stop - at)
    is_keyword = False
    if length < 8:
        for keyword in KEYWORDS:
            is_keyword |= _first(word, length) == keyword
    if not is_keyword:
        return at
    end = at + length
    # What is no ASCII may belong to the word, too.
    return end if end == stop or not classes[_character(data, end)[0]] & WORD else at


@compiled
def _feature(hashed: Any, num_features: Any) -> Any:
    """The feature of a hash, which is signed: its absolute value counts."""
    value = np.int64(hashed)
    return (value if value < 1 << 31 else (1 << 32) - value) & (num_features - 1)


@compiled
def _count(data: Any, at: Any, stop: Any, classes: Any, signs: Any, seen: Any, present: Any) -> None:
    """Counts the tokens of data[at:stop], which are those of `tokens_of`, in `seen`, and marks them in `present`."""
    num_features = len(seen)
    while at < stop:
        byte, start = data[at], at
        at += 1
        if byte == UNDERSCORE or (byte < 0x80 and 97 <= byte | 0x20 <= 122):
            word = _eight(data, start)
            length = min(_word_bytes(word), stop - start)
            at = start + length
            if length < 8 and (at == stop or data[at] < 0x80):
                feature = _feature(_short_hash(word, length), num_features)
            else:
                at = _word_end(data, at, stop, classes)
                feature = _feature(_hash(data, start, at), num_features)
        elif byte == BLANK:
            continue
        elif byte == NEWLINE:
            while at < stop and data[at] == BLANK:
                at += 1
            at = _after_line_start(data, at, stop, classes)
            feature = _feature(_hash(data, start, at), num_features)
        elif 48 <= byte <= 57:
            while at < stop and 48 <= data[at] <= 57:
                at += 1
            feature = _feature(_hash(data, start, at), num_features)
        else:
            point, size = _character(data, start)
            at = start + size
            if classes[point] & SPACE:
                continue
            feature = signs[byte] if size == 1 else _feature(_hash(data, start, at), num_features)
        seen[feature] += 1
        present[feature >> 6] |= U64(1) << U64(feature & 63)


@compiled
def _take(seen: Any, present: Any, indices: Any, counts: Any, filled: Any) -> Any:
    """Moves what was counted to `indices`, ascending, and `counts` from `filled` on, and returns where they end."""
    for group in range(len(present)):
        bits = present[group]
        present[group] = 0
        while bits != U64(0):
            feature = group * 64 + np.int64(trailing_zeros(bits))
            bits &= bits - U64(1)
            indices[filled], counts[filled] = feature, seen[feature]
            seen[feature] = 0
            filled += 1
    return filled


@compiled
def count_all(data: Any, offsets: Any, classes: Any, num_features: Any, indices: Any, counts: Any, starts: Any) -> None:
    """Sparse rows of hashed token counts: row i's features, ascending, are indices[starts[i]:starts[i + 1]].

    `num_features` is a power of two, 64 at least.
    """
    signs = np.empty(128, np.int64)
    for byte in range(128):
        signs[byte] = _feature(_short_hash(U64(byte), 1), num_features)
    seen = np.zeros(num_features, np.int32)
    # A bit for each feature, which gives those of a text back in order.
    present = np.zeros(num_features // 64, np.uint64)
    starts[0] = 0
    for row in range(len(offsets) - 1):
        _count(data, offsets[row], offsets[row + 1], classes, signs, seen, present)
        starts[row + 1] = _take(seen, present, indices, counts, starts[row])


@compiled
def project_all(starts: Any, indices: Any, weights: Any, idf: Any, components: Any, out: Any) -> None:
    """Rows of term weights times `idf`, scaled to length 1, times (features, size) `components`, to out (N, size)."""
    for row in range(len(starts) - 1):
        total = 0.0
        for place in range(starts[row], starts[row + 1]):
            weights[place] *= idf[indices[place]]
            total += weights[place] * weights[place]
        length = np.sqrt(total)
        for column in range(out.shape[1]):
            out[row, column] = 0.0
        for place in range(starts[row], starts[row + 1]):
            weight, feature = weights[place] / length, indices[place]
            for column in range(out.shape[1]):
                out[row, column] += weight * components[feature, column]
