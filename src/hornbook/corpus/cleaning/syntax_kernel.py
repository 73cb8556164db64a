"""The compiled loop that says whether tokens follow the grammar.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning import grammar, token_kernel
from hornbook.corpus.compiled import compiled

MAX_DEPTH = 1000
MAX_REPEATS = 50
"""The same token so many times in a row can be more than the parser takes: `- - - ... 1`."""
TABLES = grammar.make_tables()
ERROR, LEAVE, ENTER, STATE_BITS = grammar.ERROR, grammar.LEAVE, grammar.ENTER, grammar.STATE_BITS
NAME, WALRUS, EQUALS = token_kernel.NAME, token_kernel.WALRUS, ord("=")
NONE = token_kernel.FIRST_KEYWORD + token_kernel.KEYWORDS.index("None")
BEFORE_EQUALS = (NAME, token_kernel.STRING, ord(")"), ord("]"), ord("}"), NONE)
"""What may be assigned to ends with one of these, and so does nearly every annotation."""
STATE_MASK = (1 << STATE_BITS) - 1


@compiled
def follows(tokens: np.ndarray, actions: np.ndarray, columns: np.ndarray, start: int) -> bool:
    """Whether tokens (uint8, [num_tokens], END last) follow the grammar of the tables."""
    stack = np.empty(MAX_DEPTH, dtype=np.int32)
    depth = 0
    state = start
    before = repeats = 0
    for token in tokens:
        # The tables take any expression before these two.
        if (token == EQUALS and before not in BEFORE_EQUALS) or (token == WALRUS and before != NAME):
            return False
        repeats = repeats + 1 if token == before else 0
        if repeats > MAX_REPEATS:
            return False
        before = token
        column = columns[token]
        while True:
            action = actions[state, column]
            if action == ERROR:
                return False
            if action & ENTER:
                if depth == MAX_DEPTH:
                    return False
                stack[depth] = action & STATE_MASK
                depth += 1
                state = (action >> STATE_BITS) & STATE_MASK
            elif action & LEAVE:
                if depth == 0:
                    return False
                depth -= 1
                state = stack[depth]
            else:
                state = action
                break
    return True


def surely_follows(text: str) -> bool:
    """Whether the text is Python by the tables; where not, it may be Python all the same."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    tokens = np.empty(2 * data.size + token_kernel.MAX_INDENTS + 2, dtype=np.uint8)
    count = token_kernel.cut(data, token_kernel.CLASSES, token_kernel.KEYWORD_KEYS, token_kernel.KEYWORD_TOKENS, tokens)
    return count > 0 and follows(tokens[:count], TABLES.actions, TABLES.columns, TABLES.start)
