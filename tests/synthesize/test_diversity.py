"""Diversity measures against values worked out by hand or by brute force."""

import json
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from hornbook.records import Exercise
from hornbook.synthesize import diversity as module
from hornbook.synthesize.diversity import (
    Group,
    compression_ratio,
    imported_modules,
    mean_cosine_distance,
    measure_diversity,
    write_diversity,
)
from hornbook.synthesize.write_exercises import solution_digest


def exercise(name: str, solution: str, imports: str = "") -> Exercise:
    prompt = f'{imports}def {name}(values: list[int]) -> int:\n    """Return a number."""\n'
    return Exercise(name, name, prompt, f"    return {solution}\n", "", (), "")


def group(*exercises: Exercise) -> Group:
    collected = Group()
    for one in exercises:
        collected.add(one, solution_digest(one))
    return collected


SAME = [exercise(f"add_{index}", "sum(values)") for index in range(6)]
DIFFERENT = [
    exercise("count", "len(values)"),
    exercise("count", "math.gcd(*values)", "import math\n\n\n"),
    exercise("median", "sorted(values)[len(values) // 2]"),
    exercise("spread", "max(values) - min(values)", "from math import inf\nfrom typing import Any\n\n\n"),
]


def test_counts_names_solutions_and_imports() -> None:
    measured = measure_diversity({"same": group(*SAME), "different": group(*DIFFERENT), "none": group()})
    assert list(measured) == ["same", "different"]
    same, different = measured["same"], measured["different"]
    assert (same.num_exercises, same.num_names, same.num_solutions) == (6, 6, 1)
    assert (different.num_exercises, different.num_names, different.num_solutions) == (4, 3, 4)
    assert different.imports == {"math": 2, "typing": 1}
    assert list(different.imports) == ["math", "typing"]
    assert same.imports == {}


def test_groups_are_compared_on_samples_of_one_size() -> None:
    measured = measure_diversity({"same": group(*SAME), "different": group(*DIFFERENT)})
    assert measured["same"].sample_size == measured["different"].sample_size == 4
    for measure in ("compression_ratio", "embedding_spread"):
        assert getattr(measured["same"], measure) < getattr(measured["different"], measure)
    text = "\n".join(["    return sum(values)\n"] * 4).encode()
    assert measured["same"].compression_ratio == pytest.approx(len(zlib.compress(text, 9)) / len(text), abs=1e-4)
    assert compression_ratio(SAME[:4]) == measured["same"].compression_ratio


def test_one_exercise_has_no_spread() -> None:
    measured = measure_diversity({"one": group(DIFFERENT[0])})["one"]
    assert measured.embedding_spread is measured.compression_ratio is None
    assert measured.num_solutions == 1


def test_mean_cosine_distance_is_that_of_all_pairs() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 5))
    rows[3] = 0.0

    def distance(left: np.ndarray, right: np.ndarray) -> float:
        lengths = np.linalg.norm(left) * np.linalg.norm(right)
        return 1.0 - float(left @ right) / lengths if lengths else 1.0

    expected = np.mean([distance(left, right) for left, right in combinations(rows, 2)])
    assert mean_cosine_distance(rows) == pytest.approx(expected, abs=1e-4)
    assert mean_cosine_distance(np.ones((3, 2))) == 0.0
    assert mean_cosine_distance(np.eye(3)) == 1.0


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import os.path, math\nfrom a.b import c\n", {"os", "math", "a"}),
        ("def f():\n    import re\n    return re\n", {"re"}),
        ("def f():\n    return 'import os'\n", set()),
        ("x = 1\n", set()),
    ],
)
def test_imported_modules(source: str, modules: set[str]) -> None:
    assert imported_modules(source) == modules


def test_every_exercise_may_be_in_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLE", 10)
    collected = group(*[exercise(f"f_{index}", f"{index}") for index in range(200)])
    places = [int(one.name[2:]) for one in collected.sample]
    assert len(set(places)) == 10
    assert max(places) > 120
    assert collected.num_exercises == 200


def test_what_is_written_is_what_was_measured(tmp_path: Path) -> None:
    measured = measure_diversity({"writer": group(*DIFFERENT)})
    write_diversity(tmp_path / "d.json", measured)
    written = json.loads((tmp_path / "d.json").read_text())
    assert written["writer"]["imports"] == {"math": 2, "typing": 1}
    metrics = measured["writer"].metrics("writer")
    assert metrics["writer_imports"] == "math 2; typing 1"
    assert metrics["writer_embedding_spread"] == written["writer"]["embedding_spread"] > 0.3
