import json

import pytest
import torch

from hornbook.recipe import shipped_recipes
from hornbook.run.datasets import OVERLAPS
from hornbook.run.folder import RunFolder
from tests.command import called, check_refused
from tests.run.test_runner import make_graph
from tests.run.test_runner import run as run_graph


def test_a_folder_that_is_another_runs_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "run.json").write_text('{"hornbook_run": "nano"}')
    code, _, err = called(monkeypatch, capsys, "run", "tiny", "--out", str(tmp_path))
    assert code == 2
    assert "is the folder of run 'nano', not of 'tiny'" in " ".join(err.split())


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_plans_without_touching_anything(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = called(monkeypatch, capsys, "plan", name)
    assert code == 0
    assert "not made yet" in printed
    assert list(tmp_path.iterdir()) == []


def test_explain_prints_help_type_and_default(monkeypatch, capsys):
    _, printed, _ = called(monkeypatch, capsys, "explain", "filter.keep_share")
    assert printed.startswith("filter.keep_share (default 0.2)")
    assert "Share of the characters of the corpus that stays" in printed
    _, section, _ = called(monkeypatch, capsys, "explain", "filter")
    assert "filter.num_trees" in section
    _, everything, _ = called(monkeypatch, capsys, "explain")
    assert "finetune.loss_on" in everything


@pytest.mark.parametrize("until", ["collect", "finetune"])
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_made(tmp_path, monkeypatch, capsys, until):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = ["run", "tiny", "--until", until, "--device", "cuda"]
    check_refused(monkeypatch, capsys, tmp_path, words, "no CUDA")


def test_code_that_overlaps_is_shown_as_it_is(tmp_path, monkeypatch, capsys):
    folder = RunFolder(tmp_path / "run")
    made = run_graph(make_graph(), folder)["write_lines"]
    entry = {"row": "a.py", "reason": "r", "problem": "p", "shared": "x[i]", "row_text": "y = x[i]  # [/x]"}
    (made.folder / OVERLAPS).write_text(json.dumps(entry) + "\n")
    code, printed, _ = called(monkeypatch, capsys, "show", str(folder.path), "write_lines")
    assert code == 0
    assert printed.splitlines()[-2:] == ["r: a.py (line 1) and p: x[i]", "      row | y = x[i]  # [/x]"]
