"""The command line as a user meets it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hornbook import __version__
from hornbook.cli import app
from hornbook.recipe import shipped_recipes
from tests.command import called, check_refused

runner = CliRunner()

GRADED = ["--set", "grade.backend=openai", "--set", "grade.model=m", "--set", "grade.api_key_env=NO_KEY"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nanoo"], "unknown recipe 'nanoo'. Did you mean 'nano'?"),
        (["plan", "nano", "--set", "filter.keepshare=0.5"], "Did you mean 'filter.keep_share'?"),
        (["run", "nano", "--set", "finetune.steps=many"], "finetune.steps: Input should be a valid integer"),
        (["run", "tiny", "--until", "bake"], "--until 'bake': no such stage. There are: collect, deduplicate"),
        (["run", "tiny", "--device", "abacus"], "--device 'abacus': choose auto, cpu or cuda"),
        (["run", "tiny", "--device", "cpu", "--set", "finetune.precision=fp16"], "fp16"),
        (["run", "tiny", "--engine", "spark"], "--engine 'spark': choose native, ray or ray://HOST:PORT"),
        (["run", "tiny", "--shard", "often"], "--shard 'often': choose auto, always, never"),
        (["run", "tiny", "--shard", "always"], "--shard always: there is one process and nothing to shard over"),
        (["show", "."], "is not a run's folder. Make one with: hornbook run nano"),
        (["sample", ".", "def f():", "--model", "huge"], "--model 'huge': choose one of base, finetuned"),
        (["sample", ".", "  "], "the prompt is empty"),
        (["export", ".", "--to", "new"], "is not a run's folder"),
        (
            ["explain", "filter.kep_share"],
            "no field or section 'filter.kep_share' in a recipe. Did you mean 'filter.keep_share'?",
        ),
        (["explain", "filtr"], "Did you mean 'filter'?"),
        (
            ["run", "nano", "--set", "pretrain.learning_rate=inf"],
            "pretrain.learning_rate: Input should be a finite number",
        ),
        (
            ["run", "nano", "--set", "pretrain.mixture.cod=1"],
            "pretrain.mixture: no source 'cod'; there is code and textbooks",
        ),
        (["run", "nano", "--set", "pretrain.stop_after_steps=1500"], "takes what it does not set from pretrain"),
        (["run", "nano", "--set", "tokenizer.path=/nope"], "/nope/tokenizer.json: no such file"),
        (["plan", "nano", "--out", "/dev/null"], "/dev/null: is not a folder"),
        (
            ["run", "tiny", *GRADED],
            "nothing to grade: grade.problems is unconventional, and the problem sets are heldout",
        ),
        (
            ["run", "tiny", *GRADED, "--set", "evaluate.problems=['unconventional']"],
            "the environment variable NO_KEY is not set, and https://api.openai.com/v1 needs a key",
        ),
    ],
)
def test_a_users_error_is_one_message_and_exit_code_2(tmp_path, monkeypatch, capsys, words, message):
    check_refused(monkeypatch, capsys, tmp_path, words, message)


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


def test_the_plan_of_phi_1_is_next_to_the_papers_770_a100_hours(monkeypatch, capsys):
    _, printed, _ = called(monkeypatch, capsys, "plan", "phi-1")
    pretrain = next(line.split() for line in printed.splitlines() if line.startswith("pretrain ") and "e+20" in line)
    assert pretrain[1] == "1,418,270,720"
    assert float(pretrain[4]) == pytest.approx(770, rel=0.02)
    assert "770" in printed


def test_explain_prints_help_type_and_default(monkeypatch, capsys):
    _, printed, _ = called(monkeypatch, capsys, "explain", "filter.keep_share")
    assert printed.startswith("filter.keep_share (default 0.2)")
    assert "Share of the characters of the corpus that stays" in printed
    _, section, _ = called(monkeypatch, capsys, "explain", "filter")
    assert "filter.num_trees" in section
    _, everything, _ = called(monkeypatch, capsys, "explain")
    assert "finetune.loss_on" in everything


def test_version_and_every_help_page_has_an_example():
    assert runner.invoke(app, ["--version"]).output.strip() == __version__
    for command in ("run", "plan", "show", "explain", "sample", "evaluate", "compare", "export"):
        assert "Example:" in runner.invoke(app, [command, "--help"]).output, command


def test_help_is_quick_because_it_loads_no_heavy_library():
    program = (
        "import sys; import hornbook.cli; print([m for m in ('torch', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
