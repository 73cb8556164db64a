import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hornbook.errors import TaskError
from hornbook.evaluate.forms import AFTER_DOCSTRING, FEW_SHOT
from hornbook.evaluate.judging import decide_judging
from hornbook.evaluate.problem_sets import load_set
from hornbook.evaluate.problem_sets.mbpp import load_mbpp
from hornbook.evaluate.problems import ProblemSet, program_of
from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.run.machine import Machine
from tests.evaluate.problem_sets.rows import MBPP_TASKS, mbpp_task

REAL_FILE = os.environ.get("HORNBOOK_MBPP", "")
"""The data set itself, for the tests that need it: mbpp.jsonl with all its splits."""


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(
        tmp_path / "mbpp.jsonl", [*MBPP_TASKS, mbpp_task(511, "late", "def late(): pass", ["assert late() is None"])]
    )


def test_the_few_shot_prompt_is_austins(file: Path) -> None:
    found = load_set(f"mbpp:{file}")
    assert (found.label, found.form) == ("mbpp", FEW_SHOT)
    assert [problem.task_id for problem in found.problems] == ["Mbpp/11", "Mbpp/510"]
    shots, _, asked = found.problems[0].prompt.rpartition("\n\nYou are an expert")
    assert shots.startswith(
        "You are an expert Python programmer, and here is your task: Write a function double. "
        "Your code should pass these tests:\n\nassert double(2) == 4\nassert double(0) == 0\n"
        "[BEGIN]\ndef double(x):\n  return 2 * x\n[DONE]\n\nYou are an expert"
    )
    assert shots.count("[DONE]") == 3
    assert asked == (
        " Python programmer, and here is your task: Write a function both. Your code should pass these tests:\n\n"
        'assert both(1, 2) == (1, 2)\nassert (both("a", None)) == ("a", None)\n[BEGIN]\n'
    )


def test_the_docstring_prompt_has_the_first_test(file: Path) -> None:
    found = load_set(f"mbpp-docstring:{file}")
    assert (found.label, found.form) == ("mbpp-docstring", AFTER_DOCSTRING)
    assert found.problems[0].prompt == '"""\nWrite a function both.\nassert both(1, 2) == (1, 2)\n"""\n'


def test_tests_know_the_function_by_its_name(file: Path) -> None:
    problem = load_set(f"mbpp:{file}").problems[0]
    assert problem.entry_point == "both"
    assert problem.test.splitlines() == [
        "def check(candidate):",
        "    both = candidate",
        "    assert both(1, 2) == (1, 2)",
        '    assert (both("a", None)) == ("a", None)',
    ]


@pytest.mark.parametrize("name", ["mbpp", "mbpp-docstring"])
def test_references_pass_and_wrong_programs_do_not(file: Path, name: str) -> None:
    found = load_mbpp(name, str(file))
    judging = decide_judging(found, Limits(timeout_s=5.0), Machine(workers=2))
    assert judging.unusable == {}
    # Its tests make objects of the program's own class.
    assert judging.together == {"Mbpp/510"}
    wrong = ["def both(a, b):\n  return [a, b]", "class Node: inner = None\ndef depth(node): return 2"]
    programs = [
        program_of(problem, found.form.own_program(problem.prompt, f"\n{source}"), judging.mode(problem.task_id))
        for problem, source in zip(found.problems, wrong, strict=True)
    ]
    with Sandbox(Limits()) as sandbox:
        assert [verdict.verdict for verdict in sandbox.run_all(programs, workers=2)] == ["wrong_answer"] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (MBPP_TASKS[1:], "task 2 is missing"),
        (MBPP_TASKS[:3], "no task of the test split"),
        ([MBPP_TASKS[0] | {"text": None}], "row 1: field 'text' must be text"),
        ([MBPP_TASKS[0] | {"task_id": "2"}], "row 1: field 'task_id' must be a whole number, not '2'"),
        ([MBPP_TASKS[0] | {"test_list": []}], "row 1: field 'test_list' must be a list of texts"),
        ([MBPP_TASKS[0] | {"test_list": ["assert double(2"]}], "row 1: field 'test_list' is not valid Python"),
        ([MBPP_TASKS[0] | {"code": "def double(x) return x"}], "row 1: field 'code' is not valid Python"),
        ([MBPP_TASKS[0] | {"test_list": ["assert triple(2) == 6"]}], "no test calls a function that 'code' defines"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    path = write(tmp_path / "m.jsonl", rows)
    with pytest.raises(TaskError) as caught:
        load_mbpp("mbpp", str(path))
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


needs_real_file = pytest.mark.skipif(not REAL_FILE, reason="HORNBOOK_MBPP does not name the data set's mbpp.jsonl")


@pytest.mark.slow
@needs_real_file
@pytest.mark.parametrize("name", ["mbpp", "mbpp-docstring"])
def test_every_reference_passes_that_passes_under_the_bare_interpreter(name: str) -> None:
    found: ProblemSet = load_mbpp(name, REAL_FILE)
    assert len(found.problems) == 500
    rows = {row["task_id"]: row for row in map(json.loads, Path(REAL_FILE).read_text(encoding="utf-8").splitlines())}

    def passes(number: int) -> bool:
        source = "\n".join([rows[number]["code"], rows[number]["test_setup_code"], *rows[number]["test_list"]])
        return subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, check=False).returncode == 0

    with ThreadPoolExecutor(2) as pool:
        bare = {
            f"Mbpp/{n}" for n, passed in zip(range(11, 511), pool.map(passes, range(11, 511)), strict=True) if passed
        }
    judging = decide_judging(found, Limits(timeout_s=10.0), Machine(workers=2))
    assert len(bare) == 500
    assert bare & judging.unusable.keys() == set()
