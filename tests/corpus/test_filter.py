import shutil
from pathlib import Path

import numpy as np
import pytest

from hornbook.corpus.filter import LOOK, NUM_SHOWN, PREDICTIONS, Prediction, choose, fewer_than_asked, filter
from hornbook.corpus.quality import QUALITY, read_quality
from hornbook.errors import RecipeError, StageError
from hornbook.recipe import FilterConfig, load_recipe
from hornbook.records import CodeFile, read_rows
from hornbook.run.artifact import RESUME
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from .rows import annotation, annotations, code_files

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


ONE_WORKER = Machine(workers=1)


def run(
    folder: Path, num_annotated: int = 80, config: FilterConfig = CONFIG, machine: Machine = ONE_WORKER
) -> CodeFiles:
    folder.mkdir()
    (folder / "out").mkdir()
    code_files(folder / "files", ROWS)
    return apply(folder, num_annotated, config, machine)


def apply(folder: Path, num_annotated: int, config: FilterConfig, machine: Machine) -> CodeFiles:
    rows = ROWS[: num_annotated // 2] + ROWS[100 : 100 + num_annotated // 2]
    scored = [annotation(row, 8.0 + index % 3 / 2 if row.origin == "good-1" else 1.0) for index, row in enumerate(rows)]
    shutil.rmtree(folder / "annotations", ignore_errors=True)
    return filter(
        files=CodeFiles(folder / "files"),
        annotations=annotations(folder / "annotations", scored),
        config=config,
        embedder="",
        seed=0,
        out=folder / "out",
        machine=machine,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CodeFiles:
    """What most tests look at, made once."""
    return run(tmp_path_factory.mktemp("filter") / "run")


def test_golden(made: CodeFiles) -> None:
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


def test_predictions_say_who_trained_and_who_is_kept(made: CodeFiles) -> None:
    predictions = list(read_rows(made.folder / PREDICTIONS, Prediction))
    assert [(p.origin, p.path, p.num_chars) for p in predictions] == [(r.origin, r.path, len(r.text)) for r in ROWS]
    assert [p.part for p in predictions].count("train") == 60
    assert [p.part for p in predictions].count("validation") == 20
    kept = [(p.origin, p.path) for p in predictions if p.is_kept]
    assert kept == [(row.origin, row.path) for row in made.read()]
    lowest_kept = min(p.educational_value for p in predictions if p.is_kept)
    assert all(p.educational_value <= lowest_kept for p in predictions if not p.is_kept)


def test_look_shows_the_best_and_worst_that_did_not_train(made: CodeFiles) -> None:
    shown = sorted(path.name for path in (made.folder / LOOK).iterdir())
    assert shown == sorted(f"{label}-{n:02}.txt" for label in ("best", "worst") for n in range(1, NUM_SHOWN + 1))
    train = {(p.origin, p.path) for p in read_rows(made.folder / PREDICTIONS, Prediction) if p.part == "train"}
    for label, origin in (("best", "good-1"), ("worst", "bad-1")):
        text = (made.folder / LOOK / f"{label}-01.txt").read_text()
        head, body = text.split("-" * 80 + "\n")
        assert head.startswith(f"{origin} ")
        assert body in {row.text for row in ROWS if row.origin == origin and (row.origin, row.path) not in train}


def test_same_bytes_with_one_and_two_workers(made: CodeFiles, tmp_path: Path) -> None:
    one, two = made, run(tmp_path / "2", machine=Machine(workers=2))
    for name in (PREDICTIONS, QUALITY):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert [shard.read_bytes() for shard in one.shards()] == [shard.read_bytes() for shard in two.shards()] != []
    assert one.facts == two.facts


def texts_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.texts*"))


@pytest.mark.usefixtures("in_this_process")
def test_what_was_predicted_before_a_kill_is_kept_and_texts_are_laid_down_again(
    made: CodeFiles, tmp_path: Path
) -> None:
    killed = run(tmp_path / "run")
    resumed = killed.folder / RESUME
    parts = {path: path.stat().st_ino for path in resumed.rglob("block-*.parquet")}
    assert texts_in(killed.folder) == []
    for path in killed.folder.iterdir():
        if path != resumed:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (stale,) = [folder / "block-000000.texts" for folder in resumed.rglob("texts")]
    stale.write_text("not synced")
    again = apply(tmp_path / "run", 80, CONFIG, ONE_WORKER)
    assert {path: path.stat().st_ino for path in resumed.rglob("block-*.parquet")} == parts != {}
    assert [shard.read_bytes() for shard in again.shards()] == [shard.read_bytes() for shard in made.shards()]
    assert texts_in(again.folder) == []


@pytest.mark.usefixtures("in_this_process")
def test_no_texts_stay_where_it_fails(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"keep_share": 0.0, "min_educational_value": 10.0})
    with pytest.raises(StageError, match="Lower it"):
        run(tmp_path / "run", config=config)
    assert list((tmp_path / "run" / "out").rglob("block-*.parquet"))
    assert texts_in(tmp_path) == []


@pytest.mark.usefixtures("in_this_process")
def test_fewer_files_than_dimensions(tmp_path: Path) -> None:
    made = run(tmp_path / "run", num_annotated=20, config=CONFIG.model_copy(update={"embedding_size": 64}))
    assert {row.origin for row in made.read()} == {"good-1"}


def test_too_few_annotations(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"10 annotated files are too few .* annotate\.sample_files"):
        run(tmp_path / "run", num_annotated=10)


VALUES = np.array([1.0, 5.0, 5.0, 2.0])
NUM_CHARS = np.array([10, 20, 30, 40])
PLACES = np.array([0, 2, 1, 3])


def chosen(**threshold: float) -> list[int]:
    config = FilterConfig.model_validate({"keep_share": 0, **threshold})
    return choose(VALUES, NUM_CHARS, config, PLACES).astype(int).tolist()


@pytest.mark.parametrize(
    ("keep_share", "expected"),
    [(1.0, [1, 1, 1, 1]), (0.5, [0, 1, 1, 0]), (0.3, [0, 0, 1, 0]), (0.01, [0, 0, 1, 0]), (0.89, [0, 1, 1, 0])],
)
def test_choose_a_share_of_the_characters(keep_share: float, expected: list[int]) -> None:
    assert chosen(keep_share=keep_share) == expected


@pytest.mark.parametrize(("value", "expected"), [(5.0, [0, 1, 1, 0]), (2.0, [0, 1, 1, 1]), (0.5, [1, 1, 1, 1])])
def test_choose_by_score(value: float, expected: list[int]) -> None:
    assert chosen(min_educational_value=value) == expected


def test_a_score_that_nothing_reaches() -> None:
    with pytest.raises(StageError, match=r"filter\.min_educational_value 5\.5, the best has 5\.00\. Lower it"):
        chosen(min_educational_value=5.5)


@pytest.mark.parametrize(
    ("keep_tokens", "expected"), [(1, [0, 0, 1, 0]), (25, [0, 1, 1, 0]), (44, [0, 1, 1, 0]), (45, [0, 1, 1, 1])]
)
def test_choose_a_number_of_tokens(keep_tokens: int, expected: list[int]) -> None:
    # 45 tokens of 2 characters are the 90 of the three best files.
    assert chosen(keep_tokens=keep_tokens, chars_per_token=2) == expected


@pytest.mark.usefixtures("in_this_process")
def test_more_tokens_than_there_are_keep_all_and_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen(keep_tokens=51, chars_per_token=2) == [1, 1, 1, 1]
    asked = FilterConfig(keep_share=0, keep_tokens=50, chars_per_token=2)
    assert not fewer_than_asked(100, asked)
    assert fewer_than_asked(99, asked)
    kept = run(tmp_path / "run", config=CONFIG.model_copy(update={"keep_share": 0.0, "keep_tokens": 10**6}))
    assert kept.facts.rows == {FILES: len(ROWS)}
    assert "fewer than keep_tokens 1,000,000: all of it stays" in capsys.readouterr().err


def test_a_recipe_gives_one_threshold() -> None:
    score = load_recipe("nano", ["filter.keep_share=0", "filter.min_educational_value=6"]).filter
    assert (score.keep_share, score.min_educational_value, score.keep_tokens) == (0, 6, 0)
    with pytest.raises(RecipeError, match=r"filter: keep_share 0\.3 and keep_tokens 1000 cannot hold at once: set"):
        load_recipe("nano", ["filter.keep_tokens=1000"])
    with pytest.raises(RecipeError, match=r"filter: keep_share, .* are all 0, so nothing says what stays"):
        load_recipe("nano", ["filter.keep_share=0"])


def test_quality_is_measured_on_files_that_did_not_train(made: CodeFiles) -> None:
    quality = read_quality(made.folder)
    assert (quality.embedder, quality.annotators) == ("tfidf-svd", ("somebody",))
    assert (quality.num_train, quality.num_validation) == (60, 20)
    for name, estimate in quality.measures.items():
        assert made.facts.metrics[name] == estimate.value
    (in_force,) = [row for row in quality.thresholds if row.is_in_force]
    assert in_force.threshold == pytest.approx(made.facts.metrics["lowest_value_kept"], abs=1e-4)
    assert in_force.files_share_kept >= made.facts.rows[FILES] / len(ROWS)
    predictions = list(read_rows(made.folder / PREDICTIONS, Prediction))
    five = next(row for row in quality.thresholds if row.threshold == 5)
    held_out = [p for p in predictions if p.part == "validation"]
    predicted = [p for p in held_out if p.educational_value >= 5]
    good = [p for p in held_out if p.origin == "good-1"]
    assert (five.num_good, five.num_predicted) == (len(good), len(predicted))
    assert five.precision.value == pytest.approx(sum(p in good for p in predicted) / len(predicted), abs=1e-4)
    assert five.recall.value == pytest.approx(sum(p in predicted for p in good) / len(good), abs=1e-4)
    above = [p.num_chars for p in predictions if p.educational_value >= 5]
    assert five.chars_share_kept == pytest.approx(sum(above) / sum(p.num_chars for p in predictions), abs=1e-4)


@pytest.mark.usefixtures("in_this_process")
def test_a_score_keeps_what_is_predicted_to_have_it(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"keep_share": 0.0, "min_educational_value": 5.0})
    made = run(tmp_path / "run", config=config)
    predictions = list(read_rows(made.folder / PREDICTIONS, Prediction))
    assert {p.is_kept for p in predictions if p.educational_value >= 5} == {True}
    assert {p.is_kept for p in predictions if p.educational_value < 5} == {False}
    assert made.facts.metrics["lowest_value_kept"] >= 5


@pytest.mark.slow
def test_ray_gives_the_same_bytes_and_a_rerun_predicts_nothing_again(made: CodeFiles, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ray = run(folder, machine=Machine(workers=2, engine="ray"))
    for name in (PREDICTIONS, QUALITY):
        assert (ray.folder / name).read_bytes() == (made.folder / name).read_bytes()
    assert [shard.read_bytes() for shard in ray.shards()] == [shard.read_bytes() for shard in made.shards()]
    # As after a kill: what is for a resume is there, the rest is not.
    parts = {path: path.stat().st_ino for path in (ray.folder / RESUME).rglob("block-*.parquet")}
    expected = [shard.read_bytes() for shard in ray.shards()]
    for path in ray.folder.iterdir():
        if path.name != RESUME:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    again = apply(folder, 80, CONFIG, Machine(workers=1))
    assert {path: path.stat().st_ino for path in (again.folder / RESUME).rglob("block-*.parquet")} == parts != {}
    assert [shard.read_bytes() for shard in again.shards()] == expected
