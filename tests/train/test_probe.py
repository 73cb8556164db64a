import json

import numpy as np
import pytest

from hornbook.errors import InputError
from hornbook.evaluate.evaluate import evaluate
from hornbook.recipe import EvaluateConfig
from hornbook.records import Exercise, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import EXERCISES, HELDOUT, Exercises
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.tokens.tokenizer import train_bpe
from hornbook.train.pretrain import pretrain
from hornbook.train.probe import Measured, Probe
from tests.train.corpus import TINY_MODEL, tiny_training

MODEL = TINY_MODEL.model_copy(update={"attention_dropout": 0.0, "resid_pdrop": 0.0})
EVALUATION = EvaluateConfig(problems=("heldout",), max_new_tokens=24, timeout_s=2.0)
MACHINE = Machine(device="cpu", workers=1)


def exercise(number):
    return Exercise(
        task_id=f"heldout/{number}",
        name=f"add{number}",
        prompt=f'def add{number}(x):\n    """Add {number}."""\n',
        solution=f"    return x + {number}\n",
        tests=f"def check(candidate):\n    for x in (1, -5):\n        assert candidate(x) == x + {number}\n",
        operations=("add",),
        style="plain",
    )


@pytest.fixture(scope="module")
def exercises(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    write_rows(folder / HELDOUT, Exercise, [exercise(number) for number in range(6)])
    write_rows(folder / EXERCISES, Exercise, [])
    return Exercises(folder, Facts(rows={EXERCISES: 0, HELDOUT: 6}))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """The solutions themselves, so that a small model has them by heart within seconds."""
    folder = tmp_path_factory.mktemp("tokens")
    texts = [exercise(number).prompt + exercise(number).solution for number in range(6)]
    tokenizer = train_bpe(texts * 4, 300)
    eos = tokenizer.token_to_id("<|endoftext|>")
    documents = [[*tokenizer.encode(text).ids, eos] for text in texts] * 20
    ends = np.cumsum([0] + [len(document) for document in documents])
    for split in ("train", "valid"):
        np.save(folder / f"code.{split}.tokens.npy", np.concatenate(documents).astype(np.uint16))
        np.save(folder / f"code.{split}.documents.npy", ends.astype(np.int64))
        np.save(folder / f"code.{split}.loss_starts.npy", ends[:-1].astype(np.int64))
    tokenizer.save(str(folder / "tokenizer.json"))
    return TokenizedCorpus(folder)


def run(tokens, exercises, out, **changes):
    settings = {"steps": 160, "batch_size": 8, "learning_rate": 1e-2, "checkpoint_every": 100, "packing": "whole"}
    config = tiny_training(**(settings | changes))
    out.mkdir()
    probed = {"exercises": exercises, "evaluation": EVALUATION} if exercises else {}
    return pretrain(tokens=tokens, model=MODEL, config=config, out=out, machine=MACHINE, **probed)


def test_pass_at_1_is_measured_on_the_way_and_its_cost_is_in_the_log(tokens, exercises, tmp_path, capsys):
    model = run(tokens, exercises, tmp_path / "probed", evaluate_every=60)
    lines = [json.loads(line) for line in (model.folder / "metrics.jsonl").read_text().splitlines()]
    measured = {line["step"]: line["pass_at_1"] for line in lines if "pass_at_1" in line}
    assert list(measured) == [60, 120, 160]
    assert measured[160] > 0.5
    assert model.facts.metrics["heldout_pass_at_1"] == measured[160]

    (tmp_path / "evaluated").mkdir()
    stage = evaluate(
        model=model,
        exercises=exercises,
        config=EVALUATION,
        problems={},
        seed=0,
        label="base",
        out=tmp_path / "evaluated",
        machine=MACHINE,
    )
    assert stage.scores().sets["heldout"].total.pass_at_1 == measured[160]

    timed = [json.loads(line) for line in (model.folder / "timing.jsonl").read_text().splitlines()]
    costs = [line for line in timed if "evaluation_s" in line]
    assert [line["step"] for line in costs] == [60, 120, 160]
    assert all(line["evaluation_s"] > 0 and line["num_problems"] == 6 for line in costs)
    assert model.facts.metrics["evaluation_s"] == pytest.approx(sum(line["evaluation_s"] for line in costs), abs=0.1)
    said = " ".join(capsys.readouterr().err.split())
    assert "pretrain: step 60: pass@1" in said
    assert "on 6 held-out problems; " in said


def test_measuring_changes_no_weight(tokens, exercises, tmp_path):
    changes = {"steps": 12, "checkpoint_every": 5}
    probed = run(tokens, exercises, tmp_path / "probed", evaluate_every=4, evaluate_problems=2, **changes)
    plain = run(tokens, None, tmp_path / "plain", **changes)
    weights = [(model.folder / "model.safetensors").read_bytes() for model in (probed, plain)]
    assert weights[0] == weights[1]
    assert "heldout_pass_at_1" not in plain.facts.metrics


def test_the_step_with_the_highest_pass_at_1_is_what_a_run_leaves(tokens, exercises, tmp_path, monkeypatch):
    scores = iter([0.2, 0.6, 0.6, 0.4])
    monkeypatch.setattr(Probe, "measure", lambda *arguments: Measured(next(scores), 6, 0.0, 0.0))
    changes = {"steps": 16, "checkpoint_every": 5, "evaluate_every": 4}
    selected = run(tokens, exercises, tmp_path / "selected", select="pass_at_1", **changes)
    assert selected.facts.metrics["selected_step"] == 8, "of equals the earlier"
    assert selected.facts.metrics["selected_pass_at_1"] == selected.facts.metrics["heldout_pass_at_1"] == 0.6
    changes |= {"evaluate_every": 0, "stop_after_steps": 8}
    until_then = run(tokens, None, tmp_path / "until", **changes)
    weights = [(model.folder / "model.safetensors").read_bytes() for model in (selected, until_then)]
    assert weights[0] == weights[1]


def test_selecting_by_what_no_problem_measures_is_an_error(tokens, tmp_path):
    with pytest.raises(InputError, match="select 'pass_at_1' needs held-out problems"):
        run(tokens, None, tmp_path / "out", select="pass_at_1", evaluate_every=4)


def test_no_problem_to_ask_is_an_error(tokens, tmp_path):
    write_rows(tmp_path / HELDOUT, Exercise, [])
    write_rows(tmp_path / EXERCISES, Exercise, [])
    empty = Exercises(tmp_path, Facts(rows={EXERCISES: 0, HELDOUT: 0}))
    with pytest.raises(InputError, match=r"write_exercises\.num_heldout, or evaluate_every=0"):
        run(tokens, empty, tmp_path / "out", evaluate_every=5)
