"""The compiled loop that cuts a text into the tokens of Python, for `syntax_kernel`.

Import this where it is needed, not at the top of a module (see `compiled`). Source of the rules: the Python language
reference, "Lexical analysis". Where a token ends is certain, or the loop ends with a doubt; whether a literal or a name
is a right one may be left to the parser.
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning import token_kinds as kinds
from hornbook.corpus.cleaning.byte_bits import bits_of, first_one
from hornbook.corpus.cleaning.literal_kernel import DOUBT, end_of_number, end_of_string
from hornbook.corpus.compiled import compiled, inlined, load

MAX_INDENTS = 99
MAX_BRACKETS = 100
"""Python has limits of its own, above these."""
ASYNC, WITH, COLON = kinds.kind_of("async"), kinds.kind_of("with"), kinds.kind_of(":")

spaces = bits_of(16, b" ")
word_chars = bits_of(16, b"_", (97, 122), (65, 90), (48, 57))
comment_ends = bits_of(64, b"\n\r\0")


@inlined
def _word(
    data: np.ndarray, start: int, is_first: bool, classes: np.ndarray, keys: np.ndarray, keyword_kinds: np.ndarray
) -> tuple[int, int, bool]:
    """The kind of the word at start or of the string whose prefix it is, the index behind it, whether it may be wrong.

    Soft keywords are names unless they come first in a line.
    """
    index = start
    step = 16
    while step == 16:
        step = first_one(~word_chars(data, index))
        index += step
    if data[index] >= 128:
        while classes[data[index]] == kinds.LETTER or classes[data[index]] == kinds.DIGIT:
            index += 1
        return kinds.NAME, index, True
    length = index - start
    if length <= 2 and classes[data[index]] == kinds.QUOTE:
        first, second = data[start] | 32, data[index - 1] | 32
        is_raw = first == 114 or second == 114
        is_bytes = first == 98 or second == 98
        is_format = first == 102 or second == 102
        # r, b, f and u alone; of two letters rb and rf in any order.
        is_prefix = is_raw or is_bytes or is_format or first == 117
        if length == 2:
            is_prefix = is_raw and is_bytes != is_format
        if is_prefix:
            index, is_doubtful = end_of_string(data, index, is_raw, is_bytes, is_format)
            return kinds.BYTES if is_bytes else kinds.STRING, index, is_doubtful
    if length <= 8:
        key = load(data, start) << np.uint64(64 - 8 * length) >> np.uint64(64 - 8 * length)
        slot = (key * kinds.HASH_FACTOR) >> kinds.HASH_SHIFT
        if keys[slot] == key and (is_first or keyword_kinds[slot] >= kinds.FIRST_KEYWORD):
            return keyword_kinds[slot], index, False
    return kinds.NAME, index, False


@inlined
def _operator(data: np.ndarray, start: int) -> tuple[int, int]:
    """The kind of the operator at start, and the index behind it or DOUBT."""
    byte, second, third = data[start], data[start + 1], data[start + 2]
    if byte == 46 and second == 46 and third == 46:
        return kinds.DOTS, start + 3
    if byte == second and (byte == 42 or byte == 47 or byte == 60 or byte == 62):
        if third == 61:
            return kinds.AUGMENTED, start + 3
        return kinds.POWER if byte == 42 else kinds.BINARY, start + 2
    if byte == 45 and second == 62:
        return kinds.ARROW, start + 2
    if second == 61 and byte == 58:
        return kinds.WALRUS, start + 2
    if second == 61 and (byte == 61 or byte == 33 or byte == 60 or byte == 62):
        return kinds.BINARY, start + 2
    if second == 61 and byte in (43, 45, 42, 47, 37, 64, 38, 124, 94):
        return kinds.AUGMENTED, start + 2
    # Whether `<>` is an operator depends on a future import.
    return byte, DOUBT if byte == 60 and second == 62 else start + 1


@inlined
def _token(
    data: np.ndarray, start: int, is_first: bool, classes: np.ndarray, keys: np.ndarray, keyword_kinds: np.ndarray
) -> tuple[int, int, bool]:
    """The kind of the token at start, the index behind it or DOUBT, and whether it may be wrong."""
    byte, kind = data[start], classes[data[start]]
    if kind == kinds.LETTER:
        return _word(data, start, is_first, classes, keys, keyword_kinds)
    following = classes[data[start + 1]]
    if kind == kinds.DIGIT or (byte == 46 and following == kinds.DIGIT):
        end, is_doubtful = end_of_number(data, start, classes)
        return kinds.NUMBER, end, is_doubtful
    if kind == kinds.QUOTE:
        end, is_doubtful = end_of_string(data, start, False, False, False)
        return kinds.STRING, end, is_doubtful
    if kind == kinds.OPERATOR and following == kinds.OPERATOR:
        token, end = _operator(data, start)
        return token, end, False
    return byte, start + 1, False


@inlined
def _indentation(data: np.ndarray, index: int, classes: np.ndarray) -> tuple[int, int, int]:
    """Where the line at index begins: the column, with tabs up to each eighth one; that with tabs as one; the index."""
    column = other = 0
    while classes[data[index]] == kinds.SPACE:
        if data[index] == 32:
            step = first_one(~spaces(data, index))
            column, other, index = column + step, other + step, index + step
        elif data[index] == 9:
            column, other, index = (column // 8 + 1) * 8, other + 1, index + 1
        else:
            # A form feed begins the line anew.
            column, other, index = 0, 0, index + 1
    return column, other, index


@inlined
def _indent(
    column: int, other: int, columns: np.ndarray, num_indents: int, tokens: np.ndarray, count: int
) -> tuple[int, int]:
    """Writes what a line's beginning means, and returns the number of indents or DOUBT, and of tokens.

    columns (int64, [2, MAX_INDENTS + 1]) has the indents that are open, in both kinds of columns: Python wants them to
    agree.
    """
    if column > columns[0, num_indents]:
        if other <= columns[1, num_indents] or num_indents == MAX_INDENTS:
            return DOUBT, count
        num_indents += 1
        columns[0, num_indents], columns[1, num_indents] = column, other
        tokens[count] = kinds.INDENT
        return num_indents, count + 1
    while column < columns[0, num_indents]:
        num_indents -= 1
        tokens[count] = kinds.DEDENT
        count += 1
    is_level = column == columns[0, num_indents] and other == columns[1, num_indents]
    return num_indents if is_level else DOUBT, count


@inlined
def _end_of_comment(data: np.ndarray, index: int) -> int:
    """The index of the end of line or the 0 behind the comment at index."""
    step = 64
    while step == 64:
        step = first_one(comment_ends(data, index))
        index += step
    return index


@inlined
def _settle(tokens: np.ndarray, first: int, stop: int) -> None:
    """Tells by the whole of a logical line what its first token is, where that could not be told before."""
    token = tokens[first]
    if (token == kinds.MATCH and tokens[stop - 1] != COLON) or (
        token == kinds.TYPE and (stop == first + 1 or tokens[first + 1] != kinds.NAME)
    ):
        tokens[first] = kinds.NAME
    place = first + 1 if token == ASYNC else first
    if tokens[place] == WITH and tokens[place + 1] == 40:
        depth, closing = 1, place + 1
        while depth and closing + 1 < stop:
            closing += 1
            token = tokens[closing]
            depth += (token == 40 or token == 91 or token == 123) - (token == 41 or token == 93 or token == 125)
        if closing + 1 < stop and tokens[closing + 1] == COLON:
            tokens[place] = kinds.WITH_ITEMS


@compiled
def cut(
    data: np.ndarray,
    size: int,
    classes: np.ndarray,
    keys: np.ndarray,
    keyword_kinds: np.ndarray,
    tokens: np.ndarray,
    lines: np.ndarray,
    doubts: np.ndarray,
) -> tuple[int, int, int]:
    """Writes the tokens of a text; returns their number, or DOUBT, that of its logical lines and that of its doubts.

    data (uint8, [size + PADDING], 0 behind the text) is UTF-8; classes, keys and keyword_kinds are the tables of
    `token_kinds`; tokens (uint8, [2 * size + MAX_INDENTS + 2]) takes what is found, with END last. Comments, blank
    lines and continued lines leave nothing, as in Python's own tokens. lines (int32, [size // 2 + 1, 2]) takes where
    the first token of each logical line is, behind INDENT and DEDENT: among the tokens, and in data. doubts (int32,
    [any, 2]) takes where in data a token that may be wrong begins and ends.
    """
    columns = np.zeros((2, MAX_INDENTS + 1), dtype=np.int64)
    num_indents = depth = count = index = num_lines = num_doubts = 0
    while depth == 0:
        column, other, index = _indentation(data, index, classes)
        if data[index] == 35:
            index = _end_of_comment(data, index)
        if data[index] == 10:
            index += 1
            continue
        if index >= size:
            break
        num_indents, count = _indent(column, other, columns, num_indents, tokens, count)
        if num_indents == DOUBT or data[index] == 92:
            return DOUBT, num_lines, num_doubts
        first = count
        lines[num_lines, 0], lines[num_lines, 1] = first, index
        num_lines += 1
        while True:
            byte = data[index]
            kind = classes[byte]
            if kind == kinds.SPACE:
                index += 1
            elif kind != kinds.OTHER:
                token, end, is_doubtful = _token(data, index, count == first, classes, keys, keyword_kinds)
                if end == DOUBT or depth > MAX_BRACKETS or (is_doubtful and num_doubts == len(doubts)):
                    return DOUBT, num_lines, num_doubts
                if is_doubtful:
                    doubts[num_doubts, 0], doubts[num_doubts, 1] = index, end
                    num_doubts += 1
                if kind == kinds.OPENING:
                    depth += 1
                elif kind == kinds.CLOSING and depth:
                    depth -= 1
                tokens[count] = token
                count += 1
                index = end
            elif byte == 10:
                index += 1
                if depth == 0:
                    break
            elif byte == 35:
                index = _end_of_comment(data, index)
            elif byte == 92 and data[index + 1] == 10 and index + 2 < size:
                index += 2
            elif index >= size:
                break
            else:
                return DOUBT, num_lines, num_doubts
        _settle(tokens, first, count)
        tokens[count] = kinds.NEWLINE
        count += 1
    for _ in range(num_indents):
        tokens[count] = kinds.DEDENT
        count += 1
    tokens[count] = kinds.END
    return count + 1, num_lines, num_doubts
