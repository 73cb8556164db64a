import re

from hornbook.studies.plots import Estimate, plot_groups, plot_power_law, plot_thresholds

GROUPS = {"unfiltered": ((0.1, 0.2), (0.3, 0.5)), "filtered + textbooks": ((0.25, 0.35), (0.6, 0.6))}


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_bars_are_labelled_with_the_means_over_seeds():
    found = words(plot_groups("scores", GROUPS, "pass@1, %", scale=100, decimals=1))
    for text in ("15.0", "40.0", "30.0", "60.0", "unfiltered", "before finetuning", "after finetuning", "pass@1, %"):
        assert text in found
    assert "+ textbooks" in found


def test_every_seed_has_its_dot_and_a_single_one_none():
    def dots(groups) -> int:
        return plot_groups("scores", groups, "pass@1, %", scale=100, decimals=1).count("<use ")

    single = {name: (before[:1], after[:1]) for name, (before, after) in GROUPS.items()}
    assert dots(GROUPS) - dots(single) == 8


def test_thresholds_are_in_their_order_and_a_missing_point_is_left_out():
    estimate = Estimate(0.4, 0.3, 0.5)
    whole = plot_thresholds("similar", [0.95, 0.8], {"pruned": [estimate, estimate], "random": [estimate, estimate]})
    found = words(whole)
    assert found.index("0.95") < found.index("0.8")
    assert {"pruned", "random", "pass@1, %"} <= set(found)
    without = plot_thresholds("similar", [0.95, 0.8], {"pruned": [None, estimate], "random": [None, None]})
    assert whole.count("<use ") - without.count("<use ") == 3


def test_a_power_law_shows_trainings_and_predictions():
    band = [(10.0**power, Estimate(2.0 - 0.1 * power, 1.9 - 0.1 * power, 2.1 - 0.1 * power)) for power in range(1, 9)]
    points = [(10.0, 1.9), (1000.0, 1.7)]
    fitted = plot_power_law("mixture", points, band[:3], {})
    beyond = plot_power_law("mixture", points, band, {"phi-1": (1e8, Estimate(1.2, 1.1, 1.3))})
    assert {"power law", "trained", "training compute, FLOPs"} <= set(words(fitted))
    assert "phi-1" not in words(fitted)
    assert "phi-1" in words(beyond)


def test_colours_are_the_pages_and_equal_numbers_give_equal_bytes():
    first, second = (plot_groups("scores", GROUPS, "pass@1, %", scale=100, decimals=1) for _ in range(2))
    assert first == second
    assert "var(--series-1)" in first
    assert "#0101" not in first
