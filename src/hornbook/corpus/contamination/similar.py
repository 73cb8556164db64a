"""Functions that are near a problem in meaning and alike in syntax: the paper's rule (section 5.2).

A function of a row matches a problem where the L2 distance between their normalised embeddings is at most
`max_distance` and their AST match rate (`hornbook.corpus.contamination.ast_match`) is at least tau. Syntax is compared
first, with every problem, because that is the cheaper half; only what passes it is embedded, which finds the same
pairs.

Embedded is the source of a function, docstring and names included. The embedder is fitted on the problems alone, so
that the verdict on a row depends on that row and the problems, not on the rows beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hornbook.corpus.contamination.ast_match import AstMatch, match_in_blocks, problem_function, problem_tree
from hornbook.corpus.contamination.python_source import parse
from hornbook.corpus.contamination.syntax_tree import Function
from hornbook.corpus.embedders import build_embedder
from hornbook.recipe import DecontaminateConfig
from hornbook.records import Problem

FIT_SEED = 0
"""Of the SVD: not the run's, so that runs with other seeds drop the same rows."""
ROWS_PER_PRODUCT = 4096

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Similar:
    """A problem that a row matches by the paper's rule."""

    problem: int
    """Where the problem stands in the sequence that was given."""
    rate: float
    """AST match rate, in [0, 1]."""
    distance: float
    """L2 between normalised embeddings, in [0, 2]."""
    function: Function
    """The function of the row that matches it."""


def find_similar(
    rows: Iterable[str],
    problems: Sequence[Problem],
    config: DecontaminateConfig,
    tau: float,
    *,
    workers: int = 1,
    device: str = "cpu",
    embedding: ProblemEmbedding | None = None,
) -> Iterator[list[Similar] | None]:
    """For each source of `rows`, in order, the problems that it matches at `tau`, nearest first; None: does not parse.

    Each problem once, with the function that is nearest to it. What is found at a higher tau is what has that rate.
    `embedding` saves making that of the problems again. Memory does not grow with the number of rows. Raises ValueError
    unless 0 < tau <= 1, and as `build_embedder` does.
    """
    trees = [problem_tree(problem) for problem in problems]
    embedding = embedding or ProblemEmbedding(problems, config, device)
    for block, matches in match_in_blocks(rows, trees, tau, workers):
        # A row's functions are embedded once each, however many problems they match.
        asked = list(dict.fromkeys((row, match.function) for row, found in enumerate(matches) for match in found or ()))
        texts = (function.text(block[row]) for row, function in asked)
        distances = dict(zip(asked, embedding.distances(texts), strict=True))
        for row, found in enumerate(matches):
            if found is None:
                yield None
            else:
                near = [(float(distances[row, match.function][match.problem]), match) for match in found]
                yield _nearest_by_problem([pair for pair in near if pair[0] <= config.max_distance])


def problem_text(problem: Problem) -> str:
    """What is embedded of a problem: its function, below the docstring of a module (MBPP's) where the prompt is one.

    Empty where it has no solution that parses.
    """
    found = problem_function(problem)
    if found is None:
        return ""
    function, source = found
    prompt = parse(problem.prompt)
    is_docstring = prompt is not None and ast.get_docstring(prompt) is not None and len(prompt.body) == 1
    return (problem.prompt if is_docstring else "") + function.text(source)


def _nearest_by_problem(near: list[tuple[float, AstMatch]]) -> list[Similar]:
    best: dict[int, Similar] = {}
    for distance, match in near:
        found = Similar(match.problem, match.rate, distance, match.function)
        other = best.setdefault(match.problem, found)
        if (found.distance, -found.rate) < (other.distance, -other.rate):
            best[match.problem] = found
    return sorted(best.values(), key=lambda one: (one.distance, -one.rate, one.problem))


class ProblemEmbedding:
    """The embeddings of some problems, and the distances of other texts from them."""

    def __init__(self, problems: Sequence[Problem], config: DecontaminateConfig, device: str) -> None:
        """Fits the embedder that `config` names on the problems. Raises as `build_embedder` does."""
        texts = [problem_text(problem) for problem in problems]
        self._embedder = build_embedder(config, seed=FIT_SEED, workers=1, device=device)
        # The SVD divides by a variance that one problem does not have, for a figure that is not used here.
        with np.errstate(divide="ignore", invalid="ignore"):
            self._problems_PD = normalise(self._embedder.fit(texts))

    def distances(self, texts: Iterable[str]) -> Iterator[Floats]:
        """Yields for each text its distance from every problem, (P,)."""
        for embedded in self._embedder.embed(texts):
            yield from distances(normalise(embedded), self._problems_PD)


def normalise(vectors_ND: NDArray[np.floating]) -> Floats:
    """The vectors at length 1, in float32; a vector of zeros stays one."""
    lengths_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    return np.asarray(vectors_ND / np.where(lengths_N1 == 0, 1, lengths_N1), dtype=np.float32)


def distances(rows_ND: Floats, problems_PD: Floats, rows_per_product: int = ROWS_PER_PRODUCT) -> Iterator[Floats]:
    """Yields for each row its L2 distance from every problem, (P,): exact up to float32, from blocked products.

    At most `rows_per_product` x P distances are held at once.
    """
    squares_P = np.einsum("pd,pd->p", problems_PD, problems_PD)
    for start in range(0, len(rows_ND), rows_per_product):
        block_BD = rows_ND[start : start + rows_per_product]
        squares_B1 = np.einsum("bd,bd->b", block_BD, block_BD)[:, None]
        # With one thread, rounding does not depend on the machine's cores.
        with threadpool_limits(1):
            products_BP = block_BD @ problems_PD.T
        # Rounding can push the square of a distance of zero below it.
        yield from np.sqrt(np.maximum(squares_B1 + squares_P - 2 * products_BP, 0))
