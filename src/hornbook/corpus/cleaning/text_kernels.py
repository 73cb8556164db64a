"""The compiled loop under `clean`: what one look at a text can say, 64 bytes at a time.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of, first_one, num_ones, ones_at_top
from hornbook.corpus.compiled import compiled

DIGIT, LOWER, UPPER, IN_RUN, DATA_START = (1 << bit for bit in range(5))
MIN_RUN_CHARS = 16
LOWER_CASE, UPPER_CASE, DIGITS, OTHER_SCRIPTS, CONTINUATIONS = (97, 122), (65, 90), (48, 57), (128, 255), (128, 191)
MARKS = b"_+/=~!@#$^&*-"
"""Those of base64 and of passwords."""

newlines = bits_of(64, b"\n")
blanks = bits_of(64, b" \t\f\n")
letters = bits_of(64, b"", LOWER_CASE, UPPER_CASE, OTHER_SCRIPTS)
continuations = bits_of(64, b"", CONTINUATIONS)
in_runs = bits_of(64, MARKS, LOWER_CASE, UPPER_CASE, DIGITS)
dots, colons, digits = bits_of(64, b"."), bits_of(64, b":"), bits_of(64, b"", DIGITS)
hex_digits = bits_of(64, b"", DIGITS, (97, 102), (65, 70))
ALL = np.uint64(2**64 - 1)


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    for chars, kind in (
        (b"0123456789", DIGIT | IN_RUN | DATA_START),
        (b"abcdefghijklmnopqrstuvwxyz", LOWER | IN_RUN),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER | IN_RUN),
        (MARKS, IN_RUN),
        (b"+-.\"'([{)]}", DATA_START),
    ):
        table[list(chars)] |= np.uint8(kind)
    return table


CLASSES = _classes()


@compiled
def _end_of_run(data: np.ndarray, start: int, classes: np.ndarray) -> tuple[int, bool]:
    """The index behind the run of letters, digits and marks that begins at start, and whether a key could be in it."""
    digits = changes = last = 0
    index = start
    while classes[data[index]] & IN_RUN:
        own = classes[data[index]] & (DIGIT | LOWER | UPPER)
        if own:
            digits += own == DIGIT
            changes += own != last and last != 0
            last = own
        index += 1
    run = index - start
    is_aws = data[start] == 65 and data[start + 2] == 73 and data[start + 3] == 65
    is_aws = is_aws and (data[start + 1] == 75 or data[start + 1] == 83)
    return index, run >= MIN_RUN_CHARS and (
        is_aws
        or (digits >= 2 and changes >= 4 and 5 * changes >= run)
        or (digits == 1 and changes >= 8 and 5 * changes >= 2 * run)
        or (changes >= 14 and 3 * changes >= run)
    )


@compiled
def find_keys(data: np.ndarray, size: int, classes: np.ndarray) -> tuple[int, int]:
    """Where the runs begin and end that a key could be in: of letters, digits and the marks of base64 and passwords.

    0 and 0: there is none. data and classes as `look` has them. Chance changes between digits, lower and upper case
    all the time: on every other character where all three are in it, names of things on far fewer. So a run counts that
    is at least `MIN_RUN_CHARS` long and has two digits and four changes, one on five characters; one digit and eight,
    two on five; or no digit and fourteen, one on three. AWS has keys with few digits and changes; they count by their
    first four letters.
    """
    keys_start = keys_stop = done = before = 0
    for index in range(0, size, 64):
        runs = in_runs(data, index)
        # Bits where sixteen in a row begin. A run that began before this block is long enough by what is before it.
        long = runs & (runs >> np.uint64(1))
        long &= long >> np.uint64(2)
        long &= long >> np.uint64(4)
        long &= long >> np.uint64(8)
        at_bottom = first_one(~runs)
        if before and before + at_bottom >= MIN_RUN_CHARS and index > done:
            done, has_key = _end_of_run(data, index - before, classes)
            if has_key:
                keys_start = keys_start if keys_stop else index - before
                keys_stop = done
        while long:
            start = index + first_one(long)
            if start >= done:
                done, has_key = _end_of_run(data, start, classes)
                if has_key:
                    keys_start = keys_start if keys_stop else start
                    keys_stop = done
            if done >= index + 64:
                break
            long &= ALL << np.uint64(done - index)
        before = ones_at_top(runs)
    return keys_start, keys_stop


@compiled
def look(data: np.ndarray, size: int, classes: np.ndarray) -> tuple[int, int, int, int, int]:
    """Counts over a text in UTF-8: data (uint8, [size + PADDING], 0 behind the text), classes = CLASSES (uint8, [256]).

    Returns the length of the longest line in characters, the number of lines that are not blank, the bytes that are
    not blank, those of them that are letters, and those of them on lines that begin like a literal or a bracket.
    """
    longest = line_chars = num_lines = num_dense = num_letters = num_data = line_dense = 0
    line_is_data = False
    for index in range(0, size, 64):
        inside = ALL if size - index >= 64 else (np.uint64(1) << np.uint64(size - index)) - np.uint64(1)
        dense = inside & ~blanks(data, index)
        counted = inside & ~continuations(data, index)
        ends = newlines(data, index)
        num_letters += num_ones(letters(data, index))
        num_dense += num_ones(dense)
        left = inside
        while True:
            # The bits of this block that belong to the line, without its end.
            line = left & (ends - np.uint64(1)) & ~ends if ends else left
            line_chars += num_ones(counted & line)
            found = dense & line
            if found:
                if line_dense == 0:
                    line_is_data = classes[data[index + first_one(found)]] & DATA_START != 0
                line_dense += num_ones(found)
            if not ends:
                break
            longest = max(longest, line_chars)
            num_lines += line_dense != 0
            num_data += line_dense if line_is_data else 0
            line_chars = line_dense = 0
            line_is_data = False
            end = ends & (~ends + np.uint64(1))
            left &= ~(end | (end - np.uint64(1)))
            ends ^= end
    longest = max(longest, line_chars)
    num_lines += line_dense != 0
    num_data += line_dense if line_is_data else 0
    return longest, num_lines, num_dense, num_letters, num_data


@compiled
def may_have_ip_address(data: np.ndarray, size: int) -> bool:
    """Whether one to three digits stand between dots, or one to four hexadecimal ones between colons.

    data as `look` has it.
    """
    for index in range(0, size, 64):
        # From the last place where the second dot or colon may be to the first.
        found = digits(data, index + 3) & dots(data, index + 4) | dots(data, index + 3)
        found = digits(data, index + 2) & found | dots(data, index + 2)
        if dots(data, index) & digits(data, index + 1) & found:
            return True
        found = hex_digits(data, index + 4) & colons(data, index + 5) | colons(data, index + 4)
        found = hex_digits(data, index + 3) & found | colons(data, index + 3)
        found = hex_digits(data, index + 2) & found | colons(data, index + 2)
        if colons(data, index) & hex_digits(data, index + 1) & found:
            return True
    return False
