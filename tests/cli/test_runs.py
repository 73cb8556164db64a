import pytest

from hornbook.recipe import shipped_recipes
from tests.command import called


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
