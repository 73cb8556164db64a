"""The command line as a user meets it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hornbook import __version__
from hornbook.cli import app
from tests.command import check_refused

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
        (["run", "tiny", "--shard", "often"], "--shard 'often': choose auto, always or never"),
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
