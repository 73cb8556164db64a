"""EvalPlus (Liu et al. 2023, arXiv:2305.01210): HumanEval and MBPP with many more inputs, judged by the reference.

Its files hold inputs and a canonical solution, no expected values: what that solution returns is what a program must
return. Equality, tolerances and the tasks judged by a rule of their own follow EvalPlus's evaluator (v0.3.1).
"""

from __future__ import annotations

import json
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.forms import AFTER_DOCSTRING, FUNCTION
from hornbook.evaluate.json_lines import JsonRow, check_python, read_json_lines
from hornbook.evaluate.problems import ProblemSet
from hornbook.records import Problem

# How the arguments of an MBPP task come back from JSON, which has neither tuples, sets nor complex numbers.
ARGUMENTS: dict[str, tuple[int, ...]] = {
    "[tuple(value) for value in raw]": (
        *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    "[[tuple(row) for row in value] for value in raw]": (
        *(63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),
    ),
    "[[tuple(row) for row in raw[0]], raw[1]]": (75, 413, 444, 753),
    "[raw[0], tuple(raw[1])]": (106, 750),
    "[[set(value) if isinstance(value, list) and value else {} for value in raw[0]]]": (115,),
    "[float(raw[0]), complex(raw[1])]": (124,),
    "[tuple(raw[0]), raw[1]]": (250, 405, 446, 617, 720, 763, 808),
    "[complex(raw[0])]": (252,),
    "[tuple(tuple(row) for row in value) for value in raw]": (259, 401, 445),
    "[tuple(tuple(value) if isinstance(value, list) else value for value in raw[0])]": (278,),
    "[tuple(raw[0]), raw[1], raw[2]]": (307,),
    "[frozen(value) for value in raw]": (580, 615, 791),
    "[{key: tuple(value) for key, value in raw[0].items()}, *raw[1:]]": (722,),
}
ARGUMENTS_OF = {number: expression for expression, numbers in ARGUMENTS.items() for number in numbers}

SAME_SET = "set(got) == set(expected)"
IS_FOUND = "(got if isinstance(got, bool) else got is not None) == (expected is not None)"

# When a returned value counts as right where that is not equality, by the function's name.
MBPP_RULES = {
    "are_equivalent": "True",
    "sum_div": "got == expected or got == 0",
    "surface_Area": (
        "got == expected or abs(got - round(arguments[0] ** 2"
        " + 2 * arguments[0] * ((arguments[0] / 2) ** 2 + arguments[1] ** 2) ** 0.5)) <= ATOL"
    ),
    "digit_distance_nums": (
        "got == expected or got == sum(abs(int(a) - int(b)) for a, b in zip("
        "*(str(value).zfill(max(len(str(other)) for other in arguments)) for value in arguments)))"
    ),
    **dict.fromkeys(("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly"), SAME_SET),
    **dict.fromkeys(("larg_nnum", "intersection_array", "find_dissimilar", "Diff"), SAME_SET),
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), IS_FOUND),
}
HUMANEVAL_RULES = {
    # Any root will do, so the polynomial is evaluated instead of comparing roots.
    "find_zero": "abs(sum(c * math.pow(got, power) for power, c in enumerate(arguments[0]))) <= ATOL",
}

TESTS = """import json
import math

REFERENCE = {reference!r}
ENTRY_POINT = {entry_point!r}
INPUTS = {inputs!r}
ATOL = {atol!r}


def frozen(value):
    return tuple(frozen(part) for part in value) if isinstance(value, list) else value


def read_arguments(line):
    raw = json.loads(line)
    return {arguments}


def is_right(arguments, got, expected):
    return {rule}


def is_near(got, expected):
    is_float = isinstance(expected, float) or (
        isinstance(expected, (list, tuple)) and len(expected) > 0 and all(isinstance(x, float) for x in expected)
    )
    atol = ATOL or (1e-6 if is_float else 0)
    return atol != 0 and type(got) is type(expected) and all_close(got, expected, atol)


def all_close(got, expected, atol):
    if isinstance(expected, (list, tuple)):
        same_length = isinstance(got, (list, tuple)) and len(got) == len(expected)
        return same_length and all(all_close(x, y, atol) for x, y in zip(got, expected))
    if not isinstance(expected, (int, float, complex)) or not isinstance(got, (int, float, complex)):
        return False
    return got == expected or abs(got - expected) <= atol + 1e-7 * abs(expected)


def check(candidate):
    names = {{}}
    exec(REFERENCE, names)
    reference = names[ENTRY_POINT]
    for line in INPUTS.splitlines():
        expected = reference(*read_arguments(line))
        got = candidate(*read_arguments(line))
        if not (is_right(read_arguments(line), got, expected) or is_near(got, expected)):
            raise AssertionError(f"{{ENTRY_POINT}}{{line[:200]}} gave {{got!r:.100}}, not {{expected!r:.100}}")
"""


def load_humaneval_plus(path: Path) -> ProblemSet:
    """HumanEval+ from EvalPlus's file (`HumanEvalPlus.jsonl`, plain or gzipped). Raises TaskError with file and row."""
    problems = _load(path, HUMANEVAL_RULES, is_mbpp=False)
    return ProblemSet("humaneval+", problems, FUNCTION, "EvalPlus's file, base and plus inputs")


def load_mbpp_plus(path: Path) -> ProblemSet:
    """MBPP+ from EvalPlus's file (`MbppPlus.jsonl`, plain or gzipped). Raises TaskError with file and row."""
    problems = _load(path, MBPP_RULES, is_mbpp=True)
    return ProblemSet("mbpp+", problems, AFTER_DOCSTRING, "EvalPlus's file, base and plus inputs; a docstring")


def _load(path: Path, rules: dict[str, str], *, is_mbpp: bool) -> tuple[Problem, ...]:
    problems = read_json_lines(
        path, lambda row: read_problem(row, rules, is_mbpp=is_mbpp), lambda problem: problem.task_id
    )
    if not problems:
        raise TaskError(f"{path}: no problem in it; each line holds one, as EvalPlus writes them")
    return tuple(problems)


def read_problem(row: JsonRow, rules: dict[str, str], *, is_mbpp: bool) -> Problem:
    """A row of EvalPlus's file as a problem whose tests run the reference beside the program."""
    task_id, prompt = row.text("task_id"), row.text("prompt")
    entry_point, solution = row.text("entry_point"), row.text("canonical_solution")
    check_python(row, "canonical_solution", prompt + solution)
    inputs = [*_inputs(row, "base_input"), *_inputs(row, "plus_input")]
    if not inputs:
        raise row.error("fields 'base_input' and 'plus_input' hold no input")
    tail = task_id.rsplit("/", 1)[-1]
    number = int(tail) if is_mbpp and tail.isdecimal() else -1
    test = TESTS.format(
        reference=prompt + solution,
        entry_point=entry_point,
        inputs="\n".join(json.dumps(values) for values in inputs),
        atol=_tolerance(row),
        arguments=ARGUMENTS_OF.get(number, "raw"),
        rule=rules.get(entry_point, "got == expected"),
    )
    return Problem(task_id, prompt, entry_point, solution, test)


def _inputs(row: JsonRow, field: str) -> list[list[object]]:
    value = row.values.get(field) or []
    if not isinstance(value, list) or not all(isinstance(arguments, list) for arguments in value):
        raise row.error(f"field {field!r} must be a list of lists of arguments, not {value!r:.80}")
    return value


def _tolerance(row: JsonRow) -> float:
    value = row.values.get("atol", 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise row.error(f"field 'atol' must be a number of at least 0, not {value!r:.80}")
    return value
