import json
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import InputError
from hornbook.evaluate.columns import find_columns
from hornbook.evaluate.problem_sets.heldout import NODE
from hornbook.run.datasets import Exercises

NAMES = ("base", "finetuned", "small-base", "small")


def of_run(folder: Path, name: str) -> Any:
    return (folder.name, name)


@pytest.fixture
def runs(tmp_path: Path, exercises: Exercises, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("hornbook.evaluate.columns.open_model", lambda folder: (folder.name, "opened"))
    for name in ("nano", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text('{"hornbook_run": "nano"}')
        (tmp_path / name / "latest.json").write_text(json.dumps({NODE: "exercises"}))
    (tmp_path / "nano" / "exercises").symlink_to(exercises.folder)
    (exercises.folder / "manifest.json").write_text('{"rows": {}, "drops": {}, "metrics": {}}')
    return tmp_path


def test_a_run_alone_gives_its_three_models_and_its_problems(runs: Path) -> None:
    found = find_columns([str(runs / "nano")], NAMES, of_run)
    assert found.models == {name: ("nano", name) for name in ("small", "base", "finetuned")}
    assert found.exercises is not None
    assert len(list(found.exercises.problems())) == 8


def test_models_of_one_run_have_their_own_names_others_also_their_runs(runs: Path) -> None:
    one = find_columns([f"{runs / 'nano'}:small-base", f"{runs / 'nano'}:base"], NAMES, of_run)
    assert list(one.models.items()) == [("small-base", ("nano", "small-base")), ("base", ("nano", "base"))]
    two = find_columns([f"{runs / 'nano'}:base", f"{runs / 'other'}:base", str(runs / "folder")], NAMES, of_run)
    assert list(two.models) == ["nano-base", "other-base", "folder"]
    assert two.models["folder"] == ("folder", "opened")
    assert two.exercises is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["nano:finetund"], "a run has no model 'finetund'. Did you mean 'finetuned'? There are base, finetuned"),
        (["nano:base", "nano:base"], "two of the models are named 'base'"),
        (["folder", "elsewhere/folder"], "two of the models are named 'folder'"),
    ],
)
def test_targets_that_cannot_stand_beside_each_other(runs: Path, targets: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        find_columns([str(runs / target) for target in targets], NAMES, of_run)
    assert message in str(caught.value)
