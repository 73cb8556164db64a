import pytest

from hornbook.train.schedule import learning_rate_share
from tests.train.corpus import tiny_training


def shares(**changes):
    config = tiny_training(steps=100, warmup_steps=9, **changes)
    return [learning_rate_share(step, config) for step in range(100)]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "wsd"])
def test_warmup_rises_evenly_to_the_peak(schedule):
    values = shares(schedule=schedule)
    assert values[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(values) == values[9] == 1.0


def test_linear_falls_evenly_to_almost_nothing():
    values = shares(schedule="linear")
    assert values[50] == pytest.approx(1 - 41 / 91)
    assert values[99] == pytest.approx(1 / 91)


def test_cosine_is_half_way_in_the_middle():
    values = shares(schedule="cosine")
    assert (values[54] + values[55]) / 2 == pytest.approx(0.5, abs=1e-3)
    assert 0 < values[99] < 0.001


def test_constant_stays():
    assert set(shares(schedule="constant")[9:]) == {1.0}


def test_wsd_holds_and_falls_over_the_last_fifth():
    values = shares(schedule="wsd")
    assert values[9:81] == [1.0] * 72
    assert values[90] == pytest.approx(0.5)
    assert values[99] == pytest.approx(0.05)


def test_without_warmup_the_first_step_has_the_peak():
    assert learning_rate_share(0, tiny_training(warmup_steps=0)) == 1.0


def test_stopping_early_does_not_change_the_schedule():
    assert learning_rate_share(5, tiny_training(stop_after_steps=6)) == learning_rate_share(5, tiny_training())
