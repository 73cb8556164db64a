"""How different exercises are from one another, and what they import (section 2.2 and Figure 3.1 of the paper).

Compression and spread depend on how many texts there are, so groups that are compared are measured on samples of equal
size.
"""

from __future__ import annotations

import ast
import json
import random
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.embedders.tfidf_svd import TfidfSvd
from hornbook.records import Exercise
from hornbook.run.artifact import Fact

MAX_SAMPLE = 1000
"""Exercises that compression and spread are measured on."""
MIN_SAMPLE = 2
EMBEDDING_SIZE = 64


@dataclass(frozen=True)
class Diversity:
    """Of a group of exercises."""

    num_exercises: int
    num_names: int
    """Distinct names of functions."""
    num_solutions: int
    """Distinct solutions, names and constants aside."""
    sample_size: int
    compression_ratio: float | None
    """Bytes of the sample's solutions packed by zlib over their bytes: higher is more diverse. None below 2."""
    embedding_spread: float | None
    """Mean cosine distance of the pairs of the sample, 0 to 2, prompt and solution embedded by tf-idf and SVD. None
    below 2."""
    imports: dict[str, int]
    """Exercises that import a module, by its name, most frequent first (Figure 3.1)."""

    def metrics(self, group: str) -> dict[str, Fact]:
        """For a manifest; imports as one text."""
        imports = "; ".join(f"{name} {count}" for name, count in self.imports.items())
        return {
            f"{group}_distinct_names": self.num_names,
            f"{group}_distinct_solutions": self.num_solutions,
            f"{group}_diversity_sample": self.sample_size,
            f"{group}_compression_ratio": self.compression_ratio,
            f"{group}_embedding_spread": self.embedding_spread,
            f"{group}_imports": imports,
        }


class Group:
    """Collects what is measured of exercises as they pass by; holds no more of them than a sample."""

    def __init__(self) -> None:
        self.num_exercises = 0
        self.names: set[str] = set()
        self.solutions: set[bytes] = set()
        self.imports: Counter[str] = Counter()
        self.sample: list[Exercise] = []
        self._draw = random.Random(0)

    def add(self, exercise: Exercise, solution: bytes) -> None:
        """Takes note of an exercise; `solution` is equal for solutions of the same structure."""
        self.names.add(exercise.name)
        self.solutions.add(solution)
        self.imports.update(imported_modules(exercise.prompt + exercise.solution))
        # Every exercise has the same chance to be in the sample (reservoir sampling, Vitter 1985, algorithm R).
        if len(self.sample) < MAX_SAMPLE:
            self.sample.append(exercise)
        elif (place := self._draw.randrange(self.num_exercises + 1)) < MAX_SAMPLE:
            self.sample[place] = exercise
        self.num_exercises += 1


def measure_diversity(groups: Mapping[str, Group]) -> dict[str, Diversity]:
    """The measures of each group that has an exercise, on samples of the same size, in one embedding for all."""
    groups = {name: group for name, group in groups.items() if group.num_exercises}
    size = min((len(group.sample) for group in groups.values()), default=0)
    samples = {name: group.sample[:size] for name, group in groups.items()}
    spreads = _spreads(samples) if size >= MIN_SAMPLE else dict.fromkeys(samples)
    return {
        name: Diversity(
            num_exercises=group.num_exercises,
            num_names=len(group.names),
            num_solutions=len(group.solutions),
            sample_size=size,
            compression_ratio=compression_ratio(samples[name]) if size >= MIN_SAMPLE else None,
            embedding_spread=spreads[name],
            imports=dict(sorted(group.imports.items(), key=lambda item: (-item[1], item[0]))),
        )
        for name, group in groups.items()
    }


def write_diversity(path: Path, measured: Mapping[str, Diversity]) -> None:
    """Writes the measures of each group as JSON."""
    path.write_text(
        json.dumps({name: asdict(one) for name, one in measured.items()}, indent=2) + "\n", encoding="utf-8"
    )


def imported_modules(source: str) -> set[str]:
    """Top-level names of the modules that a program imports."""
    if "import" not in source:
        return set()
    nodes = list(ast.walk(ast.parse(source)))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[0] for name in [*plain, *(n.module or "" for n in nodes if isinstance(n, ast.ImportFrom))]}


def compression_ratio(exercises: Sequence[Exercise]) -> float:
    """Bytes of the solutions, one after another, packed by zlib over their bytes."""
    text = "\n".join(exercise.solution for exercise in exercises).encode()
    return round(len(zlib.compress(text, 9)) / len(text), 4)


def mean_cosine_distance(rows: NDArray[np.float64]) -> float:
    """Of all pairs of rows, (rows, size); a row of zeros is at distance 1 from all."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / np.where(lengths > 0, lengths, 1.0)
    total = units.sum(axis=0)
    count = len(rows)
    products = (float(total @ total) - float((units * units).sum())) / (count * (count - 1))
    return round(1.0 - products, 4)


def _spreads(samples: Mapping[str, Sequence[Exercise]]) -> dict[str, float]:
    texts = {name: [exercise.prompt + exercise.solution for exercise in some] for name, some in samples.items()}
    everything = [text for some in texts.values() for text in some]
    embedder = TfidfSvd(min(EMBEDDING_SIZE, len(everything)), 0, 1)
    embedder.fit(everything)
    return {name: mean_cosine_distance(np.concatenate(list(embedder.embed(some)))) for name, some in texts.items()}
