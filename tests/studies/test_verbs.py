"""`hornbook ablate`, `prune` and `scaling` as they are typed."""

import pytest
from typer.testing import CliRunner

from hornbook.cli import app
from tests.command import called, check_refused
from tests.studies.small_run import OVERRIDES

VERBS = ("ablate", "prune", "scaling")


@pytest.mark.parametrize("verb", VERBS)
def test_a_plan_shows_trainings_and_costs_and_touches_nothing(tmp_path, monkeypatch, capsys, verb):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = called(monkeypatch, capsys, verb, "nano", "--plan")
    assert code == 0
    assert f"{verb}." in printed
    assert "small.finetune" in printed or verb == "scaling"
    assert "of training in all" in printed
    bound = "This is at most: which of its trainings are the same will be known after prune.match_exercises"
    assert (bound in printed) == (verb == "prune")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_after_the_study_says_that_all_is_there(pruned, monkeypatch, capsys):
    words = [part for override in OVERRIDES for part in ("--set", override)]
    code, printed, _ = called(monkeypatch, capsys, "prune", "tiny", "--plan", "--out", str(pruned.folder.path), *words)
    assert code == 0
    assert "will run" not in printed
    assert "cached" in printed
    assert "prune.small.tau-1.matched.0.finetune" in printed
    assert "This is at most" not in printed


def test_a_verb_ends_with_its_page(pruned, monkeypatch, capsys):
    words = [part for override in OVERRIDES for part in ("--set", override)]
    code, printed, err = called(
        monkeypatch, capsys, "prune", "tiny", "--out", str(pruned.folder.path), "--workers", "1", *words
    )
    assert code == 0, err
    assert f"Page: {pruned.folder.path / 'prune.html'}" in printed
    assert (pruned.folder.path / "prune-pairs.html").is_file()
    assert "similar" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablate", "nanno"], "unknown recipe 'nanno'"),
        (["ablate", "nano", "--set", "ablate.seeds=none"], "ablate.seeds"),
        (["prune", "nano", "--set", 'evaluate.problems=["humaneval"]'], "prune.problems names 'heldout'"),
        (["scaling", "nano", "--set", "scaling.hidden_sizes=[16,32,48,64]"], "width 16 does not fit small_model"),
        (["prune", "nano", "--sandbox", "none"], "--sandbox 'none'"),
    ],
)
def test_a_users_error_is_one_message_and_exit_code_2(tmp_path, monkeypatch, capsys, words, message):
    check_refused(monkeypatch, capsys, tmp_path, words, message)


def test_the_folder_of_another_run_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "run.json").write_text('{"hornbook_run": "nano"}')
    for words in (["--plan"], []):
        code, _, err = called(monkeypatch, capsys, "prune", "tiny", "--out", str(tmp_path), *words)
        assert code == 2
        assert "is the folder of run 'nano', not of 'tiny'" in " ".join(err.split())


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(verb):
    assert "Example:" in CliRunner().invoke(app, [verb, "--help"]).output
