"""Fifty problems of our own that are unlikely to stand in any code base or exercise book (section 4 of the paper).

Each `.toml` file beside this one holds problems in HumanEval's form, and with each at least five wrong solutions of
the kind that a model writes, so that the tests are known to tell them from the right one.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from hornbook.errors import TaskError
from hornbook.records import Problem

MIN_ASSERTS = 8
MIN_WRONG = 5
TEXTS = ("name", "prompt", "solution", "test")
OPTIONAL = ("shows",)


@dataclass(frozen=True)
class UnconventionalProblem:
    """A problem with what proves its tests."""

    problem: Problem
    wrong: tuple[str, ...]
    """Bodies that look right and are not, in the form of the canonical solution."""
    shows: str
    """What the problem asks of a model that memory cannot give; may be empty."""


def load_unconventional() -> list[Problem]:
    """The problems, in the order of the files' names and within a file in its own."""
    return [entry.problem for entry in load_entries()]


def load_entries(folder: Traversable | None = None) -> list[UnconventionalProblem]:
    """The problems with their wrong solutions, from the package or another folder.

    Raises TaskError naming file and problem where a field is missing, unknown or not valid Python, a name occurs
    twice, the tests have fewer than 8 asserts, or there are fewer than 5 wrong solutions.
    """
    entries: dict[str, UnconventionalProblem] = {}
    files = (folder or resources.files(__name__)).iterdir()
    for file in sorted((entry for entry in files if entry.name.endswith(".toml")), key=lambda entry: entry.name):
        for number, values in enumerate(_read(file), start=1):
            entry = _to_entry(values, f"{file.name}, problem {number}")
            name = entry.problem.entry_point
            if name in entries:
                raise TaskError(f"{file.name}, problem {number}: the name {name!r} was there before; each occurs once")
            entries[name] = entry
    return list(entries.values())


def _read(file: Traversable) -> list[Mapping[str, object]]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TaskError(f"{file.name}: cannot be read: {error}") from None
    problems = content.pop("problem", None)
    if content or not isinstance(problems, list) or not all(isinstance(values, dict) for values in problems):
        raise TaskError(f"{file.name}: holds [[problem]] tables and nothing else; found {sorted(content) or 'none'}")
    return problems


def _to_entry(values: Mapping[str, object], where: str) -> UnconventionalProblem:
    if isinstance(values.get("name"), str):
        where = f"{where} ({values['name']})"
    unknown = sorted(values.keys() - {*TEXTS, *OPTIONAL, "wrong"})
    if unknown:
        raise TaskError(f"{where}: unknown field {unknown[0]!r}; there are {', '.join((*TEXTS, 'wrong', *OPTIONAL))}")
    name, prompt, solution, test = (_text(values, field, where) for field in TEXTS)
    shows = _text(values, "shows", where) if "shows" in values else ""
    wrong = values.get("wrong")
    if not isinstance(wrong, list) or len(wrong) < MIN_WRONG or not all(isinstance(body, str) for body in wrong):
        found = f"{len(wrong)} entries" if isinstance(wrong, list) else repr(wrong)
        raise TaskError(f"{where}: field 'wrong' must hold at least {MIN_WRONG} texts, not {found}")
    for field, source in (("solution", prompt + solution), *((f"wrong[{i}]", prompt + b) for i, b in enumerate(wrong))):
        if name not in _functions(source, field, where):
            raise TaskError(f"{where}: prompt and {field!r} do not define the function {name!r}")
    if "check" not in _functions(test, "test", where):
        raise TaskError(f"{where}: field 'test' must define check(candidate)")
    num_asserts = sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(test)))
    if num_asserts < MIN_ASSERTS:
        raise TaskError(f"{where}: field 'test' has {num_asserts} asserts, at least {MIN_ASSERTS} are needed")
    problem = Problem(
        task_id=f"unconventional/{name}", prompt=prompt, entry_point=name, canonical_solution=solution, test=test
    )
    return UnconventionalProblem(problem, tuple(wrong), shows)


def _text(values: Mapping[str, object], field: str, where: str) -> str:
    if field not in values:
        raise TaskError(f"{where}: field {field!r} is missing; there are {', '.join(values) or 'none'}")
    value = values[field]
    if not isinstance(value, str) or not value.strip():
        raise TaskError(f"{where}: field {field!r} must be text, not {value!r:.80}")
    return value


def _functions(source: str, field: str, where: str) -> set[str]:
    try:
        tree = ast.parse(source)
        # Finds what parsing does not, such as a return outside of a function.
        compile(tree, f"<{field}>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise TaskError(f"{where}: field {field!r} is not valid Python: {error}") from None
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
