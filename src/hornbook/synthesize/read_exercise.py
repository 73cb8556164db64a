"""A teacher's reply read into the draft of an exercise: strict about the code, tolerant about what stands around it."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

IMPORTABLE = frozenset(
    {
        "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "fractions", "functools", "heapq",
        "itertools", "math", "operator", "re", "statistics", "string", "typing",
    }
)  # fmt: skip
"""Modules of the standard library that compute and touch nothing outside."""
TYPING = frozenset({"Any", "Callable", "Dict", "Iterable", "Iterator", "List", "Optional", "Sequence", "Set", "Tuple",
                    "Union"})  # fmt: skip
"""Names of `typing` that are used without an import often enough to add it."""
SIDE_EFFECTS = frozenset({"print", "input", "open", "exec", "eval", "compile", "__import__", "exit", "quit"})
MAX_SOLUTION_LINES = 30
MAX_CHARS = 2000
FENCE = re.compile(r"^(`{3,})[^\n`]*\n(.*?)(?:^\1`*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE_LINE = re.compile(r"^\s*(?:>>>|(?:for )?examples?\b.*:|e\.g\.|usage:|doctests?:)", re.IGNORECASE)


@dataclass(frozen=True)
class Claim:
    """One assert of a reply: what a call with written-out arguments is said to return. Both are source."""

    arguments: str
    expected: str

    @property
    def value(self) -> object:
        """What the call is said to return."""
        return ast.literal_eval(self.expected)


@dataclass(frozen=True)
class ExerciseDraft:
    """What a reply says, before any of it has run."""

    name: str
    imports: str
    """Import statements, one a line; empty for none."""
    signature: str
    """The line or lines from `def` to the colon, with one newline."""
    docstring: str
    """Its words, without quotes, indentation and examples."""
    solution: str
    claims: tuple[Claim, ...]
    structure: bytes
    """Equal for solutions that differ in the names of their variables alone."""


class Unreadable(Exception):
    """A reply that is not what was asked for; its text is the reason under which it is counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail
        """What is wrong, for whoever wrote it; often empty."""


def read_exercise(text: str) -> ExerciseDraft:
    """The draft in a reply. Another name than the one that was asked for does no harm.

    Raises Unreadable with one of the reasons `no_code`, `syntax_error`, `several_functions`, `odd_signature`,
    `import_not_allowed`, `no_type_hints`, `no_docstring`, `odd_docstring`, `no_solution`, `odd_indentation`, `trivial`,
    `prints_or_reads`, `too_long`, `no_asserts`.
    """
    source = find_code(text)
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable("syntax_error") from None
    function = only_function(module)
    name = function.name
    if not function.returns or any(not argument.annotation for argument in parameters_of(function)):
        raise Unreadable("no_type_hints")
    docstring = _read_docstring(function)
    signature, solution = _split(source, function)
    if len(signature + docstring + solution) > MAX_CHARS:
        raise Unreadable("too_long")
    if _is_trivial(function.body[1:]):
        raise Unreadable("trivial")
    if names_in(function) & SIDE_EFFECTS:
        raise Unreadable("prints_or_reads")
    claims = _read_claims(module, name)
    if not claims:
        raise Unreadable("no_asserts")
    imports = read_imports(module, function)
    return ExerciseDraft(name, imports, signature, docstring, solution, claims, structure_of(function))


def find_code(text: str) -> str:
    """The fenced blocks of a reply, one after another, or all of it where it has no fence and is code itself.

    Raises Unreadable with the reason `no_code`.
    """
    blocks = [found[2] for found in FENCE.finditer(text)]
    if blocks:
        return "\n".join(blocks)
    if re.match(r"\s*(?:def|import|from|@)\b", text):
        return text
    raise Unreadable("no_code")


def structure_of(function: ast.FunctionDef) -> bytes:
    """A digest of what a function does: names that it chose, its docstring and annotations are left out."""
    renamed = _Renaming(function)
    has_docstring = ast.get_docstring(function) is not None
    statements = [renamed.visit(_copy(statement)) for statement in function.body[has_docstring:]]
    text = "\n".join(ast.dump(statement) for statement in statements)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def only_function(module: ast.Module) -> ast.FunctionDef:
    """The one function that stands in a module, without a class beside it.

    Raises Unreadable with one of the reasons `no_code`, `several_functions`, `odd_signature`.
    """
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise Unreadable("no_code")
    if len(functions) > 1 or any(isinstance(node, ast.ClassDef) for node in module.body):
        raise Unreadable("several_functions")
    if functions[0].decorator_list:
        raise Unreadable("odd_signature")
    return functions[0]


def parameters_of(function: ast.FunctionDef) -> list[ast.arg]:
    """All parameters, the starred ones at the end."""
    given = function.args
    starred = [argument for argument in (given.vararg, given.kwarg) if argument]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]


def _read_docstring(function: ast.FunctionDef) -> str:
    """The words of the docstring up to its first example: examples are written anew from what has been run."""
    lines = []
    for line in (ast.get_docstring(function) or "").splitlines():
        if EXAMPLE_LINE.match(line) or f"{function.name}(" in line:
            break
        lines.append(line.rstrip())
    docstring = "\n".join(lines).strip()
    if not docstring:
        raise Unreadable("no_docstring")
    if "\\" in docstring or '"""' in docstring or docstring.endswith('"'):
        raise Unreadable("odd_docstring")
    return docstring


def _split(source: str, function: ast.FunctionDef) -> tuple[str, str]:
    """(signature, solution) as they stand in the source, without the docstring between them."""
    lines = source.splitlines()
    docstring, end = function.body[0], function.end_lineno
    assert end is not None
    assert docstring.end_lineno is not None
    signature = "\n".join(line.rstrip() for line in lines[function.lineno - 1 : docstring.lineno - 1])
    if len(function.body) == 1:
        raise Unreadable("no_solution")
    if not signature.startswith("def "):
        raise Unreadable("odd_indentation")
    return f"{signature}\n", body_of(lines[docstring.end_lineno : end])


def body_of(lines: Sequence[str]) -> str:
    """Lines of a function's body as a solution. Raises Unreadable: `no_solution`, `odd_indentation`, `too_long`."""
    body = [line.rstrip() for line in lines]
    while body and not body[0]:
        del body[0]
    if not body:
        raise Unreadable("no_solution")
    if any(line and not line.startswith("    ") for line in body):
        raise Unreadable("odd_indentation")
    if len(body) > MAX_SOLUTION_LINES:
        raise Unreadable("too_long")
    return "\n".join(body) + "\n"


def _is_trivial(body: Sequence[ast.stmt]) -> bool:
    if len(body) > 1:
        return False
    only = body[0]
    if isinstance(only, ast.Return):
        return only.value is None or isinstance(only.value, ast.Name | ast.Constant)
    return isinstance(only, ast.Pass | ast.Expr | ast.Raise)


def names_in(node: ast.AST) -> set[str]:
    """Every name that is read or bound."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def read_imports(module: ast.Module, function: ast.FunctionDef) -> str:
    """The imports that the function uses, one a line; those of `typing` also where the teacher forgot them.

    Raises Unreadable with the reason `import_not_allowed`.
    """
    used, bound, lines = names_in(function), set(), []
    for node in ast.walk(module):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if any(name.split(".")[0] not in IMPORTABLE for name in modules):
            raise Unreadable("import_not_allowed")
        names = {alias.asname or alias.name.split(".")[0] for alias in node.names}
        bound |= names
        if node in module.body and names & used:
            kept = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in used]
            node.names = kept
            lines.append(ast.unparse(node))
    if forgotten := sorted((used & TYPING) - bound):
        lines.append(f"from typing import {', '.join(forgotten)}")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _read_claims(module: ast.Module, name: str) -> tuple[Claim, ...]:
    """The asserts that compare a call of the function with a value; others say nothing that can be checked here."""
    claims: dict[str, Claim] = {}
    for node in module.body:
        if isinstance(node, ast.Assert) and (claim := _read_claim(node.test, name)):
            claims.setdefault(claim.arguments, claim)
    return tuple(claims.values())


def _read_claim(test: ast.expr, name: str) -> Claim | None:
    expected: ast.expr = ast.Constant(True)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, expected = test.operand, ast.Constant(False)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        left, right = test.left, test.comparators[0]
        test, expected = (left, right) if isinstance(left, ast.Call) else (right, left)
    if not (isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == name):
        return None
    values = [*test.args, *(keyword.value for keyword in test.keywords), expected]
    if any(keyword.arg is None for keyword in test.keywords) or not all(map(_is_literal, values)):
        return None
    call = ast.unparse(test)
    return Claim(call[len(name) + 1 : -1], ast.unparse(expected))


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _copy(statement: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(statement)).body[0]


class _Renaming(ast.NodeTransformer):
    """Calls variables by the order in which they come; names that are not bound here (builtins) stay."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self._own = {argument.arg for argument in parameters_of(function)} | {function.name}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._own.add(node.id)
            elif isinstance(node, ast.arg):
                self._own.add(node.arg)
            elif isinstance(node, ast.FunctionDef):
                self._own.add(node.name)
        self._numbers = {argument.arg: number for number, argument in enumerate(parameters_of(function))}

    def _new_name(self, name: str) -> str:
        return f"v{self._numbers.setdefault(name, len(self._numbers))}" if name in self._own else name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._new_name(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._new_name(node.arg))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns = self._new_name(node.name), None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.generic_visit(ast.Assign([node.target], node.value))
