import re
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.corpus.cleaning import byte_bits, text_kernels


def find_keys(text: str) -> tuple[int, int]:
    data = text.encode()
    return text_kernels.find_keys(byte_bits.padded(data), len(data), text_kernels.CLASSES)


def keys_by_the_letter(text: str) -> tuple[int, int]:
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
    return (found[0][0], found[-1][1]) if found else (0, 0)


PIECES = ["AKIA", "ASIA", "\n", " ", "é", ".", "x" * 47, "_" * 16, "a1B2" * 4, "aB" * 8, "Ab0", "0f1e2d3c4b5a6978" * 5]


@given(st.lists(st.sampled_from(PIECES), max_size=20))
@example(["x" * 47, ".", "a1B2" * 4, "\n", "x" * 47])
@example(["x" * 47, "0f1e2d3c4b5a6978" * 5, "0f1e2d3c4b5a6978" * 5])
@example(["x" * 256, "a1B2" * 16, "\n"])
@example(["\n" * 56, "a1B2a1B2" * 2])
def test_runs_that_could_be_keys_are_found(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert find_keys(text) == keys_by_the_letter(text)


def test_a_name_is_no_key() -> None:
    assert find_keys("x = make_something_of_it(AbstractBaseClass2, first_second_third_2024)\n") == (0, 0)
    text = "é = 'a1B2c3D4e5F6g7H8'\nmake_something_of_it(AbstractBaseClass2, 2)\nz='0f1e2d3c4b5a69788796a5b4'\n"
    start, stop = find_keys(text)
    assert text.encode()[start:stop].startswith(b"a1B2")
    assert text.encode()[start:stop].endswith(b"a5b4")
