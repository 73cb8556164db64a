"""What the built-in teacher can write, counted, and what it wrote, measured."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import prod

from hornbook.records import Exercise
from hornbook.teacher.builtin.composition import MAX_DEPTH, all_chains
from hornbook.teacher.builtin.operation import Operation


@dataclass(frozen=True)
class Capacity:
    """How many different exercises the grammar holds, before any is rejected as trivial."""

    operations: int
    compositions: int
    tasks: int
    """Compositions times the ways to fill their slots with literals, or with an argument where there are none."""
    exercises: int
    """Tasks times the imperative phrasings of their operations; sentence frames, names, layouts and code styles
    come on top and are not counted."""


@cache
def capacity(max_depth: int = MAX_DEPTH) -> Capacity:
    """Counts the distinct exercises analytically, by summing over every allowed composition."""
    names: set[str] = set()
    compositions = tasks = exercises = 0
    for chain in all_chains(max_depth):
        names.update(operation.name for operation in chain)
        bindings = prod(_ways_to_bind(operation) for operation in chain)
        compositions += 1
        tasks += bindings
        exercises += bindings * prod(len(operation.clauses) for operation in chain)
    return Capacity(len(names), compositions, tasks, exercises)


def _ways_to_bind(operation: Operation) -> int:
    # An argument is counted for slots without literals only: two operations cannot share one argument's name.
    return prod(max(1, len(slot.literals)) for slot in operation.slots)


@dataclass(frozen=True)
class ExerciseReport:
    """How varied a set of exercises is."""

    exercises: int
    distinct_prompts: int
    distinct_docstrings: int
    distinct_solutions: int
    """After normalisation: names, constants and docstrings left out."""
    operations: int
    compositions: int
    depths: dict[int, int]
    styles: dict[str, int]
    median_chars: int
    max_chars: int


def measure(exercises: Iterable[Exercise]) -> ExerciseReport:
    """Measures the variety of exercises; reads them once. Raises ValueError when there are none."""
    prompts: set[str] = set()
    docstrings: set[str] = set()
    solutions: set[str] = set()
    operations: set[str] = set()
    compositions: set[tuple[str, ...]] = set()
    depths: Counter[int] = Counter()
    styles: Counter[str] = Counter()
    chars: list[int] = []
    for exercise in exercises:
        function = ast.parse(exercise.prompt + exercise.solution).body[0]
        assert isinstance(function, ast.FunctionDef)
        prompts.add(exercise.prompt)
        docstrings.add(ast.get_docstring(function) or "")
        solutions.add(normalized(function))
        operations.update(exercise.operations)
        compositions.add(exercise.operations)
        depths[len(exercise.operations)] += 1
        styles[exercise.style] += 1
        chars.append(len(exercise.prompt) + len(exercise.solution))
    if not chars:
        raise ValueError("there are no exercises to measure")
    return ExerciseReport(
        len(chars), len(prompts), len(docstrings), len(solutions), len(operations), len(compositions),
        dict(sorted(depths.items())), dict(sorted(styles.items())), sorted(chars)[len(chars) // 2], max(chars),
    )  # fmt: skip


def normalized(function: ast.FunctionDef) -> str:
    """The function's structure: its AST with names, constants, annotations and the docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return "\n".join(_structure(statement) for statement in body)


def _structure(node: ast.AST) -> str:
    if isinstance(node, ast.Name | ast.Constant | ast.arg):
        return type(node).__name__
    parts = [type(node).__name__]
    if isinstance(node, ast.Attribute):  # a method's name is what the code does, not what the author called it
        parts.append(node.attr)
    parts += [_structure(child) for child in ast.iter_child_nodes(node)]
    return f"({' '.join(parts)})"
