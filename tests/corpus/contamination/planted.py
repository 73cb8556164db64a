"""Copies of a problem as they could hide in training data, by kind."""

import ast
import re
import textwrap
from collections.abc import Callable

from hornbook.records import Problem

SYNONYMS = {
    "return": "give back",
    "returns": "gives back",
    "given": "supplied",
    "list": "sequence",
    "string": "text",
    "strings": "texts",
    "number": "value",
    "numbers": "values",
    "integer": "whole value",
    "integers": "whole values",
    "check": "test",
    "if": "when",
    "function": "routine",
    "find": "look for",
    "input": "what is passed",
    "all": "every one of the",
    "you": "we",
    "the": "this",
}

FILLER = [
    f'''def load_part_{number}(path, retries={number}):
    """Reads one part of the archive from disk."""
    for attempt in range(retries):
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            last = error
    raise last


'''
    for number in range(40)
]


def verbatim(problem: Problem) -> str:
    return problem.prompt + problem.canonical_solution


def renamed(problem: Problem) -> str:
    """Other names for the function, its parameters and its variables; the docstring stays, the layout does not."""
    tree = ast.parse(verbatim(problem))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    other = {name: f"value_{number}" for number, name in enumerate(sorted(names))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = other.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = other[node.arg]
        elif isinstance(node, ast.FunctionDef):
            node.name = other[node.name]
    return ast.unparse(tree)


def reworded(problem: Problem) -> str:
    """The docstring says the same in other words and gives no example; the code stays."""
    tree = ast.parse(verbatim(problem))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (docstring := ast.get_docstring(node)):
            words = re.findall(r"\w+", docstring.split(">>>")[0].lower())
            node.body[0] = ast.Expr(ast.Constant(" ".join(SYNONYMS.get(word, word) for word in words[:40])))
    return ast.unparse(tree)


def renamed_and_reworded(problem: Problem) -> str:
    source = reworded(problem)
    return renamed(Problem(problem.task_id, source, problem.entry_point, "", problem.test))


def reordered(problem: Problem) -> str:
    """Two statements of the function that stand beside each other have changed places; empty where there are none."""
    tree = ast.parse(verbatim(problem))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == problem.entry_point)
    first = 1 if ast.get_docstring(function) is not None else 0
    if len(function.body) - first < 3:
        return ""
    body = function.body
    body[first], body[first + 1] = body[first + 1], body[first]
    return ast.unparse(tree)


def in_a_class(problem: Problem) -> str:
    """The functions of the problem are methods, with `self`."""
    tree = ast.parse(verbatim(problem))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        function.args.args.insert(0, ast.arg("self"))
    others = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    body = "\n\n".join(ast.unparse(function) for function in functions)
    head = "\n".join(ast.unparse(node) for node in others)
    return f"{head}\n\n\nclass Solver:\n{textwrap.indent(body, '    ')}\n"


def in_a_file(problem: Problem) -> str:
    """In the middle of forty other functions."""
    return "".join(FILLER[:20]) + renamed(problem) + "\n\n\n" + "".join(FILLER[20:])


KINDS: dict[str, Callable[[Problem], str]] = {
    "verbatim": verbatim,
    "renamed": renamed,
    "reworded": reworded,
    "renamed_and_reworded": renamed_and_reworded,
    "reordered": reordered,
    "in_a_class": in_a_class,
    "in_a_file": in_a_file,
}


def plant(problems: tuple[Problem, ...], kind: str) -> dict[str, str]:
    """The copies of one kind by the problem's task id, of the problems that it changes."""
    made = {problem.task_id: KINDS[kind](problem) for problem in problems}
    return {task_id: source for task_id, source in made.items() if source}
