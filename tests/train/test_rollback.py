"""Runs that meet a bad step: what they go back to, what they leave out, and what they say."""

import os
import signal

import pytest
import torch

from hornbook.errors import TrainingError
from hornbook.release.page import read_curves
from hornbook.run.artifact import RESUME
from hornbook.train import loop, metrics, rollback, trackers
from hornbook.train.rollback import last_regular_step
from hornbook.train.step import Stepper
from tests.train.corpus import tiny_training
from tests.train.runs import lines, weights


@pytest.fixture
def poison(monkeypatch):
    """Has some batches ruin the weights, as a bad batch does; tells which batches are taken."""
    take, taken = Stepper.take, []

    def start(*batches, at_step=lambda step: None):
        def taking(self, step):
            at_step(step)
            taken.append(step + self.batches_skipped)
            if taken[-1] in batches:
                with torch.no_grad():
                    self.model.final_norm_bias.fill_(float("nan"))
            return take(self, step)

        monkeypatch.setattr(Stepper, "take", taking)
        return taken

    return start


def test_a_bad_step_stops_a_run_that_may_not_go_back(run, poison):
    poison(4)
    with pytest.raises(
        TrainingError, match=r"pretrain: at step 5 the loss is nan\. Lower learning_rate.*max_rollbacks"
    ):
        run()


def test_a_run_goes_back_and_leaves_the_batches_out(run, poison, capsys):
    taken = poison(4, 9)
    artifact = run(max_rollbacks=2, spike_factor=3.0)
    # Back to step 3 from batch 4 (its step 5), then to step 6 from batch 9 (its step 8).
    assert taken == [0, 1, 2, 3, 4, *range(5, 10), *range(10, 16)]
    facts = artifact.facts.metrics
    assert (facts["rollbacks"], facts["batches_skipped"]) == (2, 4)
    assert all(torch.isfinite(parameter).all() for parameter in artifact.load_model("cpu").parameters())
    told = [line for line in lines(artifact.folder) if "rollback" in line]
    assert [line["step"] for line in told] == [3, 6]
    assert told[0]["rollback"] == {"number": 1, "bad_step": 5, "what": "the loss is nan", "batches_left_out": 2}
    assert told[1]["rollback"]["batches_left_out"] == 2
    steps = [line["step"] for line in lines(artifact.folder) if "loss" in line]
    assert steps == list(range(1, 13)), "the metrics hold each step once"
    assert [line["rollbacks"] for line in lines(artifact.folder) if "loss" in line] == [0] * 3 + [1] * 3 + [2] * 6
    assert len(read_curves(artifact.folder / "metrics.jsonl")["training"]) == 12, "the report draws them"
    said = " ".join(capsys.readouterr().err.split())
    assert "at step 5 the loss is nan: back to step 3, leaving out 2 batches; rollback 1 of 2" in said


class Gap:
    """Batches without numbers 3 and 4."""

    def __init__(self, batches):
        self.batches = batches

    def __getitem__(self, number):
        return self.batches[number if number < 3 else number + 2]

    def __getattr__(self, name):
        return getattr(self.batches, name)


def test_the_same_as_a_run_whose_data_lacks_those_batches(run, poison, monkeypatch):
    """After going back nothing of the bad step is left: weights, optimizer state and averages are as without it."""
    init = Stepper.__init__

    def without(self, *arguments):
        init(self, *arguments)
        self.batches = Gap(self.batches)

    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "__init__", without)
        gap = run(max_rollbacks=1)
    poison(4)
    rolled = run(max_rollbacks=1)
    assert weights(rolled.folder) == weights(gap.folder)
    assert rolled.facts.metrics["train_loss"] == gap.facts.metrics["train_loss"]


def test_before_the_first_checkpoint_it_goes_back_to_the_start(run, poison):
    taken = poison(1)
    artifact = run(max_rollbacks=1)
    assert taken == [0, 1, *range(2, 14)]
    assert artifact.facts.metrics["batches_skipped"] == 2


def test_a_spike_counts_where_it_is_asked_for(run, monkeypatch):
    take = Stepper.take

    def spike(self, step):
        loss_and_norm = take(self, step)
        return loss_and_norm * 3 if step + self.batches_skipped == 7 else loss_and_norm

    monkeypatch.setattr(Stepper, "take", spike)
    assert run(max_rollbacks=1).facts.metrics["rollbacks"] == 0
    assert run(max_rollbacks=1, spike_factor=2.0).facts.metrics["rollbacks"] == 1
    with pytest.raises(TrainingError, match=r"at step 8 the loss is \d+\.\d+, more than 2 times its average of"):
        run(spike_factor=2.0)


def test_a_run_that_stays_bad_stops_and_says_how_often_it_went_back(run, poison):
    poison(*range(4, 40))
    with pytest.raises(TrainingError, match=r"at step 4 the loss is nan after 2 rollbacks, which is max_rollbacks\. "):
        run(max_rollbacks=2)


def test_the_step_it_goes_back_to():
    config = tiny_training(checkpoint_every=3)
    assert [last_regular_step(step, config) for step in (0, 2, 3, 5, 6)] == [0, 0, 3, 3, 6]


def test_a_run_stopped_on_its_way_goes_back_as_one_that_was_not(run, poison, tmp_path, monkeypatch):
    """Ctrl-C leaves checkpoints of other steps than a run that is left alone has."""
    poison(10)
    whole = run(max_rollbacks=1, checkpoint_every=6)
    out = tmp_path / "stopped"
    for stop_at in (7, 8, 9):
        poison(10, at_step=lambda step, stop_at=stop_at: os.kill(os.getpid(), signal.SIGINT) if step == stop_at else 0)
        with pytest.raises(KeyboardInterrupt):
            run(max_rollbacks=1, checkpoint_every=6, out=out)
    poison(10)
    assert len(list((out / RESUME).glob("step-*"))) == 3, "the last two, and the one to go back to"
    run(max_rollbacks=1, checkpoint_every=6, out=out)
    assert weights(out) == weights(whole.folder)
    assert (out / "metrics.jsonl").read_bytes() == (whole.folder / "metrics.jsonl").read_bytes()
    assert [path.name for path in (out / RESUME).glob("step-*")] == ["step-00000006.safetensors"]


class Killed(Exception):
    """Stands in for a kill."""


@pytest.mark.parametrize("moment", ["discard_after", "cut", "go_back", "_save"])
def test_a_kill_while_it_goes_back_changes_nothing(run, poison, tmp_path, monkeypatch, moment):
    owners = {"discard_after": rollback, "cut": metrics.MetricLog, "go_back": trackers.Trackers, "_save": loop._Run}
    poison(8)
    whole = run(max_rollbacks=1)
    before = getattr(owners[moment], moment)
    has_gone_back = False
    roll_back = loop.roll_back

    def going_back(*arguments):
        nonlocal has_gone_back
        has_gone_back = moment != "discard_after"
        return roll_back(*arguments)

    def kill(*arguments):
        if has_gone_back or moment == "discard_after":
            raise Killed
        return before(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "roll_back", going_back)
        patch.setattr(owners[moment], moment, kill)
        with pytest.raises(Killed):
            run(max_rollbacks=1, out=tmp_path / "killed")
    run(max_rollbacks=1, out=tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(whole.folder)
    assert (tmp_path / "killed" / "metrics.jsonl").read_bytes() == (whole.folder / "metrics.jsonl").read_bytes()


def test_no_whole_checkpoint_to_go_back_to_is_an_error(run, poison, tmp_path):
    out = tmp_path / "damaged"

    def damage(step):
        if step == 4:
            for path in (out / RESUME).glob("step-*"):
                path.write_bytes(b"")

    poison(4, at_step=damage)
    with pytest.raises(TrainingError, match="at step 5 the loss is nan, and the checkpoint to go back to is damaged"):
        run(max_rollbacks=1, out=out)
