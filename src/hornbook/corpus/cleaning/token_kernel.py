r"""The compiled loop that cuts a text into the tokens of Python, for `syntax_kernel`.

Import this where it is needed, not at the top of a module (see `compiled`). Source of the rules: the Python language
reference, "Lexical analysis". What is rare or hard to tell (`\N{...}`, names in other scripts, form feeds) ends the
loop with a doubt, and the parser is asked instead.
"""

from __future__ import annotations

import keyword

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of, first_one
from hornbook.corpus.compiled import compiled, load

# Tokens. An operator of one character is its own byte; so are brackets. What follows are those of more, and the rest.
END, NEWLINE, INDENT, DEDENT, NAME, NUMBER, STRING = 0, 1, 2, 3, 4, 5, 6
BINARY, AUGMENTED, ARROW, WALRUS, DOTS, POWER, BYTES = 7, 8, 9, 10, 11, 12, 13
KEYWORDS = tuple(sorted(keyword.kwlist))
FIRST_KEYWORD = 128
"""The token of a keyword is this and its place in `KEYWORDS`."""
DOUBT = -1

MAX_INDENTS = 99
MAX_BRACKETS = 100
"""Python has limits of its own, above these."""
TABLE_BITS = 8
_HASH_FACTOR = 0x81AF155173F23D65
"""Found by trial: no two keywords come to the same place."""


def _keyword_table() -> tuple[np.ndarray, np.ndarray]:
    """Keywords by a hash of their bytes, taken as one integer: the integers, and the tokens."""
    keys = np.zeros(1 << TABLE_BITS, dtype=np.uint64)
    tokens = np.zeros(1 << TABLE_BITS, dtype=np.uint8)
    for place, word in enumerate(KEYWORDS):
        key = int.from_bytes(word.encode(), "little")
        slot = ((key * _HASH_FACTOR) & (2**64 - 1)) >> (64 - TABLE_BITS)
        assert keys[slot] == 0, word
        keys[slot], tokens[slot] = key, FIRST_KEYWORD + place
    return keys, tokens


KEYWORD_KEYS, KEYWORD_TOKENS = _keyword_table()
HASH_FACTOR, HASH_SHIFT = np.uint64(_HASH_FACTOR), np.uint64(64 - TABLE_BITS)

_SPACE, _LETTER, _DIGIT, _QUOTE, _OPERATOR, _BRACKET = 1, 2, 4, 8, 16, 32


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
    for chars, kind in (
        (b" \t", _SPACE),
        (letters, _LETTER),
        (b"0123456789", _DIGIT),
        (b"\"'", _QUOTE),
        (b"+-*/%@&|^~<>=!:.,;", _OPERATOR),
        (b"()[]{}", _BRACKET),
    ):
        table[list(chars)] = kind
    return table


CLASSES = _classes()

spaces = bits_of(16, b" ")
word_chars = bits_of(16, b"_", (97, 122), (65, 90), (48, 57))
comment_ends = bits_of(64, b"\n\0")
string_stops = bits_of(64, b"\"'\\{}\n\0")
"""Where something may happen in a string; in one of bytes, at what is no ASCII too."""


@compiled
def _end_of_string(data: np.ndarray, start: int, size: int, is_raw: bool, is_bytes: bool, is_format: bool) -> int:
    """The index behind the string whose first quote is at start, or DOUBT."""
    braces = 0
    quote = data[start]
    triple = start + 2 < size and data[start + 1] == quote and data[start + 2] == quote
    index = start + 3 if triple else start + 1
    while index < size:
        if not is_bytes:
            index += first_one(string_stops(data, index))
        byte = data[index]
        if is_format and (byte == 123 or byte == 125):
            is_double = index + 1 < size and data[index + 1] == byte
            if braces == 0 and is_double:
                index += 2
                continue
            braces += 1 if byte == 123 else -1
            if braces < 0 or (byte == 123 and index + 1 < size and data[index + 1] == 125):
                return DOUBT
            index += 1
        elif byte == 92:
            if braces:
                return DOUBT
            after = data[index + 1] if index + 1 < size else 0
            # What \x, \u, \U and \N must be followed by is checked by the parser.
            if not is_raw and (after == 120 or (not is_bytes and (after == 117 or after == 85 or after == 78))):
                digits = 2 if after == 120 else 4 if after == 117 else 8 if after == 85 else 99
                if index + 2 + digits > size:
                    return DOUBT
                for place in range(index + 2, index + 2 + digits):
                    char = data[place] | 32
                    if not (48 <= data[place] <= 57 or 97 <= char <= 102):
                        return DOUBT
                if after == 85 and (data[index + 2] != 48 or data[index + 3] != 48):
                    return DOUBT
            index += 2
        elif byte == quote:
            if not triple:
                return index + 1 if braces == 0 else DOUBT
            if index + 2 < size and data[index + 1] == quote and data[index + 2] == quote:
                return index + 3 if braces == 0 else DOUBT
            index += 1
        elif (byte == 10 and not triple) or (byte >= 128 and is_bytes) or byte == 0:
            return DOUBT
        else:
            index += 1
    return DOUBT


@compiled
def _end_of_number(data: np.ndarray, start: int, size: int) -> int:
    """The index behind the number at start, or DOUBT where it may be none."""
    index = start
    second = data[start + 1] | 32 if start + 1 < size else 0
    if data[start] == 48 and (second == 120 or second == 111 or second == 98):
        most = 57 if second == 120 else 55 if second == 111 else 49
        index = start + 2
        digits = 0
        while index < size and (
            48 <= data[index] <= most or data[index] == 95 or (second == 120 and 97 <= (data[index] | 32) <= 102)
        ):
            digits += 1
            index += 1
        if digits == 0 or data[index - 1] == 95:
            return DOUBT
    else:
        is_integer, is_zero = True, True
        while index < size and (48 <= data[index] <= 57 or data[index] == 95):
            is_zero = is_zero and (data[index] == 48 or data[index] == 95)
            index += 1
        if index < size and data[index] == 46:
            is_integer = False
            index += 1
            while index < size and (48 <= data[index] <= 57 or data[index] == 95):
                index += 1
        if index < size and data[index] | 32 == 101:
            is_integer = False
            index += 1
            if index < size and (data[index] == 43 or data[index] == 45):
                index += 1
            if index >= size or not 48 <= data[index] <= 57:
                return DOUBT
            while index < size and (48 <= data[index] <= 57 or data[index] == 95):
                index += 1
        if index < size and data[index] | 32 == 106:
            is_integer = False
            index += 1
        if is_integer and not is_zero and data[start] == 48:
            return DOUBT
    for place in range(start, index - 1):
        following = data[place + 1]
        is_digit = 48 <= following <= 57 or (second == 120 and 97 <= (following | 32) <= 102)
        if data[place] == 95 and not is_digit:
            return DOUBT
    if index < size and (data[index] == 95 or data[index] >= 128 or 97 <= (data[index] | 32) <= 122):
        # A name right behind a number, or an underscore at a wrong place.
        return DOUBT
    return DOUBT if data[index - 1] == 95 else index


@compiled
def _word(
    data: np.ndarray, start: int, size: int, classes: np.ndarray, keys: np.ndarray, keyword_tokens: np.ndarray
) -> tuple[int, int]:
    """The token of the word at start, or of the string whose prefix it is, and the index behind it or DOUBT."""
    index = start
    step = 16
    while step == 16:
        step = first_one(~word_chars(data, index))
        index += step
    length = index - start
    if data[index] >= 128:
        return NAME, DOUBT
    if length <= 2 and index < size and classes[data[index]] == _QUOTE:
        first, second = data[start] | 32, data[index - 1] | 32
        is_raw = first == 114 or second == 114
        is_bytes = first == 98 or second == 98
        is_format = first == 102 or second == 102
        # r, b, f and u alone; of two letters rb and rf in any order.
        is_prefix = is_raw or is_bytes or is_format or first == 117
        if length == 2:
            is_prefix = is_raw and is_bytes != is_format
        return (
            BYTES if is_bytes else STRING,
            _end_of_string(data, index, size, is_raw, is_bytes, is_format) if is_prefix else DOUBT,
        )
    if length <= 8:
        key = load(data, start) << np.uint64(64 - 8 * length) >> np.uint64(64 - 8 * length)
        slot = (key * HASH_FACTOR) >> HASH_SHIFT
        if keys[slot] == key:
            return keyword_tokens[slot], index
    return NAME, index


@compiled
def _operator(data: np.ndarray, start: int, size: int) -> tuple[int, int]:
    """The token of the operator at start, and the index behind it or DOUBT."""
    byte = data[start]
    second = data[start + 1] if start + 1 < size else 0
    third = data[start + 2] if start + 2 < size else 0
    if byte == 46 and second == 46 and third == 46:
        return DOTS, start + 3
    if byte == second and (byte == 42 or byte == 47 or byte == 60 or byte == 62):
        if third == 61:
            return AUGMENTED, start + 3
        return POWER if byte == 42 else BINARY, start + 2
    if byte == 45 and second == 62:
        return ARROW, start + 2
    if second == 61 and byte == 58:
        return WALRUS, start + 2
    if second == 61 and (byte == 61 or byte == 33 or byte == 60 or byte == 62):
        return BINARY, start + 2
    if second == 61 and byte in (43, 45, 42, 47, 37, 64, 38, 124, 94):
        return AUGMENTED, start + 2
    return byte, DOUBT if byte == 33 or (byte == 60 and second == 62) else start + 1


@compiled
def _indent(
    column: int, other: int, columns: np.ndarray, num_indents: int, tokens: np.ndarray, count: int
) -> tuple[int, int]:
    """Writes what a line's beginning means, and returns the number of indents or DOUBT, and of tokens.

    columns (int64, [2, MAX_INDENTS + 1]) has the indents that are open: with tabs up to each eighth column, and with
    tabs as one column. Python wants both to agree.
    """
    if column > columns[0, num_indents]:
        if other <= columns[1, num_indents] or num_indents == MAX_INDENTS:
            return DOUBT, count
        num_indents += 1
        columns[0, num_indents], columns[1, num_indents] = column, other
        tokens[count] = INDENT
        return num_indents, count + 1
    while column < columns[0, num_indents]:
        num_indents -= 1
        tokens[count] = DEDENT
        count += 1
    is_level = column == columns[0, num_indents] and other == columns[1, num_indents]
    return num_indents if is_level else DOUBT, count


@compiled
def cut(
    data: np.ndarray,
    size: int,
    classes: np.ndarray,
    keys: np.ndarray,
    keyword_tokens: np.ndarray,
    tokens: np.ndarray,
    lines: np.ndarray,
) -> tuple[int, int]:
    """Writes the tokens of a text and returns their number, or DOUBT, and that of its logical lines.

    data (uint8, [size + PADDING], 0 behind the text) is UTF-8; classes, keys and keyword_tokens are this module's
    tables; tokens (uint8, [2 * size + MAX_INDENTS + 2]) takes what is found, with END last. Comments, blank lines and
    continued lines leave nothing, as in Python's own tokens. lines (int32, [size // 2 + 1, 2]) takes where the first
    token of each logical line is, behind INDENT and DEDENT: among the tokens, and in data.
    """
    columns = np.zeros((2, MAX_INDENTS + 1), dtype=np.int64)
    num_indents = depth = count = index = num_lines = 0
    at_line_start = True
    while True:
        if at_line_start:
            at_line_start = False
            column = other = 0
            while classes[data[index]] == _SPACE:
                step = 1 if data[index] == 9 else first_one(~spaces(data, index))
                column = (column // 8 + 1) * 8 if data[index] == 9 else column + step
                other += step
                index += step
            if index < size and data[index] == 92:
                return DOUBT, num_lines
            if index < size and data[index] != 10 and data[index] != 35:
                num_indents, count = _indent(column, other, columns, num_indents, tokens, count)
                if num_indents == DOUBT:
                    return DOUBT, num_lines
                lines[num_lines, 0], lines[num_lines, 1] = count, index
                num_lines += 1
        if index >= size:
            break
        byte = data[index]
        kind = classes[byte]
        if kind == _SPACE:
            index += 1
            continue
        if byte == 35:
            step = 64
            while step == 64:
                step = first_one(comment_ends(data, index))
                index += step
            if index < size and data[index] == 0:
                return DOUBT, num_lines
            continue
        if byte == 10:
            index += 1
            if depth == 0:
                at_line_start = True
                if count and not NEWLINE <= tokens[count - 1] <= DEDENT:
                    tokens[count] = NEWLINE
                    count += 1
            continue
        if byte == 92:
            if index + 2 >= size or data[index + 1] != 10:
                return DOUBT, num_lines
            index += 2
            continue
        if kind == _LETTER:
            token, index = _word(data, index, size, classes, keys, keyword_tokens)
        elif kind == _QUOTE:
            token, index = STRING, _end_of_string(data, index, size, False, False, False)
        elif kind == _DIGIT or (byte == 46 and index + 1 < size and classes[data[index + 1]] == _DIGIT):
            token, index = NUMBER, _end_of_number(data, index, size)
        elif kind == _BRACKET:
            depth += 1 if byte == 40 or byte == 91 or byte == 123 else -1
            token, index = byte, index + 1
        elif kind == _OPERATOR:
            token, index = _operator(data, index, size)
        else:
            return DOUBT, num_lines
        if index == DOUBT or not 0 <= depth <= MAX_BRACKETS:
            return DOUBT, num_lines
        tokens[count] = token
        count += 1
    if depth:
        return DOUBT, num_lines
    if count and not NEWLINE <= tokens[count - 1] <= DEDENT:
        tokens[count] = NEWLINE
        count += 1
    for _ in range(num_indents):
        tokens[count] = DEDENT
        count += 1
    tokens[count] = END
    return count + 1, num_lines
