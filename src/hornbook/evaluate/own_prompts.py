"""A user's own prompts for a comparison, from JSON lines or a folder of Python files, with checks or without.

JSON lines: one object a line with `task_id` and `prompt`, and where wanted `title`, `entry_point` and `checks`, which
gives the source of each check by the name of its clause.

A folder: each `NAME.py` is a prompt. Where there is a `NAME_checks.py`, every function in it whose name begins with
`check_` is the check of one clause, named by the rest; whatever else is in the file is there for each of them.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.forms import FUNCTION, CompletionForm
from hornbook.evaluate.json_lines import JsonRow, check_python, read_json_lines
from hornbook.evaluate.tasks.task import LEVELS, RUNS, Check, Level, Task
from hornbook.recipe import did_you_mean

FIELDS = ("task_id", "prompt", "title", "entry_point", "checks")
SCRIPT = CompletionForm("script", continues_prompt=True, ends_with_function=False)
"""The rest of a program, as far as the model writes it."""
CHECKS_SUFFIX, CHECK_PREFIX = "_checks", "check_"
DEFINITION = re.compile(r"^(?:async +def|def|class) +(\w+)")
LARGE_LIBRARIES = {"torch": "torch", "numpy": "numpy", "matplotlib": "matplotlib.pyplot"}
"""What is loaded once for all checks of a prompt that mentions it."""


def load_own_prompts(path: Path) -> list[Task]:
    """The prompts of a file or a folder, in order, as tasks.

    Raises TaskError that names the file, the row and the field where one cannot be used.
    """
    if path.is_dir():
        tasks = list(_read_folder(path))
        if not tasks:
            raise TaskError(f"{path}: no prompt in it; each file NAME.py is one, with its checks in NAME_checks.py")
        return tasks
    if not path.exists():
        raise TaskError(f"{path}: no such file; give JSON lines or a folder of Python files")
    tasks = read_json_lines(path, _read_row, lambda task: task.task_id)
    if not tasks:
        raise TaskError(f"{path}: no prompt in it; each line holds one, an object with {', '.join(FIELDS[:2])}")
    return tasks


def _read_row(row: JsonRow) -> Task:
    for field in row.values:
        if field not in FIELDS:
            raise row.error(f"unknown field {field!r}{did_you_mean(field, FIELDS)} A prompt has {', '.join(FIELDS)}")
    task_id, prompt = row.text("task_id"), row.text("prompt")
    title = row.text("title") if "title" in row.values else task_id
    entry_point = row.text("entry_point") if "entry_point" in row.values else last_definition(prompt)
    if entry_point and not entry_point.isidentifier():
        raise row.error(f"field 'entry_point' must be the name of a function or a class, not {entry_point!r:.80}")
    _check_entry_point(row, prompt, entry_point)
    checks = row.values.get("checks", {})
    if not isinstance(checks, dict) or not all(isinstance(source, str) for source in checks.values()):
        raise row.error(f"field 'checks' must give the source of each check by its name, not {checks!r:.80}")
    for name, source in checks.items():
        field = f"checks.{name}"
        if not name.strip() or name in LEVELS.values():
            raise row.error(f"field {field!r}: a check cannot be named {name!r}; there is one in every comparison")
        check_python(row, field, source)
        _check_definition(row, field, source, entry_point)
    return _task(task_id, title, prompt, entry_point, checks)


def _check_entry_point(row: JsonRow, prompt: str, entry_point: str) -> None:
    """Raises TaskError where neither the prompt nor any completion of it can define what the checks are given."""
    last = last_definition(prompt)
    # Where the prompt ends in no definition, a completion may define what it likes.
    if last and entry_point not in _bound_names(prompt):
        raise row.error(
            f"field 'entry_point' is {entry_point!r}, but the prompt defines nothing of that name, and a completion "
            f"ends with the body of {last!r}: give {last!r}, or define {entry_point!r} in the prompt"
        )


def _bound_names(prompt: str) -> set[str]:
    """Names that a prompt which ends in a definition binds anywhere; of one that is broken off, what it defines."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(f"{prompt.rstrip()}\n    pass\n")
    except (SyntaxError, ValueError, RecursionError):
        return {found[1] for line in prompt.splitlines() if (found := DEFINITION.match(line))}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
    return names


def _check_definition(row: JsonRow, field: str, source: str, entry_point: str) -> None:
    defines = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in ast.parse(source).body)
    if entry_point and not defines:
        raise row.error(f"field {field!r} must define check(candidate); it gets {entry_point!r}")
    if not entry_point and defines:
        raise row.error(
            f"field {field!r} defines check(candidate), but the prompt ends in no function or class to call it with: "
            "give 'entry_point', or write statements that use the program's names"
        )


def _read_folder(folder: Path) -> Iterator[Task]:
    files = sorted(folder.glob("*.py"))
    prompts = [file for file in files if not file.stem.endswith(CHECKS_SUFFIX)]
    for file in files:
        if file not in prompts and file.with_name(f"{file.stem.removesuffix(CHECKS_SUFFIX)}.py") not in prompts:
            raise TaskError(f"{file}: checks without a prompt; {file.stem.removesuffix(CHECKS_SUFFIX)}.py is missing")
    for file in prompts:
        prompt = _read_text(file)
        if not prompt.strip():
            raise TaskError(f"{file}: is empty; it must hold the prompt")
        entry_point = last_definition(prompt)
        checks_file = file.with_name(f"{file.stem}{CHECKS_SUFFIX}.py")
        checks = _read_checks(checks_file, entry_point) if checks_file.exists() else {}
        yield _task(file.stem, file.stem.replace("_", " "), prompt, entry_point, checks)


def _read_checks(file: Path, entry_point: str) -> dict[str, str]:
    source = _read_text(file)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise TaskError(f"{file}: is not valid Python: {error}") from None
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = [name for name in names if name.startswith(CHECK_PREFIX) and name != CHECK_PREFIX]
    if not names:
        raise TaskError(f"{file}: no function whose name begins with {CHECK_PREFIX!r}; each is the check of one clause")
    if not entry_point:
        raise TaskError(f"{file}: its prompt ends in no function or class that the checks could be called with")
    clauses = {name: name.removeprefix(CHECK_PREFIX).replace("_", " ") for name in names}
    for name, clause in clauses.items():
        if clause in LEVELS.values():
            raise TaskError(f"{file}: a check cannot be named {name!r}; there is one in every comparison")
    return {clause: f"{source}\ncheck = {name}\n" for name, clause in clauses.items()}


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: cannot be read: {error}") from None


def last_definition(prompt: str) -> str:
    """The function or class whose body the prompt ends in; empty where it ends in none."""
    for line in reversed(prompt.rstrip().splitlines()):
        found = DEFINITION.match(line)
        if found:
            return found[1]
        if line and not line[0].isspace() and line[0] not in ")]}":
            return ""
    return ""


def _task(task_id: str, title: str, prompt: str, entry_point: str, checks: Mapping[str, str]) -> Task:
    runs = "def check(candidate):\n    pass\n" if entry_point else ""
    asked: list[tuple[str, Level, str]] = [
        (LEVELS["parses"], "parses", ""),
        (RUNS, "runs", runs),
        *((name, "clause", source) for name, source in checks.items()),
    ]
    if checks:
        asked.append((LEVELS["all_correct"], "all_correct", ""))
    text = "\n".join([prompt, *checks.values()])
    return Task(
        task_id=task_id,
        title=title,
        prompt=prompt,
        entry_point=entry_point,
        checks=tuple(Check(*one) for one in asked),
        imports=tuple(
            module for name, module in LARGE_LIBRARIES.items() if re.search(rf"\bimport {name}\b|\bfrom {name}\b", text)
        ),
        form=FUNCTION if last_definition(prompt) else SCRIPT,
    )
