r"""Where strings and numbers end, as parts of the loop of `token_kernel`.

Source of the rules: the Python language reference, "Lexical analysis". A literal that may be wrong is left to the
parser: where escapes, braces or digits are not as they mostly are, and where `\N{...}` names a character.
"""

from __future__ import annotations

import sys

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of, first_one
from hornbook.corpus.cleaning.token_kinds import DIGIT, LETTER
from hornbook.corpus.compiled import inlined

DOUBT = -1
FORMATS_NEST = sys.version_info >= (3, 12)
"""Whether an f-string's own quote may stand in its braces (PEP 701): then only a parser finds its end."""

string_stops = bits_of(64, b"\"'\\\n\r\0")
format_stops = bits_of(64, b"\"'\\{}\n\r\0")
bytes_stops = bits_of(64, b"\"'\\\n\r\0", (128, 255))
docstring_stops = bits_of(64, b'"\\\r\0')
"""Where something may happen in a string, an f-string, one of bytes, and one between three double quotes."""


@inlined
def end_of_string(data: np.ndarray, start: int, is_raw: bool, is_bytes: bool, is_format: bool) -> tuple[int, bool]:
    """The index behind the string whose first quote is at start, or DOUBT, and whether it may be wrong."""
    quote = data[start]
    is_triple = data[start + 1] == quote and data[start + 2] == quote
    is_docstring = is_triple and quote == 34 and not is_bytes and not is_format
    index = start + 3 if is_triple else start + 1
    braces, is_doubtful = 0, False
    while True:
        if is_docstring:
            step = first_one(docstring_stops(data, index))
        elif is_format:
            step = first_one(format_stops(data, index))
        elif is_bytes:
            step = first_one(bytes_stops(data, index))
        else:
            step = first_one(string_stops(data, index))
        index += step
        if step == 64:
            continue
        byte, after = data[index], data[index + 1]
        if byte == quote:
            if not is_triple or (after == quote and data[index + 2] == quote):
                end = index + 3 if is_triple else index + 1
                return DOUBT if FORMATS_NEST and braces else end, is_doubtful or braces > 0
            index += 1
        elif byte == 92:
            is_escape = not is_raw and (after == 120 or (not is_bytes and (after == 117 or after == 85 or after == 78)))
            is_doubtful = is_doubtful or braces > 0 or (is_escape and not _has_digits(data, index + 1))
            if after == 13:
                return DOUBT, True
            # A brace behind a backslash is still a brace.
            index += 1 if is_format and (after == 123 or after == 125) else 2
        elif is_format and (byte == 123 or byte == 125):
            if braces == 0 and after == byte:
                index += 2
                continue
            braces += 1 if byte == 123 else -1
            # One that closes nothing, or nothing between two.
            is_doubtful = is_doubtful or braces < 0 or (byte == 123 and after == 125)
            index += 1
        elif byte == 13:
            return DOUBT, True
        elif byte == 0 or (byte == 10 and not is_triple):
            return DOUBT if FORMATS_NEST and is_format else index, True
        else:
            is_doubtful = is_doubtful or byte >= 128
            index += 1


@inlined
def _has_digits(data: np.ndarray, index: int) -> bool:
    r"""Whether the letter of \x, \u or \U at index has all its digits. What \N has is not looked at."""
    letter = data[index]
    if letter == 78:
        return False
    # Characters end at 10FFFF, and few are above FFFFF.
    if letter == 85 and (data[index + 1] != 48 or data[index + 2] != 48 or data[index + 3] != 48):
        return False
    for place in range(index + 1, index + (3 if letter == 120 else 5 if letter == 117 else 9)):
        if not _is_digit(data[place], 16):
            return False
    return True


@inlined
def _is_digit(byte: int, base: int) -> bool:
    return 48 <= byte < 48 + min(base, 10) or (base == 16 and 97 <= (byte | 32) <= 102)


@inlined
def _end_of_digits(data: np.ndarray, index: int, base: int) -> int:
    """The index behind the digits from index on, with single underscores between them."""
    while _is_digit(data[index], base) or (
        data[index] == 95 and _is_digit(data[index - 1], base) and _is_digit(data[index + 1], base)
    ):
        index += 1
    return index


@inlined
def end_of_number(data: np.ndarray, start: int, classes: np.ndarray) -> tuple[int, bool]:
    """The index behind the number at start and all letters and digits that follow, and whether it may be wrong."""
    second = data[start + 1] | 32
    base = 16 if second == 120 else 8 if second == 111 else 2 if second == 98 else 10
    if data[start] == 48 and base != 10:
        first = start + 3 if data[start + 2] == 95 else start + 2
        index = _end_of_digits(data, first, base)
        is_doubtful = index == first
    else:
        index = _end_of_digits(data, start, 10)
        # Such as 0777.
        is_doubtful = data[start] == 48 and index > start + 1
        if data[index] == 46:
            index = _end_of_digits(data, index + 1, 10)
        if data[index] | 32 == 101:
            power = index + 2 if data[index + 1] == 43 or data[index + 1] == 45 else index + 1
            if _is_digit(data[power], 10):
                index = _end_of_digits(data, power, 10)
        if data[index] | 32 == 106:
            index += 1
    while classes[data[index]] == LETTER or classes[data[index]] == DIGIT:
        is_doubtful = True
        index += 1
    return index, is_doubtful
