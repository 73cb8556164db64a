"""The compiled loop under `clean`: what one look at every byte of a text can say.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.compiled import compiled

DIGIT, LOWER, UPPER, MARK, OTHER_SCRIPT, BLANK, NEWLINE, DATA_START = (1 << bit for bit in range(8))
MIN_RUN_CHARS = 16


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    for chars, kind in (
        (b"0123456789", DIGIT | DATA_START),
        (b"abcdefghijklmnopqrstuvwxyz", LOWER),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER),
        (b"_+/=~!@#$^&*-", MARK),
        (b"+-.\"'([{)]}", DATA_START),
        (bytes(range(128, 256)), OTHER_SCRIPT),
        (b" \t\f", BLANK),
        (b"\n", NEWLINE),
    ):
        table[list(chars)] |= np.uint8(kind)
    return table


CLASSES = _classes()


@compiled
def look(data: np.ndarray, classes: np.ndarray) -> tuple[int, int, int, int, int, int, int]:
    """Counts over a text in UTF-8: data (uint8, [num_bytes]), classes = CLASSES (uint8, [256]).

    Returns the length of the longest line in characters, the number of lines that are not blank, the bytes that are
    not blank, those of them that are letters, those of them on lines that begin like a literal or a bracket, and where
    the runs begin and end that a key could be: of letters, digits and the marks of base64 and passwords (0 and 0: there
    is none). Chance changes between digits, lower and upper case all the time: on every other character where all three
    are in it, names of things on far fewer. So a run counts that is at least `MIN_RUN_CHARS` long and has two digits
    and four changes, one on five characters; one digit and eight, two on five; or no digit and fourteen, one on three.
    AWS has keys with few digits and changes; they count by their first four letters.
    """
    longest = line_chars = num_lines = num_dense = num_letters = num_data = line_dense = 0
    run = digits = changes = last = 0
    keys_start = keys_stop = 0
    line_is_data = is_aws = False
    for index in range(data.size + 1):
        byte = data[index] if index < data.size else np.uint8(10)
        kind = classes[byte]
        if kind & (DIGIT | LOWER | UPPER | MARK):
            run += 1
            if run == 4 and byte == 65 and data[index - 1] == 73 and data[index - 3] == 65:
                is_aws = data[index - 2] == 75 or data[index - 2] == 83
            own = kind & (DIGIT | LOWER | UPPER)
            if own:
                digits += own == DIGIT
                changes += own != last and last != 0
                last = own
        else:
            if run >= MIN_RUN_CHARS and (
                is_aws
                or (digits >= 2 and changes >= 4 and 5 * changes >= run)
                or (digits == 1 and changes >= 8 and 5 * changes >= 2 * run)
                or (changes >= 14 and 3 * changes >= run)
            ):
                keys_start = keys_start if keys_stop else index - run
                keys_stop = index
            is_aws = False
            run = digits = changes = last = 0
        if kind & NEWLINE:
            longest = max(longest, line_chars)
            if line_dense:
                num_lines += 1
                num_dense += line_dense
                if line_is_data:
                    num_data += line_dense
            line_chars = line_dense = 0
            line_is_data = False
            continue
        if byte & 0xC0 != 0x80:
            line_chars += 1
        if not kind & BLANK:
            if line_dense == 0 and kind & DATA_START:
                line_is_data = True
            line_dense += 1
            if kind & (LOWER | UPPER | OTHER_SCRIPT):
                num_letters += 1
    return longest, num_lines, num_dense, num_letters, num_data, keys_start, keys_stop
