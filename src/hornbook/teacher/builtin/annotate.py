"""Educational value by a transparent rubric: how much a file teaches a student who wants to learn basic coding.

    criterion         points  what earns them
    self-contained       1.5  imports from the standard library only
    documented           2.0  docstrings on the module, its classes and functions, and some comments
    algorithmic          4.0  functions that compute a result from their arguments with loops or conditions
    readable length     1.25  functions of a screen, lines of 100 characters or less, a file that reads in one sitting
    not boilerplate     1.25  few lines of imports, data tables, attribute-only classes and argument parsers

A criterion earns a share between 0 and 1 of its points. Where a file has no function, every share but `documented`
is worth half and `algorithmic` nothing: there is little to learn from it.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Sequence

POINTS = {
    "self-contained": 1.5,
    "documented": 2.0,
    "algorithmic": 4.0,
    "readable length": 1.25,
    "not boilerplate": 1.25,
}
SCREEN_LINES = 40
LONG_LINE = 100
SITTING_LINES = 400
MAX_FUNCTIONS_READ = 60
"""Functions of one file that are looked at, the first ones; keeps huge generated files fast."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FLOW = (ast.For, ast.While, ast.If, ast.IfExp, ast.comprehension, ast.Match)
_LITERALS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Constant)
_PARSER_CALLS = {"add_argument", "add_parser", "add_option", "add_subparsers"}


class RubricTeacher:
    """Judges files by the rubric of this module: pure, deterministic, without running or importing anything."""

    def annotate(self, text: str) -> tuple[float, str]:
        """The educational value of a file's text, 0 to 10, and why: each criterion with its points and its finding.

        Never raises on odd input: what is not Python gets 0 with the reason.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            where = f" at line {line}" if line else ""
            return 0.0, f"not Python: {getattr(error, 'msg', None) or error}{where}"
        if not tree.body:
            return 0.0, "empty: no statements"
        try:
            shares = _judge(tree, text)
        except RecursionError:
            return 0.0, "not readable: nested too deeply"
        earned = {name: POINTS[name] * share for name, (share, _) in shares.items()}
        reasons = [f"{name} {earned[name]:.2f}/{POINTS[name]:g} ({why})" for name, (_, why) in shares.items()]
        return round(sum(earned.values()), 2), "; ".join(reasons)


def _judge(tree: ast.Module, text: str) -> dict[str, tuple[float, str]]:
    lines = text.splitlines()
    functions, classes = _definitions(tree)
    shares = {
        "self-contained": _self_contained(tree),
        "documented": _documented(tree, functions, classes, lines),
        "algorithmic": _algorithmic(functions[:MAX_FUNCTIONS_READ]),
        "readable length": _readable(functions, lines),
        "not boilerplate": _not_boilerplate(tree, functions[:MAX_FUNCTIONS_READ], len(lines), ".add_" in text),
    }
    if not functions:
        for name in ("self-contained", "readable length", "not boilerplate"):
            share, why = shares[name]
            shares[name] = (share / 2, f"{why}, but no function to learn from")
    return shares


def _definitions(tree: ast.Module) -> tuple[list[_Function], list[ast.ClassDef]]:
    """Functions and classes in order, nested functions left to the one that holds them."""
    functions: list[_Function] = []
    classes: list[ast.ClassDef] = []
    waiting: list[ast.stmt] = list(reversed(tree.body))
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, _Function):
            functions.append(statement)
        elif isinstance(statement, ast.ClassDef):
            classes.append(statement)
            waiting += reversed(statement.body)
        elif isinstance(statement, ast.If | ast.Try):
            waiting += reversed([*statement.body, *statement.orelse])
    return functions, classes


def _self_contained(tree: ast.Module) -> tuple[float, str]:
    outside: set[str] = set()
    for node in ast.walk(tree) if len(tree.body) < 20 else _top_level(tree):
        if isinstance(node, ast.Import):
            outside.update(name for alias in node.names if (name := alias.name.partition(".")[0]) not in _STDLIB)
        elif isinstance(node, ast.ImportFrom):
            name = (node.module or "").partition(".")[0]
            if node.level:
                outside.add("." * node.level + (node.module or ""))
            elif name not in _STDLIB:
                outside.add(name)
    if not outside:
        return 1.0, "only the standard library"
    named = ", ".join(sorted(outside)[:3]) + (", ..." if len(outside) > 3 else "")
    return max(0.0, 1 - len(outside) / 4), f"needs {named}"


_STDLIB = sys.stdlib_module_names


def _top_level(tree: ast.Module) -> Iterable[ast.AST]:
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from statement.body


def _documented(
    tree: ast.Module, functions: Sequence[_Function], classes: Sequence[ast.ClassDef], lines: Sequence[str]
) -> tuple[float, str]:
    nodes = [tree, *functions, *classes]
    with_docstring = sum(_has_docstring(node.body) for node in nodes)
    comments = sum(line.lstrip().startswith("#") for line in lines)
    share = 0.75 * with_docstring / len(nodes) + 0.25 * min(1.0, comments / max(1, len(lines)) / 0.08)
    return share, f"{with_docstring} of {len(nodes)} docstrings, {comments} comment lines"


def _has_docstring(body: Sequence[ast.stmt]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _algorithmic(functions: Sequence[_Function]) -> tuple[float, str]:
    if not functions:
        return 0.0, "no functions"
    values = [_algorithm_share(function) for function in functions]
    computing = sum(value == 1.0 for value in values)
    return sum(values) / len(values), f"{computing} of {len(values)} functions compute a result with control flow"


def _algorithm_share(function: _Function) -> float:
    spec = function.args
    names = {arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)} - {"self", "cls"}
    has_flow = returns = uses = False
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                uses = uses or node.id in names
            elif isinstance(node, _FLOW):
                has_flow = True
            elif isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
                returns = returns or node.value is not None
        if has_flow and returns and uses:
            return 1.0
    return 0.4 * (returns and uses) + 0.2 * (has_flow and uses)


def _readable(functions: Sequence[_Function], lines: Sequence[str]) -> tuple[float, str]:
    lengths = [(function.end_lineno or 0) - function.lineno + 1 for function in functions]
    short = sum(length <= SCREEN_LINES for length in lengths) / len(lengths) if lengths else 1.0
    narrow = sum(len(line) <= LONG_LINE for line in lines) / len(lines)
    whole = min(1.0, SITTING_LINES / len(lines))
    share = 0.4 * short + 0.2 * narrow**4 + 0.4 * whole
    longest = f", longest function {max(lengths)} lines" if lengths else ""
    return share, f"{len(lines)} lines{longest}"


def _not_boilerplate(
    tree: ast.Module, functions: Sequence[_Function], line_count: int, may_parse_arguments: bool
) -> tuple[float, str]:
    found = {"imports": 0, "data tables": 0, "attribute-only classes": 0, "argument parsers": 0}
    for statement in tree.body:
        size = (statement.end_lineno or 0) - statement.lineno + 1
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found["imports"] += size
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, _LITERALS):
            found["data tables"] += size
        elif isinstance(statement, ast.ClassDef) and all(
            isinstance(inner, ast.Assign | ast.AnnAssign | ast.Pass | ast.Expr) for inner in statement.body
        ):
            found["attribute-only classes"] += size
    for function in functions if may_parse_arguments else ():
        calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
        if sum(isinstance(call, ast.Attribute) and call.attr in _PARSER_CALLS for call in calls) >= 3:
            found["argument parsers"] += (function.end_lineno or 0) - function.lineno + 1
    share = max(0.0, 1 - 1.25 * sum(found.values()) / line_count)
    most = max(found, key=lambda kind: found[kind])
    return share, f"{found[most]} of {line_count} lines are {most}" if found[most] else "none of it"
