"""`hornbook compare` as a user meets it, with two models of random weights."""

import json
from pathlib import Path

import pytest

from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.convert import export_hugging_face
from tests.command import called
from tests.model.conftest import TEXTS, random_model, tiny_config

ROW = {
    "task_id": "total",
    "title": "Sum of the numbers",
    "prompt": 'def total(numbers):\n    """Return the sum."""\n',
    "checks": {"sums up": "def check(candidate):\n    assert candidate([2, 3]) == 5\n"},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ours` in hornbook's layout, `theirs` in Hugging Face's."""
    from hornbook.tokens.tokenizer import train_bpe

    folder = tmp_path_factory.mktemp("models")
    tokenizer = train_bpe(TEXTS, 330)
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, seed in (("ours", 0), ("other", 1)):
        (folder / name).mkdir()
        model = random_model(tiny_config(), tokenizer.get_vocab_size(), seed)
        save_model(folder / name, model, 0, folder / "tokenizer.json")
    (folder / "theirs").mkdir()
    export_hugging_face(ModelArtifact(folder / "other"), folder / "theirs")
    (folder / "mine.jsonl").write_text(json.dumps(ROW) + "\n")
    return folder


def test_models_of_two_layouts_side_by_side(models: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(models)
    words = ["ours", "theirs", "--tasks", "unchanged_2,form", "--prompts", "mine.jsonl", "--max-new-tokens", "12"]
    code, printed, err = called(monkeypatch, capsys, "compare", *words)
    assert code == 0, err
    lines = printed.splitlines()
    assert lines[0].split() == ["3", "tasks", "ours", "theirs"]
    assert [line.split("  ")[0] for line in lines[8:11]] == [
        "A form in Tkinter" if place else "Some change, others do not: phrasing 2" for place in (0, 1)
    ] + ["Sum of the numbers"]
    assert lines[-1] == "Side by side: comparisons/1/comparison.html"
    rows = [json.loads(line) for line in (models / "comparisons/1/comparison.jsonl").read_text().splitlines()]
    assert [(row["task_id"], row["kind"]) for row in rows] == [
        ("unchanged_2", "task"),
        ("form", "task"),
        ("total", "own prompt"),
    ]
    assert [[one["model"] for one in row["completions"]] for row in rows] == [["ours", "theirs"]] * 3
    assert [check["name"] for check in rows[2]["completions"][0]["checks"]] == [
        "parses",
        "runs",
        "sums up",
        "all correct",
    ]
    # The form's prompt is longer than the context of 200 leaves room for.
    assert rows[1]["completions"][0]["num_prompt_tokens_cut"] > 0
    page = (models / "comparisons/1/comparison.html").read_text()
    assert "Sum of the numbers" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ours", "--tasks", "bal"], "unknown task 'bal'. Did you mean 'ball'?"),
        (["ours", "--tasks", ""], "nothing to compare the models on"),
        (["ours", "ours"], "two of the models are named 'ours'"),
        (["nowhere"], "nowhere: no such folder"),
        (["ours:base"], "ours: is not a run's folder"),
        (["ours", "--problems", "heldout"], "comes from a run: write heldout:RUN"),
        (["ours", "--prompts", "none.jsonl"], "none.jsonl: no such file"),
        (["ours", "--out", "."], "--out .: exists already"),
        (["ours", "--sandbox", "none"], "--sandbox 'none': choose required or rlimits"),
    ],
)
def test_a_users_error_is_one_message(models: Path, monkeypatch, capsys, words: list[str], message: str) -> None:
    monkeypatch.chdir(models)
    before = sorted(models.iterdir())
    code, _, err = called(monkeypatch, capsys, "compare", *words)
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert sorted(models.iterdir()) == before
