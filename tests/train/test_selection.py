"""Which step's weights a run ends with, and what lies on disk for it at any moment."""

import pytest
import torch

from hornbook.errors import InputError, TrainingError
from hornbook.train.selection import Selection
from tests.train.corpus import tiny_training

BY_PASS = {"select": "pass_at_1", "evaluate_every": 3}


def selection(folder, shares=None, **changes):
    return Selection(tiny_training(**changes), shares or {"code": 0.25, "textbooks": 0.75}, True, folder)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def weights(value):
    return {"a": torch.full((3,), float(value))}


def test_the_last_is_chosen_where_nothing_is_asked_for(tmp_path):
    chosen = selection(tmp_path)
    for step, loss in ((3, 1.0), (6, 2.0)):
        assert chosen.offer(step, {"validation": {"code": loss}}) is False, "no weights need to be kept"
    assert chosen.chosen.step == 6
    assert chosen.facts() == {"selected_step": 6, "validation_loss_code": 2.0}


def test_the_highest_pass_at_1_is_chosen_and_of_equals_the_earlier(tmp_path):
    chosen = selection(tmp_path, **BY_PASS)
    offers = [(3, 0.2), (6, 0.5), (9, 0.5), (12, 0.4)]
    assert [chosen.offer(step, {"pass_at_1": score}) for step, score in offers] == [True, True, False, False]
    assert chosen.facts() == {"selected_step": 6, "selected_pass_at_1": 0.5, "heldout_pass_at_1": 0.5}


def test_a_step_without_the_measurement_is_no_candidate(tmp_path):
    chosen = selection(tmp_path, **BY_PASS)
    assert chosen.offer(2, {"validation": {"code": 0.1}}) is False
    with pytest.raises(TrainingError, match="at none of them was the pass_at_1 a finite number"):
        _ = chosen.chosen


def test_validation_losses_are_weighed_by_the_sources_shares(tmp_path):
    chosen = selection(tmp_path, select="validation_loss")
    # Means: 2.5, 1.75, 2.25. By the plain mean the last would win.
    losses = [(1.0, 3.0), (4.0, 1.0), (0.0, 3.0)]
    for step, (code, textbooks) in enumerate(losses):
        chosen.offer(step, {"validation": {"code": code, "textbooks": textbooks}})
    assert chosen.chosen.step == 1
    assert chosen.facts()["selected_validation_loss"] == pytest.approx(1.75)
    assert chosen.offer(9, {"validation": {"code": float("nan"), "textbooks": 0.0}}) is False


def test_a_source_without_validation_sequences_has_no_weight(tmp_path):
    chosen = selection(tmp_path, shares={"code": 0.25}, select="validation_loss")
    chosen.offer(1, {"validation": {"code": 2.0}})
    assert chosen.facts()["selected_validation_loss"] == pytest.approx(2.0)


def test_what_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(InputError, match="select 'pass_at_1' needs held-out problems"):
        Selection(tiny_training(**BY_PASS), {"code": 1.0}, False, tmp_path)
    with pytest.raises(InputError, match="select 'validation_loss' needs validation sequences"):
        Selection(tiny_training(select="validation_loss"), {}, True, tmp_path)


def test_a_file_stays_while_a_checkpoint_goes_back_to_it(tmp_path):
    chosen = selection(tmp_path, **BY_PASS)
    for step, score in ((1, 0.1), (2, 0.2)):
        assert chosen.offer(step, {"pass_at_1": score})
        chosen.keep(weights(step))
    assert files(tmp_path) == ["best-00000002.safetensors"], "no checkpoint has step 1 as its best"
    chosen.state(3)
    chosen.follow([3])
    assert chosen.offer(4, {"pass_at_1": 0.4})
    chosen.keep(weights(4))
    state = chosen.state(6)
    chosen.follow([3, 6])
    assert files(tmp_path) == ["best-00000002.safetensors", "best-00000004.safetensors"]

    resumed = selection(tmp_path, **BY_PASS)
    resumed.restore(state)
    assert resumed.chosen == chosen.chosen
    assert torch.equal(resumed.read()["a"], weights(4)["a"])
    resumed.state(9)
    resumed.follow([6, 9])
    assert files(tmp_path) == ["best-00000004.safetensors"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
def test_a_damaged_file_is_an_error_and_never_another_model(tmp_path, damage):
    chosen = selection(tmp_path, **BY_PASS)
    chosen.offer(3, {"pass_at_1": 0.1})
    chosen.keep(weights(3))
    state, path = chosen.state(3), tmp_path / "best-00000003.safetensors"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-3] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(TrainingError, match=r"best-00000003\.safetensors, the weights of step 3.*missing or damaged"):
        chosen.read()
    # Found when the run goes on, not when it ends.
    with pytest.raises(TrainingError, match="missing or damaged"):
        selection(tmp_path, **BY_PASS).restore(state)
