"""The compiled loops of the `tfidf-svd` embedder: tokens are found, hashed, counted and projected with no GIL held.

Import this where it is needed, not at the top of a module (see `compiled`). Each loop does what a function of
scikit-learn does, sums in the same order, so that the results are the same to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled

WORD, SPACE = 1, 2
"""What a character may be: one of `\\w`, or white space."""
LOW_32 = np.uint64(0xFFFFFFFF)
NEWLINE, BLANK, QUOTE, AT, HASH, UNDERSCORE = (ord(sign) for sign in '\n "@#_')
KEYWORDS = np.zeros((8, 8), np.uint8)
"""Those that a line may start with, each with zeros after it."""
for _row, _word in enumerate((b"def", b"class", b"import", b"from", b"return", b"for", b"if", b"while")):
    KEYWORDS[_row, : len(_word)] = list(_word)


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
def _after_line_start(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """Where the token of a line start is over that may go on at data[at] with a keyword or a mark."""
    if at == stop:
        return at
    byte = data[at]
    if byte in (AT, HASH):
        return at + 1
    if byte == QUOTE:
        return at + 3 if at + 2 < stop and data[at + 1] == QUOTE and data[at + 2] == QUOTE else at
    if not 97 <= byte <= 119:
        return at
    for row in range(len(KEYWORDS)):
        length = 0
        while KEYWORDS[row, length] and at + length < stop and data[at + length] == KEYWORDS[row, length]:
            length += 1
        if not KEYWORDS[row, length]:
            is_over = at + length == stop or not classes[_character(data, at + length)[0]] & WORD
            if is_over:
                return at + length
    return at


@compiled
def _hash(data: Any, start: Any, stop: Any) -> Any:
    """MurmurHash3, 32 bits, seed 0 (Appleby, smhasher), as an unsigned number."""
    hashed = np.uint64(0)
    whole = start + (stop - start) // 4 * 4
    for at in range(start, whole, 4):
        block = np.uint64(data[at]) | np.uint64(data[at + 1]) << np.uint64(8)
        block |= np.uint64(data[at + 2]) << np.uint64(16) | np.uint64(data[at + 3]) << np.uint64(24)
        block = block * np.uint64(0xCC9E2D51) & LOW_32
        block = (block << np.uint64(15) | block >> np.uint64(17)) & LOW_32
        hashed ^= block * np.uint64(0x1B873593) & LOW_32
        hashed = (hashed << np.uint64(13) | hashed >> np.uint64(19)) & LOW_32
        hashed = (hashed * np.uint64(5) + np.uint64(0xE6546B64)) & LOW_32
    block = np.uint64(0)
    for at in range(stop - 1, whole - 1, -1):
        block = block << np.uint64(8) | np.uint64(data[at])
    if stop > whole:
        block = block * np.uint64(0xCC9E2D51) & LOW_32
        block = (block << np.uint64(15) | block >> np.uint64(17)) & LOW_32
        hashed ^= block * np.uint64(0x1B873593) & LOW_32
    hashed ^= np.uint64(stop - start)
    hashed ^= hashed >> np.uint64(16)
    hashed = hashed * np.uint64(0x85EBCA6B) & LOW_32
    hashed ^= hashed >> np.uint64(13)
    hashed = hashed * np.uint64(0xC2B2AE35) & LOW_32
    return hashed ^ hashed >> np.uint64(16)


@compiled
def _token(data: Any, at: Any, stop: Any, classes: Any) -> Any:
    """(where the character or token at data[at] is over, whether it is a token), as `tokens_of` has it."""
    byte = data[at]
    if byte == NEWLINE:
        at += 1
        while at < stop and data[at] == BLANK:
            at += 1
        return _after_line_start(data, at, stop, classes), True
    if byte == UNDERSCORE or 65 <= byte <= 90 or 97 <= byte <= 122:
        at += 1
        while at < stop:
            if data[at] < 0x80:
                if not classes[data[at]] & WORD:
                    break
                at += 1
                continue
            point, size = _character(data, at)
            if not classes[point] & WORD:
                break
            at += size
        return at, True
    if 48 <= byte <= 57:
        while at < stop and 48 <= data[at] <= 57:
            at += 1
        return at, True
    if byte < 0x80:
        return at + 1, not classes[byte] & SPACE
    point, size = _character(data, at)
    return at + size, not classes[point] & SPACE


@compiled
def count_all(data: Any, offsets: Any, classes: Any, num_features: Any, indices: Any, counts: Any, starts: Any) -> None:
    """Sparse rows of hashed token counts: row i's features, ascending, are indices[starts[i]:starts[i + 1]].

    `num_features` is a power of two.
    """
    seen = np.zeros(num_features, np.int32)
    filled = 0
    starts[0] = 0
    for row in range(len(offsets) - 1):
        at, stop, first = offsets[row], offsets[row + 1], filled
        while at < stop:
            end, is_token = _token(data, at, stop, classes)
            if is_token:
                hashed = np.int64(_hash(data, at, end))
                # The hash is signed, and its absolute value counts.
                feature = (hashed if hashed < 1 << 31 else (1 << 32) - hashed) & (num_features - 1)
                if not seen[feature]:
                    indices[filled] = feature
                    filled += 1
                seen[feature] += 1
            at = end
        indices[first:filled].sort()
        for place in range(first, filled):
            counts[place] = seen[indices[place]]
            seen[indices[place]] = 0
        starts[row + 1] = filled


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
