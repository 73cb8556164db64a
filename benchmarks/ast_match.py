"""AST match rate of many functions with HumanEval's problems: hornbook against the plain double loop, in one run.

The rows are functions of the code that is installed on this machine, of the size of an exercise, each once: real code,
as varied as it comes, instead of many copies of a few exercises. The plain loop asks rapidfuzz for the rate of every
row with every problem; it runs on the first `--plain` rows, in turns with hornbook on the same rows in one process.
Two ratios, because most of the time goes into parsing, which both do once a row: of the comparisons alone, from trees
that are there, and of the whole way from source to match.

    python benchmarks/ast_match.py                 # 50,000 rows, a few minutes
    python benchmarks/ast_match.py --rows 5000
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import resource
import statistics
import sysconfig
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from rapidfuzz.distance import Levenshtein

from hornbook.corpus.contamination.ast_match import BLOCK_ROWS, TreeIndex, best_matches, problem_tree
from hornbook.corpus.contamination.syntax_tree import functions_of
from hornbook.run.datasets import humaneval_problems

PROBLEMS = humaneval_problems()
PROBLEM_TREES = [problem_tree(problem) or "" for problem in PROBLEMS]
CHARS = range(120, 1500)
PAPER_ROWS = 880_000

Result = TypeVar("Result")


def installed_functions(count: int) -> Iterator[str]:
    """Functions of the standard library and the installed distributions, in the order of their files, each once."""
    paths = sysconfig.get_paths()
    seen: set[bytes] = set()
    for path in sorted(file for place in (paths["stdlib"], paths["purelib"]) for file in Path(place).rglob("*.py")):
        try:
            source = path.read_text(encoding="utf-8")
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(source)
        except (OSError, ValueError, SyntaxError):
            continue
        lines = source.splitlines(keepends=True)
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            text = textwrap.dedent("".join(lines[node.lineno - 1 : node.end_lineno]))
            digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
            # A string of several lines can keep a method from standing alone.
            if len(text) in CHARS and digest not in seen and functions_of(text):
                seen.add(digest)
                yield text
                if len(seen) == count:
                    return


def trees_of(rows: list[str]) -> list[str]:
    """The first tree of each row: its outermost function."""
    return [functions[0].tree for row in rows if (functions := functions_of(row))]


def ours(trees: list[str], tau: float) -> list[set[int]]:
    index = TreeIndex(PROBLEM_TREES, tau)
    blocks = (trees[start : start + BLOCK_ROWS] for start in range(0, len(trees), BLOCK_ROWS))
    return [{number for number, _ in found} for block in blocks for found in index.find(block)]


def plain(trees: list[str], tau: float) -> list[set[int]]:
    return [
        {n for n, problem in enumerate(PROBLEM_TREES) if Levenshtein.normalized_similarity(tree, problem) >= tau - 1e-9}
        for tree in trees
    ]


def timed(run: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--plain", type=int, default=2_000, help="rows that the plain loop is run on")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tau", type=float, default=0.8)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    rows = list(installed_functions(asked.rows))
    if not rows or not PROBLEMS:
        raise SystemExit("needs installed Python files, and HumanEval: pip install 'hornbook[humaneval]'")
    few = rows[:: max(1, len(rows) // asked.plain)][: asked.plain]
    compared, whole = [], []
    for _ in range(asked.turns):
        read_s, trees = timed(partial(trees_of, few))
        plain_s, expected = timed(partial(plain, trees, asked.tau))
        ours_s, found = timed(partial(ours, trees, asked.tau))
        if found != expected:
            raise SystemExit("the two sides do not find the same matches")
        compared.append(plain_s / ours_s)
        whole.append((read_s + plain_s) / (read_s + ours_s))
        print(
            f"{len(few):,} rows: parsing {read_s:.2f} s, plain {plain_s:.2f} s, hornbook {ours_s:.3f} s, same matches"
        )
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole_s, matches = timed(lambda: list(best_matches(rows, PROBLEMS, asked.tau, asked.workers)))
    after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    per_s = len(rows) / whole_s
    print(
        f"ratio to the plain double loop: {statistics.median(compared):.1f} of the comparisons, "
        f"{statistics.median(whole):.1f} with parsing"
    )
    print(
        f"{len(rows):,} rows x {len(PROBLEMS)} problems at {asked.tau:g}, {asked.workers} workers: {whole_s:.1f} s, "
        f"{per_s:,.0f} rows/s, {sum(match is not None for match in matches):,} matched; "
        f"{PAPER_ROWS:,} rows would take {PAPER_ROWS / per_s / 60:.1f} minutes (extrapolated)"
    )
    print(f"memory of this process: {before_mb:,.0f} MB before, {after_mb:,.0f} MB at its highest")


if __name__ == "__main__":
    main()
