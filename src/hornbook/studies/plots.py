"""The studies' plots, drawn as the report's are: inline SVG in the page's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.ticker import NullFormatter

from hornbook.release.plots import FAINT, INK, SERIES, SETTINGS, legend, panel, to_svg

BAR_WIDTH = 0.34


@dataclass(frozen=True)
class Estimate:
    """A point with its interval."""

    value: float
    low: float
    high: float


def plot_groups(
    name: str, groups: Mapping[str, tuple[Sequence[float], Sequence[float]]], ylabel: str, scale: float, decimals: int
) -> str:
    """Two bars a group, before and after finetuning: the mean over seeds, and each seed as a dot (figure 2.1)."""
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": f"groups {name}"}):
        figure, axes = panel()
        for number, label in enumerate(("before finetuning", "after finetuning")):
            values = [[scale * value for value in pair[number]] for pair in groups.values()]
            means = [sum(one) / len(one) for one in values]
            places = [place + (number - 0.5) * (BAR_WIDTH + 0.04) for place in range(len(values))]
            axes.bar(places, means, BAR_WIDTH, color=SERIES[1 - number], label=label)
            for place, one, mean in zip(places, values, means, strict=True):
                if len(one) > 1:
                    axes.plot([place] * len(one), one, "o", color=INK, markersize=2.4)
                axes.annotate(
                    f"{mean:.{decimals}f}",
                    (place, max(one)),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="center",
                    fontsize=9,
                )
        axes.set_xticks(range(len(groups)), [label.replace(" + ", "\n+ ") for label in groups])
        axes.tick_params(axis="x", length=0, labelcolor=INK)
        axes.set_xlim(-0.6, len(groups) - 0.4)
        top = max(scale * value for pair in groups.values() for part in pair for value in part)
        axes.set_ylim(0, max(1.0 if scale == 100 else 0.1, 1.15 * top))
        axes.set_ylabel(ylabel)
        legend(axes, 2)
        return to_svg(figure, f"{ylabel} by data set, before and after finetuning: {name}")


def plot_thresholds(name: str, thresholds: Sequence[float], series: Mapping[str, Sequence[Estimate | None]]) -> str:
    """pass@1 over the thresholds, strictest pruning last, a line a kind of model, with intervals (table 3)."""
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": f"thresholds {name}"}):
        figure, axes = panel()
        for number, (label, estimates) in enumerate(series.items()):
            color = SERIES[number % len(SERIES)]
            shift = 0.1 * (number - (len(series) - 1) / 2)
            shown = [(place + shift, one) for place, one in enumerate(estimates) if one is not None]
            xs = [x for x, _ in shown]
            axes.plot(xs, [100 * one.value for _, one in shown], "o-", color=color, label=label, linewidth=1.3)
            axes.vlines(xs, [100 * o.low for _, o in shown], [100 * o.high for _, o in shown], color=color, linewidth=1)
        axes.set_xticks(range(len(thresholds)), [f"{threshold:g}" for threshold in thresholds])
        axes.set_xlim(-0.4, len(thresholds) - 0.6)
        highest = [one.high for estimates in series.values() for one in estimates if one is not None]
        axes.set_ylim(0, max(1.0, 110 * max(highest, default=0.0)))
        axes.set_xlabel("pruned at a match rate of τ or more")
        axes.set_ylabel("pass@1, %")
        legend(axes, 2)
        return to_svg(figure, f"pass@1 by threshold: {name}")


def plot_power_law(
    name: str,
    points: Sequence[tuple[float, float]],
    band: Sequence[tuple[float, Estimate]],
    predictions: Mapping[str, tuple[float, Estimate]],
) -> str:
    """Loss over compute: the trainings, the law with its interval, and what it predicts beyond them."""
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": f"power law {name}"}):
        figure, axes = panel()
        xs = [x for x, _ in band]
        axes.fill_between(xs, [one.low for _, one in band], [one.high for _, one in band], color=SERIES[1], alpha=0.35)
        axes.plot(xs, [one.value for _, one in band], color=SERIES[2], linewidth=1.3, label="power law")
        axes.plot([x for x, _ in points], [y for _, y in points], "o", color=SERIES[0], markersize=4, label="trained")
        for number, (label, (x, one)) in enumerate(predictions.items()):
            axes.vlines([x], [one.low], [one.high], color=SERIES[3], linewidth=1.2)
            axes.plot([x], [one.value], "D", color=SERIES[3], markersize=3.5)
            # Their compute is so near each other that labels on one line would overlap.
            place = (0, 4 + 11 * number)
            axes.annotate(
                label, (x, one.high), xytext=place, textcoords="offset points", ha="right", fontsize=8.5, color=FAINT
            )
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        lows = [one.low for _, one in band] + [one.low for _, one in predictions.values()] + [y for _, y in points]
        highs = [one.high for _, one in band] + [one.high for _, one in predictions.values()] + [y for _, y in points]
        margin = 0.08 * (max(highs) - min(lows)) or 0.1
        axes.set_ylim(max(0.0, min(lows) - margin), max(highs) + (1 + 1.2 * len(predictions)) * margin)
        axes.set_xlabel("training compute, FLOPs")
        axes.set_ylabel("held-out loss, bits per byte")
        legend(axes, 2)
        return to_svg(figure, f"held-out loss over compute: {name}")
