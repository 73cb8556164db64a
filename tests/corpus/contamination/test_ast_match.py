import ast
import random
from collections.abc import Iterator
from itertools import islice

import pytest
from rapidfuzz.distance import Levenshtein

from hornbook.corpus.contamination.ast_match import (
    BLOCK_ROWS,
    TreeIndex,
    all_matches,
    best_matches,
    match_rate,
    problem_function,
    problem_tree,
)
from hornbook.corpus.contamination.syntax_tree import functions_of, serialise
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems


def rate(first: str, second: str) -> float:
    (one,), (other,) = functions_of(first) or (), functions_of(second) or ()
    assert match_rate(one.tree, other.tree) == match_rate(other.tree, one.tree)
    return match_rate(one.tree, other.tree)


COUNT_VOWELS = '''
def count_vowels(text):
    """Count the vowels of a text."""
    total = 0
    for character in text:
        if character in "aeiou":
            total += 1
    return total
'''
# The paper's appendix C shows such neighbours: another task in the same steps, or the same task with a step more.
NEIGHBOURS = {
    "renamed, reworded, annotated, commented": (
        '''
def how_many(word: str) -> int:
    """How often a, e, i, o and u occur in the word that is given."""
    found = 0  # so far
    for letter in word:
        if letter in 'aeiouAEIOU':
            found += 1
    return found
''',
        (1.0, 1.0),
    ),
    "another test": (
        "def f(xs):\n    n = 0\n    for x in xs:\n        if x > 3:\n            n += 1\n    return n\n",
        (0.9, 0.99),
    ),
    "a step more": (
        "def f(t):\n    n = 0\n    for c in t:\n        if c in 'aeiou':\n            n += 1\n    return n * 2\n",
        (0.85, 0.9),
    ),
    "another step before": (
        "def f(t):\n    n = 0\n    t = t.lower()\n    for c in t:\n        if c in 'aeiou':\n            n += 1\n"
        "    return n\n",
        (0.75, 0.8),
    ),
    "another way": ("def f(t):\n    return sum(1 for c in t if c in 'aeiou')\n", (0.3, 0.7)),
    "unrelated": (
        "def f(a, b):\n    while b:\n        a, b = b, a % b\n    return abs(a)\n",
        (0.2, 0.6),
    ),
    "nothing in common": ("class_ = lambda: None\n", (0.0, 0.25)),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_pinned_pairs(name: str) -> None:
    source, (lowest, highest) = NEIGHBOURS[name]
    assert lowest <= rate(COUNT_VOWELS, source) <= highest


def test_rate_is_one_minus_distance_by_the_longer() -> None:
    assert match_rate("abcd", "abxdefgh") == 1 - 5 / 8
    assert match_rate("abc", "") == 0
    assert rate("def f(a):\n    return a + 1\n", "def f(a):\n    return a - 1\n") == pytest.approx(1 - 1 / 9)


def random_trees(count: int, seed: int) -> list[str]:
    """Trees of lengths 1 to 60; every second one is another with a few changes."""
    draw = random.Random(seed)
    made: list[str] = []
    for number in range(count):
        if number % 2:
            tree = list(made[-1])
            for _ in range(draw.randint(0, 6)):
                tree[draw.randrange(len(tree))] = chr(draw.randint(32, 50))
            made.append("".join(tree)[: draw.randint(1, 60)] or "a")
        else:
            made.append("".join(chr(draw.randint(32, 50)) for _ in range(draw.randint(1, 60))))
    return made


@pytest.mark.parametrize("tau", [0.5, 0.8, 0.85, 0.9, 0.95, 1.0])
def test_found_is_what_the_double_loop_finds(tau: float) -> None:
    rows, problems = random_trees(300, seed=1), random_trees(60, seed=1) + random_trees(40, seed=2)
    expected = [
        [
            (number, 1 - distance / longer)
            for number, problem in enumerate(problems)
            if (distance := Levenshtein.distance(row, problem))
            <= (1 - tau) * (longer := max(len(row), len(problem))) + 1e-9
        ]
        for row in rows
    ]
    assert TreeIndex(problems, tau).find(rows) == expected
    assert 60 < sum(map(len, expected)) < 300 * 50


def test_a_rate_of_exactly_tau_is_found() -> None:
    for length, changes, tau in ((20, 3, 0.85), (20, 1, 0.95), (10, 1, 0.9), (5, 1, 0.8), (60, 9, 0.85)):
        assert TreeIndex(["a" * length], tau).find(["b" * changes + "a" * (length - changes)])[0] != []
        assert TreeIndex(["a" * length], tau).find(["b" * (changes + 1) + "a" * (length - changes - 1)]) == [[]]


@pytest.mark.parametrize("tau", [0.0, -0.1, 1.1])
def test_tau_out_of_range(tau: float) -> None:
    with pytest.raises(ValueError, match=r"tau must be above 0 and at most 1, not"):
        TreeIndex(["a"], tau)


def test_no_rows_no_problems_and_trees_that_are_none() -> None:
    assert TreeIndex([], 0.8).find(["a"]) == [[]]
    assert TreeIndex([None, "", "a"], 0.8).find(["a", "b"]) == [[(2, 1.0)], []]
    assert TreeIndex(["a"], 0.8).find([]) == []
    assert list(best_matches([], humaneval_problems(), 0.8)) == []


def test_best_match_of_each_row_in_order() -> None:
    problems = humaneval_problems()[:20]
    rows = [problem.prompt + problem.canonical_solution for problem in problems]
    rows[3:3] = ["def f(:", "", "x = 1"]
    found = list(best_matches(rows, problems, 0.95))
    assert [None if match is None else match.problem for match in found] == [0, 1, 2, None, None, None, *range(3, 20)]
    assert {match.rate for match in found if match} == {1.0}
    assert found[0] is not None
    assert found[0].function.name == problems[0].entry_point


def test_every_problem_that_any_function_of_a_row_matches() -> None:
    problems = humaneval_problems()
    two = problems[0].prompt + problems[0].canonical_solution + problems[31].prompt + problems[31].canonical_solution
    (found,) = all_matches([two], problems, 0.8)
    assert [(match.problem, match.function.name) for match in found[:2]] == [
        (0, "has_close_elements"),
        (31, "is_prime"),
    ]
    assert [match.rate for match in found] == sorted((match.rate for match in found), reverse=True)
    assert len({match.problem for match in found}) == len(found)


def test_workers_and_blocks_change_nothing() -> None:
    problems = humaneval_problems()[:5]
    rows = [problems[number % 5].prompt + problems[number % 5].canonical_solution for number in range(BLOCK_ROWS + 9)]
    alone, together = list(best_matches(rows, problems, 0.8)), list(best_matches(rows, problems, 0.8, workers=2))
    assert alone == together
    assert [match.problem for match in alone if match] == [number % 5 for number in range(BLOCK_ROWS + 9)]


def test_rows_are_read_as_they_are_asked_for() -> None:
    num_read = 0

    def rows() -> Iterator[str]:
        nonlocal num_read
        for _ in range(100 * BLOCK_ROWS):
            num_read += 1
            yield "x = 1"

    found = best_matches(rows(), humaneval_problems()[:1], 0.8)
    assert list(islice(found, 3)) == [None] * 3
    assert num_read <= 8 * BLOCK_ROWS


def test_function_of_a_problem() -> None:
    helper = "def help_out(x):\n    return x\n\n\n"
    asked = 'def asked(x):\n    """Says x."""\n'
    body = "    return help_out(x)\n"
    found = problem_function(Problem("P/0", helper + asked, "asked", body, ""))
    assert found is not None
    assert found[0].text(found[1]) == asked + body
    # MBPP's prompt is no Python, its solution is a whole program.
    whole = Problem("P/1", "You are an expert Python programmer [BEGIN]\n", "asked", helper + asked + body, "")
    assert problem_tree(whole) == found[0].tree
    for solution in ("", "    return (\n", "other = 1\n"):
        assert problem_tree(Problem("P/2", "no Python here\n", "asked", solution, "")) is None
    assert serialise(ast.parse(asked + body).body[0]) == found[0].tree
