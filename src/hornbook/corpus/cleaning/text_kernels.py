"""The compiled loops under `clean`: what one look at a text can say, 64 bytes at a time.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hornbook.corpus.cleaning.byte_bits import PADDING, bits_of, first_one, num_ones, ones_at_top
from hornbook.corpus.cleaning.look import Look
from hornbook.corpus.compiled import compiled, inlined

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
lower_case, upper_case, digits = bits_of(64, b"", LOWER_CASE), bits_of(64, b"", UPPER_CASE), bits_of(64, b"", DIGITS)
ats, dots, colons = bits_of(64, b"@"), bits_of(64, b"."), bits_of(64, b":")
before_ats = bits_of(64, b"_+-", LOWER_CASE, UPPER_CASE, DIGITS)
behind_ats = bits_of(64, b"", LOWER_CASE, UPPER_CASE, DIGITS)
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


def look_at(data: np.ndarray) -> Look:
    """The look at a text, given as `byte_bits.padded` has it."""
    return Look(*_look(data, len(data) - PADDING, CLASSES))


@inlined
def _could_be_key(num_digits: int, changes: int, run: int) -> bool:
    """Whether a run of so many characters, with so many digits and changes between kinds of characters, looks random.

    Chance changes between digits, lower and upper case all the time: on every other character where all three are in
    it, names of things on far fewer. So two digits and four changes are asked for, one on five characters; one digit
    and eight, two on five; or no digit and fourteen, one on three.
    """
    return (
        (num_digits >= 2 and changes >= 4 and 5 * changes >= run)
        or (num_digits == 1 and changes >= 8 and 5 * changes >= 2 * run)
        or (changes >= 14 and 3 * changes >= run)
    )


@inlined
def _look_at_run(data: np.ndarray, start: int, classes: np.ndarray) -> tuple[int, bool]:
    """The index behind the run of letters, digits and marks that begins at start, and whether a key could be in it.

    AWS has keys with few digits and changes; they count by their first four letters.
    """
    is_aws = data[start] == 65 and data[start + 2] == 73 and data[start + 3] == 65
    is_aws = is_aws and (data[start + 1] == 75 or data[start + 1] == 83)
    run = first_one(~in_runs(data, start))
    if run < 64 and not is_aws:
        inside = (np.uint64(1) << np.uint64(run)) - np.uint64(1)
        numbers = inside & digits(data, start)
        lower, upper = inside & lower_case(data, start), inside & upper_case(data, start)
        # Each change is at an end of a stretch of one kind, so two kinds that are rare make for few of them.
        fewest = min(num_ones(numbers | upper), num_ones(numbers | lower))
        if run < MIN_RUN_CHARS or not _could_be_key(num_ones(numbers), 2 * fewest, run):
            return start + run, False
    num_digits = changes = last = 0
    index = start
    while classes[data[index]] & IN_RUN:
        own = classes[data[index]] & (DIGIT | LOWER | UPPER)
        if own:
            num_digits += own == DIGIT
            changes += own != last and last != 0
            last = own
        index += 1
    run = index - start
    return index, run >= MIN_RUN_CHARS and (is_aws or _could_be_key(num_digits, changes, run))


@inlined
def _next_key(data: np.ndarray, first: int, size: int, classes: np.ndarray) -> tuple[int, int]:
    """Where the next run begins and ends that a key could be in, from first on, or 0 and 0 where there is none.

    A run is of letters, digits and the marks of base64 and passwords, and at least `MIN_RUN_CHARS` long; first is in
    none.
    """
    done = before = 0
    for index in range(first, size, 64):
        runs = in_runs(data, index)
        # Bits where sixteen in a row begin.
        long = runs & (runs >> np.uint64(1))
        long &= long >> np.uint64(2)
        long &= long >> np.uint64(4)
        long &= long >> np.uint64(8)
        # A run that began before this block is long enough by what is before it.
        start = index - before
        is_long = before > 0 and index > done and before + first_one(~runs) >= MIN_RUN_CHARS
        while is_long or long:
            if not is_long:
                start = index + first_one(long)
            if is_long or start >= done:
                done, has_key = _look_at_run(data, start, classes)
                if has_key:
                    return start, done
            if done >= index + 64:
                break
            long &= ALL << np.uint64(done - index)
            is_long = False
        before = ones_at_top(runs)
    return 0, 0


@compiled
def find_keys(data: np.ndarray, size: int, classes: np.ndarray, around: int, parts: np.ndarray) -> int:
    """Finds the parts of a text where a key could be, and returns how many there are.

    A part is the lines of a run that could be a key and of so many bytes around it; parts without a line between them
    are one. parts (int64, [size // MIN_RUN_CHARS + 1, 2]) takes where each begins, and ends without its last newline.
    data and classes as `_look` has them.
    """
    count = done = 0
    while True:
        start, done = _next_key(data, done, size, classes)
        if not done:
            return count
        start, stop = max(0, start - around), min(size, done + around)
        while start and data[start - 1] != 10:
            start -= 1
        while stop < size and data[stop] != 10:
            stop += 1
        if count and start <= parts[count - 1, 1] + 1:
            parts[count - 1, 1] = stop
        else:
            parts[count, 0], parts[count, 1] = start, stop
            count += 1


@inlined
def _may_have_email(data: np.ndarray, size: int) -> bool:
    """Whether an at sign stands between what a name ends with and what a domain begins with."""
    for index in range(0, size, 64):
        found = ats(data, index + 1)
        if found and before_ats(data, index) & found & behind_ats(data, index + 2):
            return True
    return False


@inlined
def _may_have_ipv4(data: np.ndarray, size: int) -> bool:
    """Whether three times in a row a dot has one to three digits behind it."""
    for index in range(0, size, 64):
        found = dots(data, index) & digits(data, index + 1)
        if not found:
            continue
        # From the last place where the second dot may be to the first.
        second = digits(data, index + 3) & dots(data, index + 4) | dots(data, index + 3)
        found &= digits(data, index + 2) & second | dots(data, index + 2)
        while found:
            place = index + first_one(found)
            place += 1 + first_one(~digits(data, place + 1))
            place += 1 + first_one(~digits(data, place + 1))
            if data[place] == 46 and 48 <= data[place + 1] <= 57:
                return True
            found &= found - np.uint64(1)
    return False


@inlined
def _may_have_ipv6(data: np.ndarray, size: int) -> bool:
    """Whether four hexadecimal digits, of which the first is 2 or 3, are followed by others between two colons."""
    for index in range(0, size, 64):
        found = colons(data, index + 4) & hex_digits(data, index + 5)
        if not found:
            continue
        found &= hex_digits(data, index) & hex_digits(data, index + 1)
        found &= hex_digits(data, index + 2) & hex_digits(data, index + 3)
        while found:
            place = index + first_one(found)
            behind = place + 5 + first_one(~hex_digits(data, place + 5))
            if 50 <= data[place] <= 51 and data[behind] == 58:
                return True
            found &= found - np.uint64(1)
    return False


@inlined
def _count(data: np.ndarray, size: int, classes: np.ndarray) -> tuple[int, int, int, int, int]:
    """The first five things that `_look` says."""
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
def _look(data: np.ndarray, size: int, classes: np.ndarray) -> tuple[int, int, int, int, int, bool, bool, bool]:
    """What can be said of a text in UTF-8 at a look: the values of a `Look`.

    data (uint8, [size + PADDING], 0 behind the text), classes = CLASSES (uint8, [256]).
    """
    longest, num_lines, num_dense, num_letters, num_data = _count(data, size, classes)
    may_have_key = _next_key(data, 0, size, classes)[1] > 0
    may_have_ip = _may_have_ipv4(data, size) or _may_have_ipv6(data, size)
    may_have = may_have_key, _may_have_email(data, size), may_have_ip
    return longest, num_lines, num_dense, num_letters, num_data, *may_have
