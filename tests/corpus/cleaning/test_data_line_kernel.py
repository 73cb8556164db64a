import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.cleaning.data_line_kernel import num_on_data_lines

NUMBER = r"[-+]?(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?j?|\.[0-9]+)"
STRING = r"[rbufRBUF]{0,2}(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
DATA_LINE = re.compile(
    rf"^[ \t]*(?=[\"'\d\[({{\-+.rbuTFN\])}}])(?:{NUMBER}|{STRING}|True|False|None|[\[\](){{}},: \t])++$", re.MULTILINE
)


def count(text: str) -> int:
    return num_on_data_lines(padded(text.encode()))


def count_by_the_pattern(text: str) -> int:
    """The oracle."""
    return len("".join(DATA_LINE.findall(text)).encode().translate(None, b" \t\n\f"))


PIECES = [
    *("0", "0x", "f_", ".", "e", "E", "-", "+", "3", "j", "_", '"', "'", "\\", "r", "b", "F", "True", "None", "False"),
    *("T", " ", "\t", ",", ":", "[", "}", "\n", "\n", "\u00e9", "\u0663", "\f", "x", "X", "#", "\0"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("'\\")
@example("b'\\\n'")
@example("1e-")
@example("-0X_")
def test_counts_what_the_pattern_finds(text: str) -> None:
    assert count(text) == count_by_the_pattern(text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    0x1F, -2.5e-3, 17, .5,", 19),
        ("{'a b': rb\"c\", None: [True]}", 24),
        ("'caf\u00e9',", 8),
        ("1, 2  # three", 0),
        ("first(1),", 0),
        (", 1", 0),
        ("'open", 0),
    ],
)
def test_a_line(line: str, expected: int) -> None:
    assert count(line) == expected
    assert count(f"x = 1\n{line}\n\n{line}\n# end\n") == 2 * expected
