"""Programs that are nearly right: completions of HumanEval's problems with one thing changed."""

import ast
import random
from collections.abc import Sequence

from hornbook.records import Problem

SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Mod: ast.FloorDiv,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(problem: Problem, count: int, seed: int) -> list[str]:
    """Completions that differ from the canonical one by one operator or constant, or by a cut of the text."""
    head = f"def {problem.entry_point}():\n"
    generator = random.Random(f"{seed} {problem.task_id}")
    found = []
    for _ in range(count):
        tree = ast.parse(head + problem.canonical_solution)
        spots: list[tuple[ast.AST, str, int | None]] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
                spots.append((node, "ops", 0))
            elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
                spots.append((node, "op", None))
            elif isinstance(node, ast.Constant) and isinstance(node.value, int):
                spots.append((node, "value", None))
        if not spots or generator.random() < 0.1:
            text = problem.canonical_solution
            found.append(text[: generator.randrange(1, len(text))])
            continue
        node, field, index = generator.choice(spots)
        if field == "value":
            node.value += generator.choice([-1, 1])  # type: ignore[attr-defined]
        elif index is None:
            node.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
        else:
            node.ops[index] = SWAPS[type(node.ops[index])]()  # type: ignore[attr-defined]
        body = ast.unparse(tree).split("\n", 1)[1]
        found.append(body + "\n")
    return found


def distinct_mutants(problems: Sequence[Problem], count: int, seed: int) -> list[tuple[Problem, str]]:
    """As many pairs of a problem and a mutant of its solution, all different, spread over the problems."""
    each = {
        problem.task_id: list(dict.fromkeys(mutants(problem, 4 * count // len(problems), seed))) for problem in problems
    }
    found = [
        (problem, each[problem.task_id][place])
        for place in range(max(map(len, each.values())))
        for problem in problems
        if place < len(each[problem.task_id])
    ]
    assert len(found) >= count
    return found[:count]
