import json
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import TaskError
from hornbook.evaluate.clauses import grade_completions
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.own_prompts import SCRIPT, last_definition, load_own_prompts
from hornbook.evaluate.tasks.task import Task

PROMPT = 'def total(numbers):\n    """Return the sum of the numbers, or 0 for none."""\n'
SUM = "def check(candidate):\n    assert candidate([2, 3]) == 5, 'not the sum'\n"
NONE = "def check(candidate):\n    assert candidate([]) == 0\n"
ROW = {"task_id": "total", "prompt": PROMPT, "checks": {"sums up": SUM, "0 for none": NONE}}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def met(task: Task, completion: str) -> dict[str, bool]:
    (results,) = grade_completions([(task, completion)], policy="required", workers=1)
    return {result.name: result.is_met for result in results}


def test_a_prompt_with_checks_is_graded_clause_by_clause(tmp_path: Path) -> None:
    (task,) = load_own_prompts(write(tmp_path / "mine.jsonl", {**ROW, "title": "Sums"}))
    assert (task.task_id, task.title, task.entry_point, task.form) == ("total", "Sums", "total", FUNCTION)
    names = ["parses", "runs", "sums up", "0 for none", "all correct"]
    assert list(met(task, "\n    return sum(numbers)\n").items()) == [(name, True) for name in names]
    assert list(met(task, "\n    return sum(numbers) or None\n").values()) == [True, True, True, False, False]
    assert list(met(task, "\n    return (").values()) == [False] * 5


def test_a_prompt_without_checks_is_asked_whether_it_parses_and_runs(tmp_path: Path) -> None:
    tasks = load_own_prompts(
        write(
            tmp_path / "mine.jsonl",
            {"task_id": "total", "prompt": PROMPT},
            {"task_id": "print", "prompt": "# Print the numbers from 1 to 3.\n"},
        )
    )
    function, script = tasks
    assert met(function, "\n    return undefined\n") == {"parses": True, "runs": True}
    assert (script.entry_point, script.form) == ("", SCRIPT)
    assert met(script, "\nfor i in range(3):\n    print(i + 1)\n") == {"parses": True, "runs": True}
    assert met(script, "\nprint(number)\n") == {"parses": True, "runs": False}


def test_checks_of_a_script_are_statements_about_its_names(tmp_path: Path) -> None:
    row = {"task_id": "x", "prompt": "# Set total to 5.\n", "checks": {"is 5": "assert total == 5\n"}}
    (task,) = load_own_prompts(write(tmp_path / "mine.jsonl", row))
    assert met(task, "\ntotal = 5\n")["is 5"]
    assert not met(task, "\ntotal = 4\n")["is 5"]


@pytest.mark.parametrize(
    "before",
    ["def f(x):\n    return total(x)\n\n\n", "from math import floor as f\n", "f = sum\n", "class f:\n    pass\n"],
)
def test_the_entry_point_may_stand_before_the_definition_that_the_prompt_ends_in(tmp_path: Path, before: str) -> None:
    row = {"task_id": "f", "prompt": before + PROMPT, "entry_point": "f"}
    (task,) = load_own_prompts(write(tmp_path / "mine.jsonl", row))
    assert (task.entry_point, task.form) == ("f", FUNCTION)


def test_a_script_may_define_the_entry_point_itself(tmp_path: Path) -> None:
    row = {"task_id": "f", "prompt": "# Write a function f that returns 5.\n", "entry_point": "f"}
    (task,) = load_own_prompts(write(tmp_path / "mine.jsonl", row))
    assert all(met(task, "\ndef f():\n    return 5\n").values())


def test_a_folder_holds_a_prompt_in_each_file_and_its_checks_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sum_up.py").write_text(PROMPT)
    (tmp_path / "sum_up_checks.py").write_text(
        "FIVE = 5\n\ndef check_sums_up(candidate):\n    assert candidate([2, 3]) == FIVE\n\n"
        "def check_0_for_none(candidate):\n    assert candidate([]) == 0\n"
    )
    (tmp_path / "plot.py").write_text("import torch\n\n\nclass Net(torch.nn.Module):\n    '''A network.'''\n")
    (tmp_path / "notes.txt").write_text("not a prompt")
    plot, sums = load_own_prompts(tmp_path)
    assert (plot.task_id, plot.entry_point, plot.imports) == ("plot", "Net", ("torch",))
    assert (sums.task_id, sums.title, sums.imports) == ("sum_up", "sum up", ())
    assert met(sums, "\n    return sum(numbers) or 1\n") == {
        "parses": True,
        "runs": True,
        "sums up": True,
        "0 for none": False,
        "all correct": False,
    }


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        (PROMPT, "total"),
        ("import os\n\nasync def fetch(\n    url,\n):\n", "fetch"),
        ("def f():\n    pass\n\n\nclass B(C):\n    '''Doc.\n\n    More.'''\n", "B"),
        ("def f():\n    return 1\n\nprint(f())\n", ""),
        ("# A comment\n", ""),
    ],
)
def test_the_entry_point_is_what_the_prompt_ends_in(prompt: str, name: str) -> None:
    assert last_definition(prompt) == name


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["{"], "mine.jsonl, row 1: not JSON"),
        (["[1]"], "row 1: a JSON object is needed"),
        ([ROW, {"task_id": "b"}], "row 2: field 'prompt' is missing; the row has task_id"),
        ([{**ROW, "prompt": " "}], "row 1: field 'prompt' is empty"),
        ([{**ROW, "task_id": 3}], "row 1: field 'task_id' must be text, not 3"),
        ([{**ROW, "check": {}}], "row 1: unknown field 'check'. Did you mean 'checks'?"),
        ([{**ROW, "entry_point": "a b"}], "field 'entry_point' must be the name of a function or a class, not 'a b'"),
        (
            [ROW, {**ROW, "task_id": "b", "entry_point": "sum_up"}],
            "row 2: field 'entry_point' is 'sum_up', but the prompt defines nothing of that name, and a completion "
            "ends with the body of 'total': give 'total', or define 'sum_up' in the prompt",
        ),
        (
            [{**ROW, "prompt": "def total(\n", "entry_point": "sum_up"}],
            "field 'entry_point' is 'sum_up', but the prompt",
        ),
        ([{**ROW, "checks": [SUM]}], "field 'checks' must give the source of each check by its name, not ["),
        ([{**ROW, "checks": {"a": "def check(:"}}], "row 1: field 'checks.a' is not valid Python"),
        ([{**ROW, "checks": {"a": "assert True"}}], "field 'checks.a' must define check(candidate); it gets 'total'"),
        ([{**ROW, "checks": {"runs": SUM}}], "a check cannot be named 'runs'"),
        ([{**ROW, "prompt": "# Sum\n"}], "field 'checks.sums up' defines check(candidate), but the prompt ends in no"),
        ([ROW, ROW], "row 2: task_id 'total' was there before"),
        ([], "no prompt in it"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, rows: list[Any], message: str) -> None:
    path = write(tmp_path / "mine.jsonl", *rows)
    with pytest.raises(TaskError) as caught:
        load_own_prompts(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no prompt in it; each file NAME.py is one"),
        ({"a_checks.py": "def check_x(c): pass"}, "a_checks.py: checks without a prompt; a.py is missing"),
        ({"a.py": ""}, "a.py: is empty"),
        ({"a.py": PROMPT, "a_checks.py": "def check_x(c:"}, "a_checks.py: is not valid Python"),
        ({"a.py": PROMPT, "a_checks.py": "X = 1"}, "a_checks.py: no function whose name begins with 'check_'"),
        ({"a.py": "# x\n", "a_checks.py": "def check_x(c): pass"}, "its prompt ends in no function or class"),
        ({"a.py": PROMPT, "a_checks.py": "def check_runs(c): pass"}, "a check cannot be named 'check_runs'"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TaskError) as caught:
        load_own_prompts(tmp_path)
    assert message in str(caught.value)


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file"):
        load_own_prompts(tmp_path / "nothing.jsonl")


def test_the_example_of_the_guide_can_be_used(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs/comparison.md").read_text(encoding="utf-8")
    (task,) = load_own_prompts(write(tmp_path / "mine.jsonl", guide.split("```json\n")[1].split("\n```")[0]))
    assert all(met(task, "\n    return sum(numbers)\n").values())
