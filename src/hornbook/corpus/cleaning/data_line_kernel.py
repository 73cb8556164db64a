"""The compiled loop that says how much of a text is on lines of data.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning.byte_bits import PADDING
from hornbook.corpus.compiled import compiled, inlined

DIGIT, HEX, BLANK, SIGN, PREFIX, PUNCTUATION, START = (1 << bit for bit in range(7))
WORDS = tuple(np.frombuffer(word, dtype=np.uint8) for word in (b"True", b"False", b"None"))
NEWLINE, QUOTES, BACKSLASH, DOT = ord("\n"), (ord('"'), ord("'")), ord("\\"), ord(".")


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    for chars, kind in (
        (b"0123456789", DIGIT | HEX | START),
        (b"abcdefABCDEF_", HEX),
        (b" \t\f", BLANK),
        (b"-+", SIGN | START),
        (b"rbufRBUF", PREFIX),
        (b"[](){},: \t", PUNCTUATION),
        # What a line of data begins with.
        (b"\"'[({.rbuTFN])}", START),
    ):
        table[list(chars)] |= np.uint8(kind)
    return table


CLASSES = _classes()


@inlined
def _behind_number(data: np.ndarray, start: int, classes: np.ndarray) -> int:
    """The index behind the number that begins at start, or start where none does."""
    index = start + 1 if classes[data[start]] & SIGN else start
    if data[index] == 48 and (data[index + 1] | 32) == 120 and classes[data[index + 2]] & HEX:
        index += 2
        while classes[data[index]] & HEX:
            index += 1
        return index
    if data[index] == DOT and classes[data[index + 1]] & DIGIT:
        index += 1
        while classes[data[index]] & DIGIT:
            index += 1
        return index
    if not classes[data[index]] & DIGIT:
        return start
    while classes[data[index]] & DIGIT or data[index] == 95:
        index += 1
    if data[index] == DOT:
        index += 1
        while classes[data[index]] & DIGIT:
            index += 1
    if (data[index] | 32) == 101:
        exponent = index + 2 if classes[data[index + 1]] & SIGN else index + 1
        if classes[data[exponent]] & DIGIT:
            index = exponent
            while classes[data[index]] & DIGIT:
                index += 1
    return index + 1 if data[index] == 106 else index


@inlined
def _behind_string(data: np.ndarray, start: int, size: int, classes: np.ndarray) -> int:
    """The index behind the string of one line that begins at start, or start where none does."""
    index = start
    while index < start + 2 and classes[data[index]] & PREFIX:
        index += 1
    quote = data[index]
    if quote not in QUOTES:
        return start
    index += 1
    while index < size and data[index] != NEWLINE:
        if data[index] == quote:
            return index + 1
        if data[index] == BACKSLASH:
            index += 1
            if index >= size or data[index] == NEWLINE:
                break
        index += 1
    return start


@inlined
def _behind_word(data: np.ndarray, start: int, words: tuple[np.ndarray, ...]) -> int:
    """The index behind True, False or None, or start where none of them is there."""
    for word in words:
        length = 0
        while length < len(word) and data[start + length] == word[length]:
            length += 1
        if length == len(word):
            return start + length
    return start


def num_on_data_lines(data: np.ndarray) -> int:
    """Bytes that are not blank on lines of nothing but literals, commas, colons and brackets.

    data is the text as `byte_bits.padded` has it. A line in a string of many lines is no line of data, nor is one that
    begins with a comma or a colon.
    """
    return int(_num_on_data_lines(data, len(data) - PADDING, CLASSES, WORDS))


@compiled
def _num_on_data_lines(data: np.ndarray, size: int, classes: np.ndarray, words: tuple[np.ndarray, ...]) -> int:
    total = index = 0
    while index < size:
        start = index
        while data[index] == 32 or data[index] == 9:
            index += 1
        is_data = classes[data[index]] & START != 0
        while is_data and index < size and data[index] != NEWLINE:
            behind = index + 1 if classes[data[index]] & PUNCTUATION else _behind_number(data, index, classes)
            if behind == index:
                behind = _behind_string(data, index, size, classes)
            if behind == index:
                behind = _behind_word(data, index, words)
            is_data = behind > index
            index = behind
        while index < size and data[index] != NEWLINE:
            index += 1
        if is_data:
            for place in range(start, index):
                total += not classes[data[place]] & BLANK
        index += 1
    return total
