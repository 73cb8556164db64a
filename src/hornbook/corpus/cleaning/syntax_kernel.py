"""Whether tokens follow the grammar, by a compiled loop, and what of a text is in doubt then.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hornbook.corpus.cleaning import grammar, token_kernel
from hornbook.corpus.cleaning import token_kinds as kinds
from hornbook.corpus.cleaning.byte_bits import PADDING
from hornbook.corpus.cleaning.literal_kernel import DOUBT
from hornbook.corpus.compiled import compiled

MAX_DEPTH = np.uint64(1000)
MAX_REPEATS = 50
"""The same token so many times in a row can be more than the parser takes: `- - - ... 1`."""
MAX_DOUBTS = 1000
TABLES = grammar.make_tables()
LEAVE, ENTER, ERROR = np.uint64(grammar.LEAVE), np.uint64(grammar.ENTER), np.uint64(grammar.ERROR)
ROW_BITS, ROW_MASK = np.uint64(grammar.ROW_BITS), np.uint64((1 << grammar.ROW_BITS) - 1)
ONE = np.uint64(1)
STRING, BYTES, NAME, WALRUS = kinds.STRING, kinds.BYTES, kinds.NAME, kinds.WALRUS
EQUALS, COMMA = ord("="), ord(",")
BEFORE_EQUALS = (NAME, kinds.CASE, STRING, ord(")"), ord("]"), ord("}"), kinds.kind_of("None"))
"""What may be assigned to ends with one of these, and so does nearly every annotation."""
BEFORE_COMMA_EQUALS = (NAME, kinds.CASE, ord(")"), ord("]"))

BEFORE_LINE = {
    **dict.fromkeys(map(kinds.kind_of, ("elif", "else")), b"if x: pass\n"),
    **dict.fromkeys(map(kinds.kind_of, ("except", "finally")), b"try: pass\n"),
}
"""What a line that begins with one of these continues."""
NUMBER_STARTS = tuple(b"%c" % char for char in b"0123456789.")
KEYWORDS = tuple(word.encode() for word in kinds.KEYWORDS)


@compiled
def follows(tokens: np.ndarray, actions: np.ndarray, columns: np.ndarray, start: int) -> int:
    """How many of the tokens (uint8, [num_tokens], END last) follow the grammar of the tables: all, or a first few."""
    # Unsigned, so that no index is taken for one that counts from the end.
    stack = np.empty(MAX_DEPTH, dtype=np.uint64)
    depth = np.uint64(0)
    row = np.uint64(start)
    before = second = repeats = 0
    for place in range(len(tokens)):
        token = tokens[place]
        # The tables take any expression before these two.
        if token == EQUALS and before not in BEFORE_EQUALS and (before != COMMA or second not in BEFORE_COMMA_EQUALS):
            return place
        if token == WALRUS and before != NAME:
            return place
        # Strings are joined, however many there are.
        repeats = repeats + 1 if token == before and token != STRING and token != BYTES else 0
        if repeats > MAX_REPEATS:
            return place
        second, before = before, token
        column = columns[token]
        while True:
            action = actions[row + column]
            if action < LEAVE:
                row = action
                break
            if action == LEAVE and depth:
                depth -= ONE
                row = stack[depth]
            elif LEAVE < action < ERROR and depth < MAX_DEPTH:
                stack[depth] = action & ROW_MASK
                depth += ONE
                row = (action >> ROW_BITS) & ROW_MASK
            else:
                return place
    return len(tokens)


class Doubt(NamedTuple):
    """What the tables leave to the parser."""

    part: bytes
    """Where this does not parse, nor does the text."""
    is_all: bool
    """Whether the text parses where the part does."""


def doubt_of(data: np.ndarray) -> Doubt | None:
    """What is in doubt about a text as `byte_bits.padded` has it; None where the tables take it: then it is Python.

    The part has each literal and name that may be wrong on a line of its own, then the first logical line that the
    tables do not take, as `_standing_alone`. It is empty where a token is in doubt and with it what a line is.
    """
    size = len(data) - PADDING
    tokens = np.empty(2 * size + token_kernel.MAX_INDENTS + 2, dtype=np.uint8)
    lines = np.empty((size // 2 + 1, 2), dtype=np.int32)
    doubts = np.empty((MAX_DOUBTS, 2), dtype=np.int32)
    tables = kinds.CLASSES, kinds.KEYWORD_KEYS, kinds.KEYWORD_KINDS
    count, num_lines, num_doubts = token_kernel.cut(data, size, *tables, tokens, lines, doubts)
    if count == DOUBT:
        return Doubt(b"", False)
    parts = [data[start:stop].tobytes() for start, stop in doubts[:num_doubts].tolist()]
    # A number and a keyword right behind it, as in `1if x else y`, are no number but may be right.
    if any(part.startswith(NUMBER_STARTS) and part.endswith(KEYWORDS) for part in parts):
        return Doubt(b"", False)
    tokens, lines = tokens[:count], lines[:num_lines]
    place = follows(tokens, TABLES.actions, TABLES.columns, TABLES.start)
    if place == count:
        return Doubt(b"\n".join(parts), True) if parts else None
    number = max(0, int(np.searchsorted(lines[:, 0], place, side="right")) - 1)
    # Behind the last line the tokens and the text are over.
    (first, start), (following, stop) = [*lines[number : number + 2].tolist(), (count, size)][:2]
    parts.append(_standing_alone(tokens[first:following], data[start:stop].tobytes()))
    return Doubt(b"\n".join(parts), False)


def _standing_alone(tokens: np.ndarray, line: bytes) -> bytes:
    """A logical line as a text of its own: a text with a line for which this does not parse does not parse either.

    What is behind the line in its bytes ends with the indentation of the next one.
    """
    num_tokens = int(np.argmax(tokens == kinds.NEWLINE))
    if tokens[0] == kinds.CASE:
        # A name, or what a block begins.
        return b""
    if tokens[0] == ord("@"):
        return line + b"\ndef f(): pass"
    if tokens[0] == kinds.MATCH:
        return line + b"case _: pass"
    opens_block = tokens[num_tokens - 1] == ord(":") or kinds.INDENT in tokens[num_tokens:]
    return BEFORE_LINE.get(int(tokens[0]), b"") + line + (b"pass" if opens_block else b"")
