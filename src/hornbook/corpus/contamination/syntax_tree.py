"""Syntax trees as text: each function of a source, written down as `hornbook.corpus.contamination.ast_match` says."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.contamination.python_source import parse

END = "\x01"
"""Closes a node with a list of statements or operands."""
_MARKS = {
    "orelse": "\x02",
    "finalbody": "\x03",
    "vararg": "\x04",
    "kwarg": "\x05",
    "defaults": "\x06",
    "kw_defaults": "\x07",
    "lower": "\x08",
    "upper": "\x09",
    "step": "\x0a",
    "optional_vars": "\x0b",
}
"""What stands before a field where it is there and not empty: without it, two different trees would read the same."""
_LEFT_OUT = {"ctx", "annotation", "returns", "decorator_list", "type_params", "type_comment", "kind", "conversion"}
_OPERANDS = {"args", "elts", "keys", "values", "generators", "patterns", "kwd_patterns", "handlers", "cases"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a row, or a whole row that has none."""

    name: str
    """Empty for a whole row."""
    tree: str
    """As `serialise` writes it."""
    first_line: int
    """Counted from 1."""
    last_line: int

    def text(self, source: str) -> str:
        """Its own source, without the indentation that it stands in."""
        # Not `splitlines`, which also ends lines where Python does not, as at a form feed.
        lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return textwrap.dedent("\n".join(lines[self.first_line - 1 : self.last_line])).rstrip("\n") + "\n"


def functions_of(source: str) -> list[Function] | None:
    """Every function of a source, outermost first; the whole where it has none. None where it does not parse."""
    module = parse(source)
    if module is None:
        return None
    nodes = [node for node in _statements(module) if isinstance(node, _FUNCTIONS)]
    found = [Function(node.name, serialise(node), node.lineno, node.end_lineno or node.lineno) for node in nodes]
    return found or [Function("", serialise(module), 1, source.count("\n") + 1)]


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Every statement and what holds statements, each before what it holds, in the order of the source."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("finalbody", "orelse", "cases", "handlers", "body"):
            held = getattr(node, field, None)
            if isinstance(held, list):
                waiting += reversed(held)


def serialise(node: ast.AST) -> str:
    """A tree as text, one character a node or mark, as the module's docstring says."""
    written: list[str] = []
    # A stack of its own, because a long chain of operators is deeper than Python's.
    waiting: list[ast.AST | str] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            written.append(one)
            continue
        plan = _PLANS[type(one)]
        written.append(plan.character)
        if plan.is_closed:
            waiting.append(END)
        for field, mark, is_block in plan.fields:
            child: Any = getattr(one, field)
            if isinstance(child, list):
                kept = [item for item in reversed(child) if isinstance(item, ast.AST)]
                waiting += [item for item in kept if not _is_docstring(item)] if is_block else kept
            elif isinstance(child, ast.AST):
                waiting.append(child)
            else:
                continue
            if mark and child:
                waiting.append(mark)
    return "".join(written)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a type of node is written down."""

    character: str
    is_closed: bool
    fields: tuple[tuple[str, str, bool], ...]
    """Name, mark before it, whether it holds statements; last first, as a stack takes them."""


def _plan(kind: type[ast.AST]) -> _Plan:
    alike: dict[type[ast.AST], type[ast.AST]] = {ast.AsyncFunctionDef: ast.FunctionDef, ast.AnnAssign: ast.Assign}
    fields = [field for field in kind._fields if field not in _LEFT_OUT]
    has_block = "body" in fields and kind not in (ast.Lambda, ast.IfExp, ast.Expression)
    has_operands = bool(_OPERANDS & set(fields)) and kind is not ast.arguments
    return _Plan(
        # Above the marks.
        chr(0x20 + _KINDS.index(alike.get(kind, kind))),
        has_block or has_operands,
        tuple((field, _MARKS.get(field, ""), field in ("body", "orelse", "finalbody")) for field in reversed(fields)),
    )


_KINDS = sorted(
    {kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)},
    key=lambda kind: kind.__name__,
)
_PLANS = {kind: _plan(kind) for kind in _KINDS}


def _is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a text that stands alone: a docstring, or a comment by other means."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
