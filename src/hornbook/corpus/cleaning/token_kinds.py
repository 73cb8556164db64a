"""The tokens of Python as numbers, and the tables by which `token_kernel` tells them."""

from __future__ import annotations

import keyword
import sys

import numpy as np

# An operator of one character is its own byte; so are brackets. What follows are those of more, and the rest.
END, NEWLINE, INDENT, DEDENT, NAME, NUMBER, STRING = 0, 1, 2, 3, 4, 5, 6
BINARY, AUGMENTED, ARROW, WALRUS, DOTS, POWER, BYTES = 7, 8, 9, 10, 11, 12, 13
MATCH, CASE, TYPE, WITH_ITEMS = 14, 15, 16, 17
"""Only the first of a line: `match` and `type` of such a statement, any `case`, and `with` whose items are all in one
pair of brackets."""
KEYWORDS = tuple(sorted(keyword.kwlist))
FIRST_KEYWORD = 128
"""The token of a keyword is this and its place in `KEYWORDS`."""
SOFT_KEYWORDS = {"match": MATCH, "case": CASE}
if sys.version_info >= (3, 12):
    SOFT_KEYWORDS["type"] = TYPE

TABLE_BITS = 8
_HASH_FACTOR = 0x81AF155173F23D65
"""Found by trial: no two keywords come to the same place."""


def kind_of(word: str) -> int:
    """The token of a keyword or of an operator of one character."""
    return FIRST_KEYWORD + KEYWORDS.index(word) if word in KEYWORDS else ord(word)


def _keyword_table() -> tuple[np.ndarray, np.ndarray]:
    """Keywords by a hash of their bytes, taken as one integer: the integers, and the tokens."""
    keys = np.zeros(1 << TABLE_BITS, dtype=np.uint64)
    kinds = np.zeros(1 << TABLE_BITS, dtype=np.uint8)
    for word, kind in {**{word: kind_of(word) for word in KEYWORDS}, **SOFT_KEYWORDS}.items():
        key = int.from_bytes(word.encode(), "little")
        slot = ((key * _HASH_FACTOR) & (2**64 - 1)) >> (64 - TABLE_BITS)
        assert keys[slot] == 0, word
        keys[slot], kinds[slot] = key, kind
    return keys, kinds


KEYWORD_KEYS, KEYWORD_KINDS = _keyword_table()
HASH_FACTOR, HASH_SHIFT = np.uint64(_HASH_FACTOR), np.uint64(64 - TABLE_BITS)

OTHER, SPACE, LETTER, DIGIT, QUOTE, OPERATOR, OPENING, CLOSING = 0, 1, 2, 3, 4, 5, 6, 7
"""What a byte begins. All that is not ASCII counts as letters."""


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    table[128:] = LETTER
    for chars, kind in (
        (b" \t\f", SPACE),
        (b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", LETTER),
        (b"0123456789", DIGIT),
        (b"\"'", QUOTE),
        # The last three stand in no rule.
        (b"+-*/%@&|^~<>=!:.,;?$`", OPERATOR),
        (b"([{", OPENING),
        (b")]}", CLOSING),
    ):
        table[list(chars)] = kind
    return table


CLASSES = _classes()
