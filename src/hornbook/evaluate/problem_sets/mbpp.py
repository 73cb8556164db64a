"""MBPP, mostly basic Python problems (Austin et al. 2021, arXiv:2108.07732): a sentence and three assertions each.

The test split is tasks 11 to 510. `mbpp` asks as that paper does: tasks 2, 3 and 4 as examples, each between `[BEGIN]`
and `[DONE]`, then the task; the completion is a whole program. `mbpp-docstring` asks as InCoder (arXiv:2204.05999) and
bigcode's evaluation harness do: a docstring with the sentence and the first assertion, and no example. The paper of
phi-1 does not say which prompt its 55.5% is from.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.forms import AFTER_DOCSTRING, FEW_SHOT
from hornbook.evaluate.json_lines import JsonRow, check_python, read_json_lines
from hornbook.evaluate.problem_sets.hub import fetch, read_hub_parquet
from hornbook.evaluate.problems import ProblemSet
from hornbook.records import Problem

TEST_SPLIT = range(11, 511)
EXAMPLES = (2, 3, 4)
HUB = "google-research-datasets/mbpp"
HUB_FILES = ("full/prompt-00000-of-00001.parquet", "full/test-00000-of-00001.parquet")


@dataclass(frozen=True)
class Task:
    """One task of MBPP, with plain line breaks."""

    number: int
    text: str
    code: str
    tests: tuple[str, ...]
    setup: str
    """Source that the tests need; it may use what the program defines."""
    entry_point: str


def load_mbpp(name: str, place: str) -> ProblemSet:
    """`mbpp` or `mbpp-docstring` from the file of the data set (JSON lines, all splits) or from the hub.

    Raises TaskError where the file cannot be used or lacks the test split or the tasks that serve as examples.
    """
    where = HUB if place == "hub" else place
    tasks = {task.number: task for task in _read_tasks(place)}
    asked = [tasks[number] for number in TEST_SPLIT if number in tasks]
    if not asked:
        raise TaskError(f"{where}: no task of the test split (ids {TEST_SPLIT[0]} to {TEST_SPLIT[-1]}) in it")
    origin = f"{HUB} on the hub" if place == "hub" else "a file of the data set"
    if name == "mbpp-docstring":
        problems = tuple(to_problem(task, docstring_prompt(task)) for task in asked)
        return ProblemSet(name, problems, AFTER_DOCSTRING, f"{origin}; a docstring with the first test")
    missing = [str(number) for number in EXAMPLES if number not in tasks]
    if missing:
        raise TaskError(f"{where}: task {', '.join(missing)} is missing; the prompt shows tasks 2, 3 and 4 as examples")
    examples = [tasks[number] for number in EXAMPLES]
    problems = tuple(to_problem(task, few_shot_prompt(examples, task)) for task in asked)
    return ProblemSet(name, problems, FEW_SHOT, f"{origin}; tasks 2, 3 and 4 as examples")


def read_task(row: JsonRow) -> Task:
    """A row of the data set. Raises TaskError where a field is missing or its code or tests are not valid Python."""
    code, setup = _plain(row.text("code")), _plain(row.text("test_setup_code", may_be_empty=True))
    tests = tuple(_plain(test) for test in row.texts("test_list"))
    for field, source in (("code", code), ("test_setup_code", setup), ("test_list", "\n".join(tests))):
        check_python(row, field, source)
    entry_point = _entry_point(code, tests)
    if not entry_point:
        raise row.error("field 'test_list': no test calls a function that 'code' defines")
    return Task(row.integer("task_id"), _plain(row.text("text")), code, tests, setup, entry_point)


def few_shot_prompt(examples: Sequence[Task], task: Task) -> str:
    """The examples with their code, a blank line between them, then the task up to where its code begins."""
    return "\n\n".join([*(f"{_asked(one)}{one.code}\n[DONE]" for one in examples), _asked(task)])


def _asked(task: Task) -> str:
    tests = "\n".join(task.tests)
    return (
        f"You are an expert Python programmer, and here is your task: {task.text} "
        f"Your code should pass these tests:\n\n{tests}\n[BEGIN]\n"
    )


def docstring_prompt(task: Task) -> str:
    """A docstring with the task and its first test; the program follows."""
    return f'"""\n{task.text}\n{task.tests[0]}\n"""\n'


def to_problem(task: Task, prompt: str) -> Problem:
    """A task as a problem: its assertions become a `check` that knows the function under its own name."""
    body = "\n".join(part for part in (f"{task.entry_point} = candidate", task.setup, *task.tests) if part)
    test = f"def check(candidate):\n{textwrap.indent(body, '    ')}\n"
    # EvalPlus's spelling, so that samples files serve both.
    return Problem(f"Mbpp/{task.number}", prompt, task.entry_point, task.code, test)


def _entry_point(code: str, tests: Iterable[str]) -> str:
    """The first function that the tests call and the code defines; empty where there is none."""
    with warnings.catch_warnings(action="ignore"):
        defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
        called = [node.func for test in tests for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    return next((one.id for one in called if isinstance(one, ast.Name) and one.id in defined), "")


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _read_tasks(place: str) -> list[Task]:
    if place != "hub":
        return read_json_lines(Path(place).expanduser(), read_task, lambda task: str(task.number))
    return [
        read_task(JsonRow(fetch(HUB, file), number, values))
        for file in HUB_FILES
        for number, values in enumerate(read_hub_parquet(HUB, file), start=1)
    ]
