import re
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.corpus.cleaning import byte_bits, text_kernels


def find_keys(text: str, around: int = 0) -> list[tuple[int, int]]:
    data = text.encode()
    parts = np.empty((len(data) // text_kernels.MIN_RUN_CHARS + 1, 2), dtype=np.int64)
    count = text_kernels.find_keys(byte_bits.padded(data), len(data), text_kernels.CLASSES, around, parts)
    assert text_kernels.look_at(byte_bits.padded(data)).may_have_key == bool(count)
    return [(start, stop) for start, stop in parts[:count].tolist()]


def keys_by_the_letter(text: str, around: int = 0) -> list[tuple[int, int]]:
    """The oracle: run by run."""
    found = []
    for run in re.finditer(rb"[A-Za-z0-9_+/=~!@#$^&*-]{16,}", text.encode()):
        kinds = [re.sub(r"\d", "0", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", char))) for char in run[0].decode()]
        kinds = [kind for kind in kinds if kind in "0aA"]
        digits, changes, size = kinds.count("0"), sum(a != b for a, b in pairwise(kinds)), len(run[0])
        if (
            re.match(b"A[KS]IA", run[0])
            or (digits >= 2 and changes >= max(4, size / 5))
            or (digits == 1 and changes >= max(8, 2 * size / 5))
            or changes >= max(14, size / 3)
        ):
            found.append(run.span())
    parts: list[tuple[int, int]] = []
    data = text.encode()
    for start, stop in found:
        start = data.rfind(b"\n", 0, max(0, start - around)) + 1
        stop = min(len(data), stop + around)
        stop += len(data[stop:].split(b"\n")[0])
        if parts and start <= parts[-1][1] + 1:
            start = parts.pop()[0]
        parts.append((start, stop))
    return parts


PIECES = [
    "AKIA",
    "ASIA",
    "aB1" * 21 + "_",
    "\n",
    " ",
    "é",
    ".",
    "x" * 47,
    "_" * 16,
    "a1B2" * 4,
    "aB" * 8,
    "Ab0",
    "0f1e2d3c4b5a6978" * 5,
]


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.sampled_from([0, 20]))
@example(["x" * 47, ".", "a1B2" * 4, "\n", "x" * 47], 0)
@example(["x" * 47, "0f1e2d3c4b5a6978" * 5, "0f1e2d3c4b5a6978" * 5], 0)
@example(["x" * 256, "a1B2" * 16, "\n"], 20)
@example(["\n" * 56, "a1B2a1B2" * 2], 20)
@example(["a1B2a1B2" * 2, "\n", "x", "\n", "a1B2a1B2" * 2], 0)
def test_runs_that_could_be_keys_are_found(pieces: list[str], around: int) -> None:
    text = "".join(pieces)
    assert find_keys(text, around) == keys_by_the_letter(text, around)


def test_a_name_is_no_key() -> None:
    assert find_keys("x = make_something_of_it(AbstractBaseClass2, first_second_third_2024)\n") == []
    text = "é = 'a1B2c3D4e5F6g7H8'\nmake_something_of_it(AbstractBaseClass2, 2)\nz='0f1e2d3c4b5a69788796a5b4'\n"
    parts = [text.encode()[start:stop].decode() for start, stop in find_keys(text)]
    assert parts == ["é = 'a1B2c3D4e5F6g7H8'", "z='0f1e2d3c4b5a69788796a5b4'"]
