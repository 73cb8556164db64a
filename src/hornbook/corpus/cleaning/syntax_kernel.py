"""The compiled loop that says whether tokens follow the grammar.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning import grammar, token_kernel
from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.compiled import compiled

MAX_DEPTH = 1000
MAX_REPEATS = 50
"""The same token so many times in a row can be more than the parser takes: `- - - ... 1`."""
TABLES = grammar.make_tables()
ERROR, LEAVE, ENTER, STATE_BITS = grammar.ERROR, grammar.LEAVE, grammar.ENTER, grammar.STATE_BITS
NEWLINE, NAME, STRING, BYTES = token_kernel.NEWLINE, token_kernel.NAME, token_kernel.STRING, token_kernel.BYTES
WALRUS, EQUALS, COMMA = token_kernel.WALRUS, ord("="), ord(",")
KEYWORD = {word: token_kernel.FIRST_KEYWORD + place for place, word in enumerate(token_kernel.KEYWORDS)}
BEFORE_EQUALS = (NAME, STRING, ord(")"), ord("]"), ord("}"), KEYWORD["None"])
"""What may be assigned to ends with one of these, and so does nearly every annotation."""
NOT_ALONE = frozenset({ord("@"), *(KEYWORD[word] for word in ("elif", "else", "except", "finally", "try"))})
"""What a line begins with that is no statement without the lines around it."""
STATE_MASK = (1 << STATE_BITS) - 1


@compiled
def follows(tokens: np.ndarray, actions: np.ndarray, columns: np.ndarray, start: int) -> int:
    """How many of the tokens (uint8, [num_tokens], END last) follow the grammar of the tables: all, or a first few."""
    stack = np.empty(MAX_DEPTH, dtype=np.int32)
    depth = 0
    state = start
    before = second = repeats = 0
    for place, token in enumerate(tokens):
        # The tables take any expression before these two.
        if token == EQUALS and before not in BEFORE_EQUALS and (before != COMMA or second != NAME):
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
            action = actions[state, column]
            if action == ERROR:
                return place
            if action & ENTER:
                if depth == MAX_DEPTH:
                    return place
                stack[depth] = action & STATE_MASK
                depth += 1
                state = (action >> STATE_BITS) & STATE_MASK
            elif action & LEAVE:
                if depth == 0:
                    return place
                depth -= 1
                state = stack[depth]
            else:
                state = action
                break
    return len(tokens)


def doubtful_line(data: bytes) -> bytes | None:
    """None where the tables take a text in UTF-8: then it is Python. Else the first logical line that they do not take.

    The line stands as a statement of its own, with a body where it asks for one: where it does not parse, nor does the
    text. It is empty where it cannot stand alone, or where a token is in doubt and with it what a line is.
    """
    size = len(data)
    tokens = np.empty(2 * size + token_kernel.MAX_INDENTS + 2, dtype=np.uint8)
    lines = np.empty((size // 2 + 1, 2), dtype=np.int32)
    tables = token_kernel.CLASSES, token_kernel.KEYWORD_KEYS, token_kernel.KEYWORD_TOKENS
    count, num_lines = token_kernel.cut(padded(data), size, *tables, tokens, lines)
    if count == token_kernel.DOUBT:
        return b""
    place = follows(tokens[:count], TABLES.actions, TABLES.columns, TABLES.start)
    if place == count:
        return None
    # Where each line begins, among the tokens and in the text; behind the last one both are over.
    begins = [*map(tuple, lines[:num_lines].tolist()), (count, size)]
    number = max(0, int(np.searchsorted(lines[:num_lines, 0], place, side="right")) - 1)
    (first, start), (following, stop) = begins[number], begins[number + 1]
    own = tokens[first:following]
    opens_block = own[np.argmax(own == NEWLINE) - 1] == ord(":")
    line = data[start:stop]
    # To the tables the two are names; what they begin is no statement of one line.
    if own[0] in NOT_ALONE or line.startswith((b"match", b"case")):
        return b""
    # What is behind the line ends with the indentation of the next one.
    return line + b"pass" if opens_block else line
