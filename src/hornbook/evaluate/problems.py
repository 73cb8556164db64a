"""Problem sets, and any file in HumanEval's form."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.forms import FUNCTION, CompletionForm
from hornbook.evaluate.json_lines import JsonRow, check_python, read_json_lines
from hornbook.evaluate.sandbox import Judged, Program
from hornbook.records import Problem

FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


@dataclass(frozen=True)
class ProblemSet:
    """Problems that are scored together."""

    label: str
    """Its name in tables and files."""
    problems: tuple[Problem, ...]
    form: CompletionForm
    origin: str
    """Where it comes from, in words; never a path, which would make equal scores differ."""
    groups: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The number of operations that a task composes, by task id; empty where a set does not know it."""

    @cached_property
    def by_id(self) -> Mapping[str, Problem]:
        """The problems by task id."""
        return {problem.task_id: problem for problem in self.problems}

    @cached_property
    def identity(self) -> str:
        """Hex sha256 of what is asked and how it is judged."""
        content = {"form": self.form.name, "problems": [asdict(problem) for problem in self.problems]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_problems(path: Path) -> list[Problem]:
    """Problems from JSON lines in HumanEval's form, gzipped where the name ends in `.gz`; other fields are ignored.

    A problem without a reference has an empty `canonical_solution`. Raises TaskError with file, row, field and value
    where a row cannot be used.
    """
    problems = read_json_lines(path, _read_problem, lambda problem: problem.task_id)
    if not problems:
        raise TaskError(f"{path}: no problem in it; each line holds one, an object with {', '.join(FIELDS)}")
    return problems


def _read_problem(row: JsonRow) -> Problem:
    values = {name: row.text(name, may_be_empty=name == "canonical_solution") for name in FIELDS}
    problem = Problem(**values)
    check_python(row, "test", problem.test)
    if "check" not in problem.test:
        raise row.error(f"field 'test' of {problem.task_id!r} must define check(candidate)")
    return problem


def to_program(problem: Problem, completion: str, form: CompletionForm = FUNCTION, judged: Judged = "apart") -> Program:
    """What is run for a completion by one of our models: the prompt as the model saw it, the completion, the tests."""
    return program_of(problem, form.own_program(problem.prompt, completion), judged)


def program_of(problem: Problem, source: str, judged: Judged = "apart") -> Program:
    """A whole program that answers a problem, with the tests that judge it."""
    given = code_before_entry(problem.prompt, problem.entry_point) if judged == "apart" else ""
    return Program(source, problem.test, problem.entry_point, given=given, judged=judged)


@functools.lru_cache(maxsize=4096)
def code_before_entry(prompt: str, entry_point: str) -> str:
    """The prompt's own code before the function to complete: imports and helpers that the tests may lean on.

    Empty where the prompt is not the beginning of that function, or nothing stands before it.
    """
    for text in (prompt, f"{prompt.rstrip()}\n    pass\n"):
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry_point:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                return "".join(text.splitlines(keepends=True)[: first - 1])
    return ""
