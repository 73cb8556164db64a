"""What counts as a bad step, and the averages that are reported."""

import math

import pytest
import torch

from hornbook.train.watch import BadStep, LossWatch


def feed(watch, losses, norm=1.0):
    """Adds the steps, checks them all at once as after a GPU's steps, and gives the first bad one."""
    for loss in losses:
        watch.add(torch.tensor([loss, norm]))
    return watch.check(len(losses))


def test_the_average_moves_slowly_and_its_lowest_is_kept():
    watch = LossWatch(norm_may_overflow=False)
    assert feed(watch, [4.0, 2.0, 6.0]) is None
    assert watch.train_loss == pytest.approx(0.95 * (0.95 * 4 + 0.05 * 2) + 0.05 * 6)
    assert watch.best_train_loss == pytest.approx(0.95 * 4 + 0.05 * 2)
    assert watch.end_window() == (4.0, 1.0)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_bad(loss):
    assert feed(LossWatch(False), [4.0, loss, 4.0]) == BadStep(2, f"the loss is {loss}")


def test_an_overflowing_gradient_is_bad_unless_the_scaler_skips_it():
    assert feed(LossWatch(norm_may_overflow=False), [4.0], norm=math.inf).what.startswith("the gradient's norm is inf")
    assert feed(LossWatch(norm_may_overflow=True), [4.0], norm=math.inf) is None


def test_a_spike_is_bad_from_the_factor_on_and_after_the_warmup():
    spike = [4.0, 4.0, 4.0, 8.1]
    assert feed(LossWatch(False), spike) is None
    assert feed(LossWatch(False, spike_factor=2.1), spike) is None
    assert feed(LossWatch(False, spike_factor=2.0, warmup_steps=4), spike) is None
    bad = feed(LossWatch(False, spike_factor=2.0, warmup_steps=3), spike)
    assert bad == BadStep(4, "the loss is 8.100, more than 2 times its average of 4.000")


def test_the_first_step_of_all_is_no_spike():
    assert feed(LossWatch(False, spike_factor=1.5), [9.0]) is None


def test_what_is_bad_moves_no_average():
    watch = LossWatch(False, spike_factor=2.0)
    assert feed(watch, [4.0, 100.0]).step == 2
    assert watch.train_loss == 4.0


def test_state_comes_back():
    watch, other = LossWatch(False), LossWatch(False)
    feed(watch, [4.0, 2.0])
    other.restore(watch.state())
    assert other.state() == watch.state()
    for each in (watch, other):
        each.add(torch.tensor([3.0, 1.0]))
        assert each.check(3) is None
    assert other.train_loss == watch.train_loss
    assert other.end_window() == watch.end_window()
