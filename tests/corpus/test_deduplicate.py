import random
from pathlib import Path

import pytest

from hornbook.corpus.deduplicate import content_digest, deduplicate
from hornbook.recipe import DeduplicateConfig
from hornbook.records import CodeFile
from hornbook.run.datasets import FILES, CodeFiles

from .rows import code_files

ROWS = [
    CodeFile("x = 1\ny = 2\n", "b-1", "b.py", "MIT"),
    CodeFile("x = 1\ny = 2\n", "a-1", "z.py", "MIT"),
    CodeFile("\nx = 1  \ny = 2\t\n\n\n", "a-1", "a.py", "MIT"),
    CodeFile("x = 1\ny = 3\n", "c-1", "c.py", "MIT"),
    CodeFile("x = 1\r\ny = 3", "d-1", "d.py", "MIT"),
    CodeFile("  x = 1\n", "e-1", "e.py", "MIT"),
    CodeFile("x = 1\n", "f-1", "f.py", "MIT"),
]


def run(folder: Path, rows: list[CodeFile]) -> CodeFiles:
    files = code_files(folder, rows)
    (folder / "out").mkdir()
    return deduplicate(files=files, config=DeduplicateConfig(), out=folder / "out")


def test_golden(tmp_path: Path) -> None:
    made = run(tmp_path / "in", ROWS)
    assert list(made.read()) == [ROWS[2], ROWS[3], ROWS[5], ROWS[6]]
    assert made.facts.rows == {FILES: 4}
    assert made.facts.drops == {"duplicate": 3}
    assert made.facts.metrics == {"repeated_contents": 2, "largest_cluster_files": 3}


def test_order_does_not_matter(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert shuffled != ROWS
    expected = set(run(tmp_path / "in", ROWS).read())
    assert set(run(tmp_path / "shuffled", shuffled).read()) == expected


def test_idempotent(tmp_path: Path) -> None:
    once = run(tmp_path / "once", ROWS)
    twice = run(tmp_path / "twice", list(once.read()))
    assert list(twice.read()) == list(once.read())
    assert twice.facts.drops == {}


def test_same_row_twice_is_kept_once(tmp_path: Path) -> None:
    assert list(run(tmp_path / "in", [ROWS[0], ROWS[0]]).read()) == [ROWS[0]]


@pytest.mark.parametrize("other", ["a = 1\n\nb = 2", "a = 1\nb = 3", "A = 1\nb = 2", "\ta = 1\nb = 2"])
def test_digest_sees_what_matters(other: str) -> None:
    assert content_digest("a = 1\nb = 2") == content_digest("\n\na = 1 \r\nb = 2\t\n")
    assert content_digest("a = 1\nb = 2") != content_digest(other)
