"""The unconventional problems: fifty that prove themselves, and a loader that takes no half of one."""

import ast
import doctest
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.contamination.overlap import NgramIndex
from hornbook.errors import TaskError
from hornbook.evaluate.problems import to_program
from hornbook.evaluate.sandbox import Limits, Program, Sandbox, Verdict
from hornbook.evaluate.unconventional import load_entries, load_unconventional
from hornbook.run.datasets import humaneval_problems

ENTRIES = load_entries()
ANSWERS = [(e.problem, body) for e in ENTRIES for body in (e.problem.canonical_solution, *e.wrong)]


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], Verdict]:
    """By task id and body, of every reference and every wrong solution."""
    with Sandbox(Limits(timeout_s=10.0)) as sandbox:
        judged = sandbox.run_all([to_program(problem, "\n" + body) for problem, body in ANSWERS], workers=2)
    return {(problem.task_id, body): verdict for (problem, body), verdict in zip(ANSWERS, judged, strict=True)}


def test_there_are_fifty_by_name() -> None:
    problems = load_unconventional()
    assert len(problems) == len({problem.task_id for problem in problems}) == 50
    assert all(problem.task_id == f"unconventional/{problem.entry_point}" for problem in problems)


def test_every_reference_passes(verdicts) -> None:
    failed = [
        (e.problem.task_id, verdicts[e.problem.task_id, e.problem.canonical_solution].detail)
        for e in ENTRIES
        if not verdicts[e.problem.task_id, e.problem.canonical_solution].passed
    ]
    assert failed == []


def test_every_wrong_solution_runs_and_is_found_out(verdicts) -> None:
    """A plausible mistake gives a wrong result; one that crashes or hangs would prove little about the tests."""
    others = [
        (e.problem.task_id, number, verdicts[e.problem.task_id, body].verdict)
        for e in ENTRIES
        for number, body in enumerate(e.wrong)
        if verdicts[e.problem.task_id, body].verdict not in ("wrong_answer", "exception")
    ]
    assert others == []
    assert len(verdicts) == sum(1 + len(e.wrong) for e in ENTRIES) >= 300


def test_no_two_wrong_solutions_are_one() -> None:
    for entry in ENTRIES:
        bodies = [ast.dump(ast.parse(entry.problem.prompt + body)) for body in entry.wrong]
        assert len(set(bodies)) == len(bodies), entry.problem.task_id


def test_the_examples_of_every_docstring_are_true() -> None:
    parser = doctest.DocTestParser()
    programs = {}
    for entry in ENTRIES:
        problem = entry.problem
        (function,) = (
            node
            for node in ast.parse(problem.prompt + problem.canonical_solution).body
            if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point
        )
        examples = parser.get_examples(ast.get_docstring(function) or "")
        assert examples, f"{problem.task_id} has no example"
        checks = "\n".join(f"assert repr({e.source.strip()}) == {e.want.strip()!r}" for e in examples)
        programs[problem.task_id] = Program(problem.prompt + problem.canonical_solution, checks)
    with Sandbox(Limits(timeout_s=10.0)) as sandbox:
        judged = sandbox.run_all(list(programs.values()), workers=2)
    untrue = {task_id: v.detail for task_id, v in zip(programs, judged, strict=True) if not v.passed}
    assert untrue == {}


def test_none_is_like_humaneval() -> None:
    """The overlap that section 5.1 of the paper looks for: 13 words in a row."""
    index = NgramIndex(humaneval_problems(), 13)
    assert index.find(humaneval_problems()[0].prompt) is not None
    problems = [entry.problem for entry in ENTRIES]
    assert [p.task_id for p in problems if index.find(p.prompt + p.canonical_solution)] == []
    assert {p.entry_point for p in problems} & {p.entry_point for p in humaneval_problems()} == set()


CHECKS = "".join(f"    assert candidate({n}) == {n + 1}\n" for n in range(8))
ENTRY: dict[str, Any] = {
    "name": "after",
    "prompt": 'def after(n):\n    """The number after n."""\n',
    "solution": "    return n + 1\n",
    "test": f"def check(candidate):\n{CHECKS}",
    "wrong": [f"    return n + {n}\n" for n in range(2, 7)],
}


def write(folder: Path, name: str, *entries: dict[str, Any]) -> None:
    lines = []
    for entry in entries:
        lines.append("[[problem]]")
        lines += [f"{field} = {_toml(value)}" for field, value in entry.items()]
    (folder / name).write_text("\n".join(lines))


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return f"'''{value}'''" if isinstance(value, str) else str(value)


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    other = ENTRY | {"prompt": ENTRY["prompt"].replace("after", "next_one"), "name": "next_one", "shows": "counting"}
    write(tmp_path, "b.toml", ENTRY)
    write(tmp_path, "a.toml", other)
    (tmp_path / "notes.txt").write_text("not a problem")
    first, second = load_entries(tmp_path)
    assert (first.problem.task_id, first.shows) == ("unconventional/next_one", "counting")
    assert second.problem.task_id == "unconventional/after"
    assert (second.wrong, second.shows) == (tuple(ENTRY["wrong"]), "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"solution": None}, "field 'solution' is missing"),
        ({"prompt": 7}, "field 'prompt' must be text, not 7"),
        ({"test": "  "}, "field 'test' must be text, not '  '"),
        ({"hint": "n + 1"}, "unknown field 'hint'"),
        ({"wrong": ENTRY["wrong"][:4]}, "field 'wrong' must hold at least 5 texts, not 4 entries"),
        ({"wrong": "    return n\n"}, "field 'wrong' must hold at least 5 texts"),
        ({"wrong": [*ENTRY["wrong"], 3]}, "field 'wrong' must hold at least 5 texts"),
        ({"test": ENTRY["test"].replace(CHECKS, CHECKS[: CHECKS.index("(7)") - 17])}, "has 7 asserts"),
        ({"test": ENTRY["test"].replace("def check", "def test")}, "field 'test' must define check"),
        ({"test": ENTRY["test"] + "    assert (\n"}, "field 'test' is not valid Python"),
        ({"solution": "    return n +\n"}, "field 'solution' is not valid Python"),
        ({"wrong": [*ENTRY["wrong"], "return n\n"]}, "field 'wrong[5]' is not valid Python"),
        ({"name": "before"}, "do not define the function 'before'"),
    ],
)
def test_an_entry_that_is_not_whole_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    changed = {field: value for field, value in (ENTRY | changes).items() if value is not None}
    write(tmp_path, "odd.toml", changed)
    with pytest.raises(TaskError) as caught:
        load_entries(tmp_path)
    assert str(caught.value).startswith(f"odd.toml, problem 1 ({changed['name']}): ")
    assert said in str(caught.value)


def test_a_name_that_occurs_twice_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", ENTRY)
    write(tmp_path, "b.toml", ENTRY)
    with pytest.raises(TaskError, match=r"b.toml, problem 1: the name 'after' was there before"):
        load_entries(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[problem]\n", "bad.toml: cannot be read"),
        ("problem = 3\n", "bad.toml: holds"),
        ("", "bad.toml: holds"),
        ("[[problems]]\n", "found ['problems']"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(TaskError) as caught:
        load_entries(tmp_path)
    assert said in str(caught.value)
