from xml.etree import ElementTree

from hornbook.release.plots import Bar, plot_curves, plot_spike, smooth

CURVES = {
    "training": [(step / 10, 5 - step / 40) for step in range(100)],
    "validation, a": [(5.0, 3.0), (10.0, 2.8)],
    "validation, b": [(5.0, 3.5), (10.0, 3.1)],
}


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_spike_shows_its_values() -> None:
    sizes = {"small": (Bar(0.0, 0.0, 0.02), Bar(0.547, 0.49, 0.6)), "large": (Bar(0.36, 0.3, 0.4), Bar(1.0, 0.98, 1.0))}
    found = texts(plot_spike("HumanEval", sizes))
    assert {"0.0", "54.7", "36.0", "100.0", "small", "large", "before finetuning", "after finetuning"} <= set(found)
    assert "120" not in found


def test_a_spike_of_nothing_is_drawn() -> None:
    assert "0.0" in texts(plot_spike("x", {"small": (Bar(0, 0, 0), Bar(0, 0, 0))}))


def test_curves_name_every_line() -> None:
    assert {*CURVES, "loss, nats per token", "tokens, millions"} <= set(texts(plot_curves("base", CURVES, "millions")))


def test_curves_without_a_point_are_drawn() -> None:
    assert "training" in texts(plot_curves("base", {"training": []}, "millions"))


def test_plots_are_the_same_bytes_each_time() -> None:
    assert plot_curves("base", CURVES, "millions") == plot_curves("base", CURVES, "millions")
    assert plot_curves("base", CURVES, "millions") != plot_curves("small", CURVES, "millions")


def test_smoothing_keeps_the_mean_and_the_last_place() -> None:
    points = [(float(step), float(step % 7)) for step in range(1000)]
    smoothed = smooth(points, most=150)
    assert len(smoothed) <= 150
    assert smoothed[-1][0] == 999
    weights = [7] * (len(smoothed) - 1) + [1000 - 7 * (len(smoothed) - 1)]
    mean = sum(w * y for w, (_, y) in zip(weights, smoothed, strict=True)) / 1000
    assert abs(mean - sum(y for _, y in points) / 1000) < 1e-9
    assert smooth(points[:150], most=150) == points[:150]
