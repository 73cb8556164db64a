import gzip
import json
from pathlib import Path

import pytest

from hornbook.errors import TaskError
from hornbook.evaluate.forms import AFTER_DOCSTRING, FUNCTION
from hornbook.evaluate.judging import decide_judging
from hornbook.evaluate.problem_sets import load_set
from hornbook.evaluate.problem_sets.evalplus import load_humaneval_plus, load_mbpp_plus
from hornbook.evaluate.problems import ProblemSet, program_of
from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.run.machine import Machine


def row(name: str, solution: str, base: list[object], plus: list[object], number: int = 900, **more: object) -> object:
    return {
        "task_id": f"Mbpp/{number}",
        "prompt": f'"""\nWrite a function {name}.\n"""\n',
        "entry_point": name,
        "canonical_solution": f"\n{solution}\n",
        "base_input": base,
        "plus_input": plus,
        "atol": 0,
        "contract": "",
        "assertion": "",
        **more,
    }


def write(path: Path, *rows: object) -> Path:
    text = "".join(json.dumps(one) + "\n" for one in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def verdicts(found: ProblemSet, sources: list[str]) -> list[str]:
    """The verdict on each source for the set's only problem, whose reference must pass."""
    (problem,) = found.problems
    judging = decide_judging(found, Limits(), Machine(workers=1))
    assert judging.unusable == {}
    programs = [program_of(problem, source, judging.mode(problem.task_id)) for source in sources]
    with Sandbox(Limits()) as sandbox:
        return [verdict.verdict for verdict in sandbox.run_all(programs, workers=1)]


HUMANEVAL_ROW = {
    "task_id": "HumanEval/2",
    "prompt": 'import math\n\n\ndef truncate(number: float) -> float:\n    """The decimals."""\n',
    "entry_point": "truncate",
    "canonical_solution": "    return number - math.floor(number)\n",
    "test": "def check(candidate):\n    assert candidate(3.5) == 0.5\n",
    "contract": "    assert number > 0\n",
    "base_input": [[3.5], [1.33]],
    "plus_input": [[1e9 + 0.25], [0.0]],
    "atol": 1e-06,
}


def test_humaneval_plus_asks_humanevals_prompts(tmp_path: Path) -> None:
    found = load_set(f"humaneval+:{write(tmp_path / 'HumanEvalPlus.jsonl.gz', HUMANEVAL_ROW)}")
    assert (found.label, found.form) == ("humaneval+", FUNCTION)
    assert found.problems[0].prompt == HUMANEVAL_ROW["prompt"]
    head = str(HUMANEVAL_ROW["prompt"])
    sources = [
        head + "    return number % 1.0",
        head + "    return number % 1.0 + 1e-8",
        head + "    return number % 1.0 if number < 1e6 else 0.0",
        head + "    return str(number % 1.0)",
    ]
    assert verdicts(found, sources) == ["passed", "passed", "wrong_answer", "wrong_answer"]


def test_plus_inputs_count(tmp_path: Path) -> None:
    total = row("total", "def total(xs):\n    return sum(xs)", [[[1, 2]]], [[[]], [[10**30, 1]]])
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", total))
    assert (found.label, found.form) == ("mbpp+", AFTER_DOCSTRING)
    sources = ["def total(xs):\n    return sum(xs)", "def total(xs):\n    return xs[0] + sum(xs[1:])"]
    assert verdicts(found, sources) == ["passed", "exception"]


def test_arguments_are_fresh_for_reference_and_program(tmp_path: Path) -> None:
    popped = row("top", "def top(xs):\n    xs.sort()\n    return xs.pop()", [[[3, 1, 2]]], [])
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", popped))
    assert verdicts(found, ["def top(xs):\n    return max(xs)", "def top(xs):\n    return len(xs)"]) == [
        "passed",
        "passed",
    ]


def test_floats_are_near_and_everything_else_is_equal(tmp_path: Path) -> None:
    parts = row("parts", "def parts(x):\n    return [x / 3, x / 7]", [[1], [2]], [])
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", parts))
    sources = [
        "def parts(x):\n    return [x / 3 + 1e-9, x / 7]",
        "def parts(x):\n    return [x / 3 + 1e-3, x / 7]",
        "def parts(x):\n    return (x / 3 + 1e-9, x / 7)",
        "def parts(x):\n    return [x / 3 + 1e-9]",
    ]
    assert verdicts(found, sources) == ["passed", "wrong_answer", "wrong_answer", "wrong_answer"]
    half = row("half", "def half(x):\n    return x // 2", [[5]], [])
    whole = load_mbpp_plus(write(tmp_path / "w.jsonl", half))
    assert verdicts(whole, ["def half(x):\n    return x // 2 + 1e-9"]) == ["wrong_answer"]


@pytest.mark.parametrize(
    ("number", "raw", "arguments"),
    [
        (2, [[1, 2], [3]], "((1, 2), (3,))"),
        (63, [[[1, 2], [3, 4]]], "([(1, 2), (3, 4)],)"),
        (75, [[[1], [2]], 6], "([(1,), (2,)], 6)"),
        (106, [[1], [2]], "([1], (2,))"),
        (115, [[[1, 1], []]], "([{1}, {}],)"),
        (124, ["1.5", "2j"], "(1.5, 2j)"),
        (250, [[1], 2], "((1,), 2)"),
        (252, ["1+2j"], "((1+2j),)"),
        (259, [[[1], [2]], [[3]]], "(((1,), (2,)), ((3,),))"),
        (278, [[1, [2, 3]]], "((1, (2, 3)),)"),
        (307, [[1], 2, 3], "((1,), 2, 3)"),
        (580, [[1, [2, [3]]]], "((1, (2, (3,))),)"),
        (722, [{"a": [1, 2]}, 3], "({'a': (1, 2)}, 3)"),
        (900, [[1], "x", None], "([1], 'x', None)"),
    ],
)
def test_arguments_come_back_from_json(tmp_path: Path, number: int, raw: list[object], arguments: str) -> None:
    shown = row("shown", "def shown(*values):\n    return repr(values)", [raw], [], number=number)
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", shown))
    right, wrong = f"def shown(*values):\n    return {arguments!r}", "def shown(*values):\n    return ''"
    assert verdicts(found, [right, wrong]) == ["passed", "wrong_answer"]


@pytest.mark.parametrize(
    ("name", "solution", "raw", "right", "wrong"),
    [
        ("sum_div", "def sum_div(x):\n    return 7", [8], "0", "1"),
        ("Diff", "def Diff(a, b):\n    return [1, 2]", [[1], [2]], "[2, 1, 1]", "[1]"),
        ("check_str", "def check_str(x):\n    return 'a'", ["a"], "True", "None"),
        ("surface_Area", "def surface_Area(b, s):\n    return -1", [3, 4], "35", "34"),
        ("digit_distance_nums", "def digit_distance_nums(a, b):\n    return -1", [1, 256], "12", "13"),
    ],
)
def test_some_tasks_have_a_rule_of_their_own(
    tmp_path: Path, name: str, solution: str, raw: list[object], right: str, wrong: str
) -> None:
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", row(name, solution, [raw], [])))
    sources = [f"def {name}(*_):\n    return {value}" for value in (right, wrong)]
    assert verdicts(found, sources) == ["passed", "wrong_answer"]


def test_any_root_of_a_polynomial_will_do(tmp_path: Path) -> None:
    prompt = 'def find_zero(xs: list):\n    """A zero."""\n'
    zero = HUMANEVAL_ROW | {
        "task_id": "HumanEval/32",
        "prompt": prompt,
        "entry_point": "find_zero",
        "canonical_solution": "    return 1.0\n",
        "base_input": [[[-1, 0, 1]]],
        "plus_input": [],
        "atol": 1e-4,
    }
    found = load_humaneval_plus(write(tmp_path / "h.jsonl", zero))
    assert verdicts(found, [f"{prompt}    return {value}" for value in ("-1.0", "1.00001", "0.5")]) == [
        "passed",
        "passed",
        "wrong_answer",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_input": [], "plus_input": None}, "hold no input"),
        ({"base_input": {"a": 1}}, "field 'base_input' must be a list of lists of arguments"),
        ({"plus_input": [1]}, "field 'plus_input' must be a list of lists of arguments, not [1]"),
        ({"atol": "small"}, "field 'atol' must be a number of at least 0, not 'small'"),
        ({"canonical_solution": "def f(:"}, "field 'canonical_solution' is not valid Python"),
        ({"entry_point": 3}, "field 'entry_point' must be text"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write(tmp_path / "h.jsonl", HUMANEVAL_ROW | change)
    with pytest.raises(TaskError) as caught:
        load_humaneval_plus(path)
    assert f"{path}, row 1: " in str(caught.value)
    assert message in str(caught.value)


def test_files_without_rows_and_repeated_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no problem in it"):
        load_humaneval_plus(write(tmp_path / "a.jsonl"))
    with pytest.raises(TaskError, match="row 2: task_id 'HumanEval/2' was there before"):
        load_humaneval_plus(write(tmp_path / "b.jsonl", HUMANEVAL_ROW, HUMANEVAL_ROW))


def test_a_reference_that_fails_its_own_inputs_is_not_scored(tmp_path: Path) -> None:
    broken = row("head", "def head(xs):\n    return xs[0]", [[[1]]], [[[]]])
    found = load_mbpp_plus(write(tmp_path / "m.jsonl", broken))
    judging = decide_judging(found, Limits(), Machine(workers=1))
    assert "IndexError" in judging.unusable["Mbpp/900"]
