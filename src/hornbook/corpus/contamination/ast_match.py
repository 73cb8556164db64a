"""AST match rate: how much of the syntax of two functions is the same (section 5.2 of the paper).

The paper takes the edit distance between the abstract syntax trees of two pieces of code and leaves open how a tree is
written down and what a rate is. Here:

- A function is written down as one character a node, each node before its children (`serialise`). Names, the values
  of constants, docstrings, comments, annotations and decorators are left out; operators and the kind of every
  statement and expression stay. An end mark closes a node that has a list of statements or of operands, and `else`,
  `finally`, defaults, starred arguments and the bounds of a slice have marks of their own, so that nesting counts.
- The distance of two functions is Levenshtein's: the fewest characters to insert, delete or replace, each at cost 1.
- The rate is 1 - distance / length of the longer one: 1.0 for the same syntax, whatever it is about.
- What is compared are functions: each one of a row, methods and inner functions too, with the function that a problem
  asks for. A row without a function is compared as a whole.
- Code that does not parse has no tree and matches nothing; whoever asks counts it (`functions_of` gives None).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from hornbook.corpus.contamination.syntax_tree import Function, functions_of
from hornbook.records import Problem
from hornbook.run.workers import in_workers

BLOCK_ROWS = 512
BLOCK_CHARS = 1 << 20
RUN_RATIO = 1.1
"""How much longer the longest of the trees that are compared in one go may be than the shortest."""
_SLACK = 1e-9
"""Against a rate such as 1 - 3 / 20 that falls short of 0.85 by rounding alone."""


@dataclass(frozen=True, slots=True)
class AstMatch:
    """A function of a row and a problem with at least the asked match rate."""

    problem: int
    """Where the problem stands in the sequence that was given."""
    rate: float
    """In [0, 1]."""
    function: Function


def match_rate(first: str, second: str) -> float:
    """The match rate of two trees that `serialise` wrote, in [0, 1]; symmetric."""
    return float(Levenshtein.normalized_similarity(first, second))


def best_matches(
    rows: Iterable[str], problems: Sequence[Problem], tau: float, workers: int = 1
) -> Iterator[AstMatch | None]:
    """For each source of `rows`, in order, its best match with any problem; None where none reaches `tau`.

    A tie goes to the problem that stands first. Memory does not grow with the number of rows.
    """
    for found in all_matches(rows, problems, tau, workers):
        yield found[0] if found else None


def all_matches(
    rows: Iterable[str], problems: Sequence[Problem], tau: float, workers: int = 1
) -> Iterator[list[AstMatch]]:
    """For each source of `rows`, in order, every problem that one of its functions matches at `tau` or above.

    Each problem once, with the function that matches it best; best rate first. A row that does not parse, and a
    problem without a solution that does, match nothing.
    """
    trees = [problem_tree(problem) for problem in problems]
    for _, matches in match_in_blocks(rows, trees, tau, workers):
        for found in matches:
            yield _best_by_problem(found or [])


def match_in_blocks(
    rows: Iterable[str], trees: Sequence[str | None], tau: float, workers: int
) -> Iterator[tuple[list[str], list[list[AstMatch] | None]]]:
    """Yields the rows in blocks, and for each row all pairs of its functions and the problems' trees at `tau`.

    None for a row that does not parse.
    """
    index = TreeIndex(trees, tau)
    waiting: deque[list[str]] = deque()

    def tasks() -> Iterator[tuple[TreeIndex, list[str]]]:
        for block in _blocks(rows):
            waiting.append(block)
            yield index, block

    for matches in in_workers(_match_block, tasks(), workers):
        yield waiting.popleft(), matches


def _blocks(rows: Iterable[str]) -> Iterator[list[str]]:
    """The rows in runs of at most BLOCK_ROWS rows and about BLOCK_CHARS characters: what a worker takes at once."""
    block: list[str] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if len(block) == BLOCK_ROWS or size >= BLOCK_CHARS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _match_block(index: TreeIndex, rows: list[str]) -> list[list[AstMatch] | None]:
    functions = [functions_of(row) for row in rows]
    found = iter(index.find([function.tree for row in functions for function in row or ()]))
    return [
        None
        if row is None
        else [AstMatch(problem, rate, function) for function in row for problem, rate in next(found)]
        for row in functions
    ]


def _best_by_problem(matches: list[AstMatch]) -> list[AstMatch]:
    best: dict[int, AstMatch] = {}
    for match in sorted(matches, key=lambda match: (-match.rate, match.problem)):
        best.setdefault(match.problem, match)
    return list(best.values())


class TreeIndex:
    """The trees of some problems, to be found again in many at a match rate of at least `tau`."""

    def __init__(self, trees: Sequence[str | None], tau: float) -> None:
        """A tree that is None or empty matches nothing. Raises ValueError unless 0 < tau <= 1."""
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, not {tau}")
        known = sorted((len(tree), number) for number, tree in enumerate(trees) if tree)
        self._tau = tau
        self._numbers = np.array([number for _, number in known], dtype=np.int64)
        self._lengths = np.array([length for length, _ in known], dtype=np.int64)
        self._trees = [str(trees[number]) for _, number in known]

    def find(self, trees: Sequence[str]) -> list[list[tuple[int, float]]]:
        """For each tree the problems at `tau` or above with their rates, in the order of the problems.

        Exact: what is not compared cannot reach `tau`. The distance of two trees is at least the difference of their
        lengths, so that a tree meets only the problems of about its length, and equal trees are compared once. A bound
        from how often each character occurs is exact too, but takes longer than the comparisons that it would save.
        """
        distinct = sorted(set(trees), key=lambda tree: (len(tree), tree))
        found: dict[str, list[tuple[int, float]]] = {}
        start = 0
        while start < len(distinct):
            shortest = len(distinct[start])
            stop = start
            while stop < len(distinct) and len(distinct[stop]) <= shortest * RUN_RATIO:
                stop += 1
            found.update(zip(distinct[start:stop], self._find_run(distinct[start:stop]), strict=True))
            start = stop
        return [found[tree] for tree in trees]

    def _find_run(self, trees: list[str]) -> list[list[tuple[int, float]]]:
        """As `find`, for trees of about one length, shortest first."""
        shortest, longest = len(trees[0]), len(trees[-1])
        first = int(np.searchsorted(self._lengths, shortest * self._tau - _SLACK, side="left"))
        last = int(np.searchsorted(self._lengths, longest / self._tau + _SLACK, side="right"))
        if first == last:
            return [[] for _ in trees]
        lengths = np.array([len(tree) for tree in trees], dtype=np.int64)
        longer = np.maximum(lengths[:, None], self._lengths[None, first:last])
        allowed = ((1 - self._tau) * longer + _SLACK).astype(np.int64)
        distances = process.cdist(
            trees,
            self._trees[first:last],
            scorer=Levenshtein.distance,
            score_cutoff=int(allowed.max()),
            dtype=np.int64,
        )
        found: list[list[tuple[int, float]]] = [[] for _ in trees]
        for row, column in np.argwhere(distances <= allowed).tolist():
            rate = 1 - int(distances[row, column]) / int(longer[row, column])
            found[row].append((int(self._numbers[first + column]), rate))
        return [sorted(matches) for matches in found]


def problem_tree(problem: Problem) -> str | None:
    """The tree of the function that a problem asks for; None where it has no solution, or one that does not parse."""
    function = problem_function(problem)
    return None if function is None else function[0].tree


def problem_function(problem: Problem) -> tuple[Function, str] | None:
    """The function that a problem asks for, and the source it stands in; None where it has no solution that parses.

    The source is the prompt with the solution, or the solution alone where the prompt is no Python (MBPP's examples).
    """
    if not problem.canonical_solution.strip():
        return None
    for source in (problem.prompt + problem.canonical_solution, problem.canonical_solution):
        for function in functions_of(source) or ():
            if function.name == problem.entry_point:
                return function, source
    return None
