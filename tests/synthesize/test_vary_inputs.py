"""Generated inputs: of the stated types, all different, and the same in every process."""

import ast
import random
import subprocess
import sys

import pytest

from hornbook.synthesize.literals import literal_of, read_literal
from hornbook.synthesize.vary_inputs import MAX_CHARS, vary_inputs

STATED = [
    "[1, 2, 3], 'two words', limit=3",
    "[], '', limit=0",
    "[9], 'abc def', limit=-2",
]
OTHERS = ["{'a': 1, 'b': [2.5]}, (1, 'x'), {'u', 'v'}", "[[1, 2], [3, 4]], True, None"]


def parse(arguments: str) -> list[object]:
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.literal_eval(value) for value in [*call.args, *(keyword.value for keyword in call.keywords)]]


def test_types_stay_and_none_is_there_twice() -> None:
    varied = vary_inputs(STATED, 40, random.Random(1))
    assert len(set(varied)) == len(varied) == 40
    assert not set(varied) & set(STATED)
    for arguments in varied:
        numbers, text, limit = parse(arguments)
        assert isinstance(numbers, list)
        assert all(type(number) is int and number >= 0 for number in numbers)
        assert type(text) is str
        assert type(limit) is int
        assert "limit=" in arguments
        assert len(arguments) <= MAX_CHARS
    assert any(parse(arguments)[0] == [] for arguments in varied)


def test_every_type_of_literal_is_varied_within_its_type() -> None:
    varied = [parse(arguments) for arguments in vary_inputs(OTHERS[:1], 60, random.Random(2))]
    for mapping, pair, letters in varied:
        assert isinstance(mapping, dict)
        assert set(mapping) <= {"a", "b"}
        assert isinstance(pair, tuple)
        assert [type(item) for item in pair] == [int, str]
        assert isinstance(letters, set)
    assert len({literal_of(one[0]) for one in varied}) > 5
    assert len({literal_of(one[2]) for one in varied}) > 5


def test_a_rectangle_stays_one() -> None:
    for arguments in vary_inputs(OTHERS[1:], 40, random.Random(3)):
        grid, flag, nothing = parse(arguments)
        assert isinstance(grid, list)
        assert [len(row) for row in grid] == [2, 2]
        assert type(flag) is bool
        assert nothing is None


def test_what_cannot_vary_gives_fewer() -> None:
    assert vary_inputs(["None"], 5, random.Random(0)) == []
    assert vary_inputs([], 5, random.Random(0)) == []
    assert vary_inputs(["True"], 5, random.Random(0)) == ["False"]


def test_no_process_has_an_order_of_its_own() -> None:
    program = (
        "import random\nfrom hornbook.synthesize.vary_inputs import vary_inputs\n"
        f"print(vary_inputs({OTHERS[:1]!r}, 20, random.Random(5)))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


@pytest.mark.parametrize(
    "value", [1, -2.5, "a'b", None, True, b"x", [1, (2,), ()], {"k": {3, 1}}, set(), {1: [{}]}, 1j]
)
def test_a_literal_reads_back(value: object) -> None:
    assert read_literal(literal_of(value)) == value


def test_a_sets_items_are_sorted() -> None:
    assert literal_of([{"b", "c", "a"}, {10, 9}]) == "[{'a', 'b', 'c'}, {10, 9}]"


@pytest.mark.parametrize("text", ["f(1)", "[1", "", "x", "nan", "(" * 1000])
def test_what_is_no_literal_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="not a literal"):
        read_literal(text)
