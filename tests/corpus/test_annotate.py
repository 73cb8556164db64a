from collections.abc import Sequence
from pathlib import Path

import pytest

from hornbook.corpus.annotate import annotate, sample_names
from hornbook.recipe import AnnotateConfig, AnnotatorConfig, TeacherConfig
from hornbook.records import CodeFile
from hornbook.run.datasets import ANNOTATIONS, Annotations
from hornbook.run.machine import Machine
from hornbook.teacher.builtin import RubricTeacher

from .rows import code_files

TEACHING = '''"""Sums."""


def total(numbers):
    """Add the numbers up."""
    result = 0
    for number in numbers:
        result += number
    return result
'''
TABLE = "VALUES = [\n" + "    1,\n" * 50 + "]\n"
ROWS = [CodeFile(TEACHING.replace("total", f"total_{n}"), f"o-{n % 4}", f"{n}.py", "MIT") for n in range(40)]
ROWS += [CodeFile(TABLE + f"# {n}\n", "tables-1", f"{n}.py", "MIT") for n in range(40)]


def run(
    folder: Path, sample_files: int, workers: int = 1, seed: int = 0, rows: Sequence[CodeFile] = ROWS
) -> Annotations:
    files = code_files(folder, rows)
    (folder / "out").mkdir()
    return annotate(
        files=files,
        config=AnnotateConfig(sample_files=sample_files),
        teacher=TeacherConfig(),
        annotator=AnnotatorConfig(),
        prompts="",
        seed=seed,
        out=folder / "out",
        machine=Machine(workers=workers),
    )


def test_golden(tmp_path: Path) -> None:
    made = run(tmp_path / "in", sample_files=1000)
    rows = list(made.read())
    assert [(row.origin, row.path) for row in rows] == sorted((row.origin, row.path) for row in ROWS)
    assert made.facts.rows == {ANNOTATIONS: 80}
    texts = {(row.origin, row.path): row.text for row in ROWS}
    for row in rows:
        assert row.text == texts[row.origin, row.path]
        assert (row.educational_value, row.reason) == RubricTeacher().annotate(row.text)
        assert (row.license, row.annotator, row.num_windows, row.share_read) == ("MIT", "builtin", 1, 1.0)
        assert row.window_values == (row.educational_value,)
    teaching = [row.educational_value for row in rows if row.origin != "tables-1"]
    tables = [row.educational_value for row in rows if row.origin == "tables-1"]
    assert min(teaching) > 5 > max(tables)
    assert made.facts.metrics["share_at_least_5"] == 0.5
    assert made.facts.metrics["mean_educational_value"] == pytest.approx((sum(teaching) + sum(tables)) / 80, abs=1e-3)


def test_same_bytes_with_one_and_two_workers(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1", 70), run(tmp_path / "2", 70, workers=2)
    assert (one.folder / ANNOTATIONS).read_bytes() == (two.folder / ANNOTATIONS).read_bytes()
    assert one.facts == two.facts


def test_sample_is_spread_over_origins_and_lengths() -> None:
    files = [(origin, length, f"{length}.py") for origin, count in (("a", 100), ("b", 300)) for length in range(count)]
    for seed in range(5):
        chosen = sample_names(files, 40, seed)
        assert len(chosen) == 40
        lengths = {name: sorted(int(path[:-3]) for origin, path in chosen if origin == name) for name in "ab"}
        assert len(lengths["a"]) == 10
        # In each tenth of the lengths of an origin there is a tenth of its sample.
        assert [length // 10 for length in lengths["a"]] == list(range(10))
        assert [length // 10 for length in lengths["b"]] == list(range(30))


def test_sample_follows_the_seed_and_not_the_order() -> None:
    files = [("a", number * 7 % 50, f"{number}.py") for number in range(50)]
    assert sample_names(files, 5, 0) == sample_names(files[::-1], 5, 0)
    assert len({frozenset(sample_names(files, 5, seed)) for seed in range(10)}) > 3


def test_code_under_other_licences_is_not_annotated(tmp_path: Path) -> None:
    names = ["MIT", "BSD License", "GPL-3.0-only", "MIT OR GPL-2.0-only", "MIT License AND GNU General", ""]
    rows = [CodeFile(f"{TEACHING}# {name}\n", "o-1", f"{n}.py", name) for n, name in enumerate(names)]
    made = run(tmp_path / "in", sample_files=100, rows=rows)
    assert [row.license for row in made.read()] == ["MIT", "BSD License", "MIT OR GPL-2.0-only"]


def test_a_sample_larger_than_the_corpus_is_the_corpus() -> None:
    assert sample_names([("a", 1, "x"), ("a", 2, "y")], 3, 0) == {("a", "x"), ("a", "y")}
