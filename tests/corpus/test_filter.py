from pathlib import Path

import numpy as np
import pytest

from hornbook.corpus.filter import LOOK, NUM_SHOWN, PREDICTIONS, Prediction, choose, filter
from hornbook.errors import StageError
from hornbook.recipe import FilterConfig
from hornbook.records import Annotation, CodeFile, read_rows
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from .rows import annotations, code_files

CONFIG = FilterConfig(keep_share=0.4, embedding_size=4, num_trees=10, validation_share=0.25)


def teaching(number: int) -> str:
    head = f"def add_{number}(first, second):\n    for item in first:\n"
    return f"{head}        second += item * {number}\n    return second\n"


def table(number: int) -> str:
    return (
        f"SETTING_{number} = {{'key': {number}, 'other': [{number}, {number}]}}\nPATH_{number} = '/tmp/{number}'\n" * 2
    )


ROWS = [CodeFile(teaching(n), "good-1", f"{n:03}.py", "MIT") for n in range(100)]
ROWS += [CodeFile(table(n), "bad-1", f"{n:03}.py", "MIT") for n in range(100)]


def run(folder: Path, workers: int = 1, num_annotated: int = 80, config: FilterConfig = CONFIG) -> CodeFiles:
    folder.mkdir()
    rows = ROWS[: num_annotated // 2] + ROWS[100 : 100 + num_annotated // 2]
    scored = [
        Annotation(row.text, row.origin, row.path, 8.0 + index % 3 / 2 if row.origin == "good-1" else 1.0, "why")
        for index, row in enumerate(rows)
    ]
    (folder / "out").mkdir()
    return filter(
        files=code_files(folder / "files", ROWS),
        annotations=annotations(folder / "annotations", scored),
        config=config,
        seed=0,
        out=folder / "out",
        machine=Machine(workers=workers),
    )


def test_golden(tmp_path: Path) -> None:
    made = run(tmp_path / "run")
    kept = list(made.read())
    assert {row.origin for row in kept} == {"good-1"}
    chars = sum(len(row.text) for row in ROWS)
    assert 0.38 * chars < sum(len(row.text) for row in kept) <= 0.4 * chars
    assert made.facts.rows == {FILES: len(kept)}
    assert made.facts.drops == {"low_educational_value": 200 - len(kept)}
    metrics = made.facts.metrics
    assert (metrics["num_train"], metrics["num_validation"]) == (60, 20)
    assert metrics["roc_auc_above_median"] > 0.9
    assert metrics["r2"] > 0.9
    assert metrics["chars_kept"] == sum(len(row.text) for row in kept)


def test_predictions_say_who_trained_and_who_is_kept(tmp_path: Path) -> None:
    made = run(tmp_path / "run")
    predictions = list(read_rows(made.folder / PREDICTIONS, Prediction))
    assert [(p.origin, p.path, p.num_chars) for p in predictions] == [(r.origin, r.path, len(r.text)) for r in ROWS]
    assert [p.part for p in predictions].count("train") == 60
    assert [p.part for p in predictions].count("validation") == 20
    kept = [(p.origin, p.path) for p in predictions if p.is_kept]
    assert kept == [(row.origin, row.path) for row in made.read()]
    lowest_kept = min(p.educational_value for p in predictions if p.is_kept)
    assert all(p.educational_value <= lowest_kept for p in predictions if not p.is_kept)


def test_look_shows_the_best_and_worst_that_did_not_train(tmp_path: Path) -> None:
    made = run(tmp_path / "run")
    shown = sorted(path.name for path in (made.folder / LOOK).iterdir())
    assert shown == sorted(f"{label}-{n:02}.txt" for label in ("best", "worst") for n in range(1, NUM_SHOWN + 1))
    train = {(p.origin, p.path) for p in read_rows(made.folder / PREDICTIONS, Prediction) if p.part == "train"}
    for label, origin in (("best", "good-1"), ("worst", "bad-1")):
        text = (made.folder / LOOK / f"{label}-01.txt").read_text()
        head, body = text.split("-" * 80 + "\n")
        assert head.startswith(f"{origin} ")
        assert body in {row.text for row in ROWS if row.origin == origin and (row.origin, row.path) not in train}


def test_same_bytes_with_one_and_two_workers(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1"), run(tmp_path / "2", workers=2)
    for name in (FILES, PREDICTIONS):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert one.facts == two.facts


def test_fewer_files_than_dimensions(tmp_path: Path) -> None:
    made = run(tmp_path / "run", num_annotated=20, config=CONFIG.model_copy(update={"embedding_size": 64}))
    assert {row.origin for row in made.read()} == {"good-1"}


def test_too_few_annotations(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"10 annotated files are too few .* annotate\.sample_files"):
        run(tmp_path / "run", num_annotated=10)


@pytest.mark.parametrize(
    ("keep_share", "expected"),
    [(1.0, [1, 1, 1, 1]), (0.5, [0, 1, 1, 0]), (0.3, [0, 0, 1, 0]), (0.01, [0, 0, 1, 0]), (0.89, [0, 1, 1, 0])],
)
def test_choose(keep_share: float, expected: list[int]) -> None:
    values = np.array([1.0, 5.0, 5.0, 2.0])
    num_chars = np.array([10, 20, 30, 40])
    names = [("o", "a"), ("o", "c"), ("o", "b"), ("o", "d")]
    assert choose(values, num_chars, keep_share, names).astype(int).tolist() == expected
