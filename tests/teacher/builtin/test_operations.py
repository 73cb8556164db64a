"""Every operation's renderings agree with its reference, in every style."""

import ast
import string
import sys

import pytest

from hornbook.teacher.builtin.code import STYLES, render_solution
from hornbook.teacher.builtin.composition import probe_values, run_reference, slot_values
from hornbook.teacher.builtin.english import Step
from hornbook.teacher.builtin.operation import Operation
from hornbook.teacher.builtin.operations import BY_NAME, OPERATIONS
from hornbook.teacher.builtin.ports import COUNTS, INT, INTS, RECORDS, TEXT, WORDS, copy_value
from hornbook.teacher.builtin.task import GrammarError, verify

MAX_LINES_RUN = 20_000


def bound_with_literals(operation: Operation, at: int) -> tuple[Step, list[object]]:
    values = [slot_values(slot)[at % len(slot_values(slot))] for slot in operation.slots]
    return Step(
        operation, tuple((f"{{{s.key}}}", repr(v)) for s, v in zip(operation.slots, values, strict=True))
    ), values


@pytest.mark.parametrize("style", STYLES)
def test_renderings_agree_with_their_references(style: str) -> None:
    wrong: list[tuple[str, str]] = []
    for operation in OPERATIONS:
        for at in range(3 if operation.slots else 1):
            step, values = bound_with_literals(operation, at)
            solution, _ = render_solution([step], "given", style)
            cases = [((value,), run_reference([operation], value, [values])) for value in probe_values(operation.takes)]
            try:
                verify(f"def function(given):\n{solution}", "function", cases)
            except GrammarError as error:
                wrong.append((operation.name, str(error)))
    assert wrong == []


def test_operations_are_said_in_three_ways_with_their_own_slots_only() -> None:
    for operation in OPERATIONS:
        assert len({*operation.clauses, *operation.nouns}) >= 3, operation.name
        keys = {slot.key for slot in operation.slots}
        for clause in operation.clauses:
            assert fields_of(clause) == keys, (operation.name, clause)
        for noun in operation.nouns:
            assert fields_of(noun) == keys | {"x"}, (operation.name, noun)
        for template in (operation.expression, operation.loop):
            assert not template or all(f"{{{key}}}" in template for key in keys), (operation.name, template)


def fields_of(phrase: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(phrase) if field}


def test_no_phrase_of_one_type_means_two_operations() -> None:
    meanings: dict[tuple[str, str], str] = {}
    for operation in OPERATIONS:
        for phrase in (*operation.clauses, *operation.nouns):
            assert meanings.setdefault((operation.takes.name, phrase), operation.name) == operation.name


def test_the_grammar_covers_the_domains() -> None:
    assert len(OPERATIONS) >= 120
    assert len(BY_NAME) == len(OPERATIONS)
    assert {INTS, WORDS, TEXT, INT, COUNTS, RECORDS} <= {operation.takes for operation in OPERATIONS}


def test_results_stay_small() -> None:
    for operation in OPERATIONS:
        _, values = bound_with_literals(operation, 0)
        for value in probe_values(operation.takes):
            before = copy_value(value)
            assert len(repr(operation.reference(value, *values))) < 400, operation.name
            assert value == before, operation.name


def test_loops_end_within_a_bound_on_lines() -> None:
    lines = 0

    def count_lines(frame: object, event: str, argument: object) -> object:
        nonlocal lines
        lines += event == "line"
        assert lines < MAX_LINES_RUN
        return count_lines

    for name, value in (("collatz_steps", 10**12 + 7), ("halvings", 10**12), ("gcd", 10**12), ("countdown", 10**12)):
        step, values = bound_with_literals(BY_NAME[name], 0)
        solution, _ = render_solution([step], "given", "loop")
        namespace: dict[str, object] = {}
        exec(f"def function(given):\n{solution}", namespace)
        lines = 0
        sys.settrace(count_lines)
        try:
            result = namespace["function"](value)
        finally:
            sys.settrace(None)
        assert result == BY_NAME[name].reference(value, *values)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("    return [number + 1 for number in numbers]", "the reference"),
        ("    numbers.sort()\n    return sorted(numbers)", "was changed to"),
        ("    return numbers[99]", "IndexError"),
        ("    return tuple(sorted(numbers))", "the reference"),
    ],
)
def test_a_wrong_rendering_is_found(body: str, complaint: str) -> None:
    with pytest.raises(GrammarError, match=complaint):
        verify(f"def function(numbers):\n{body}\n", "function", [(([3, 1, 2],), [1, 2, 3])])


def test_a_result_of_the_wrong_type_is_found() -> None:
    with pytest.raises(GrammarError, match="the reference"):
        verify("def function(n):\n    return 1\n", "function", [((2,), True)])


def test_styles_differ_in_shape() -> None:
    steps = [bound_with_literals(BY_NAME[name], 0)[0] for name in ("keep_even", "sum")]
    rendered = {style: render_solution(steps, "numbers", style, "0") for style in STYLES}
    assert {style: out_style for style, (_, out_style) in rendered.items()} == {style: style for style in STYLES}
    trees = {style: ast.parse(f"def f(numbers):\n{body}") for style, (body, _) in rendered.items()}
    kinds = {style: {type(node) for node in ast.walk(tree)} for style, tree in trees.items()}
    assert ast.ListComp in kinds["comprehension"]
    assert ast.For not in kinds["comprehension"]
    assert ast.For in kinds["loop"]
    assert ast.If in kinds["early_return"]
    assert sum(isinstance(node, ast.FunctionDef) for node in ast.walk(trees["helper"])) == 2
