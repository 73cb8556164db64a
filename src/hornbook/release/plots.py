"""Plots as inline SVG that takes its colours from the page, the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stand for variables of the page's style sheet, so that light and dark share one drawing.
INK, FAINT, LINE = "#010101", "#010102", "#010103"
SERIES = ("#010110", "#010111", "#010112", "#010113")
VARIABLES = {INK: "--ink", FAINT: "--faint", LINE: "--line"} | {
    color: f"--series-{number}" for number, color in enumerate(SERIES, start=1)
}
PANEL_INCHES = (3.9, 2.75)
"""One panel is as wide as a phone, so that its text is never scaled down; the page lays panels side by side."""
SETTINGS = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "text.color": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


@dataclass(frozen=True)
class Bar:
    """A share with its interval, all in [0, 1]."""

    value: float
    low: float
    high: float


def plot_spike(name: str, sizes: Mapping[str, tuple[Bar, Bar]]) -> str:
    """Bars before and after finetuning for each model size: the spike of the paper's figure 2.1."""
    import matplotlib

    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": f"spike {name}"}):
        figure, axes = panel()
        width = 0.34
        for number, label in enumerate(("before finetuning", "after finetuning")):
            bars = [pair[number] for pair in sizes.values()]
            places = [place + (number - 0.5) * (width + 0.04) for place in range(len(bars))]
            axes.bar(places, [100 * bar.value for bar in bars], width, color=SERIES[1 - number], label=label)
            axes.vlines(places, [100 * b.low for b in bars], [100 * b.high for b in bars], color=INK, linewidth=1.1)
            for place, bar in zip(places, bars, strict=True):
                axes.annotate(
                    f"{100 * bar.value:.1f}",
                    (place, 100 * bar.high),
                    xytext=(0, 3),
                    textcoords="offset points",
                    ha="center",
                    fontsize=9,
                )
        axes.set_xticks(range(len(sizes)), list(sizes))
        axes.tick_params(axis="x", length=0, labelcolor=INK)
        axes.set_xlim(-0.6, len(sizes) - 0.4)
        top = max(100 * bar.high for pair in sizes.values() for bar in pair)
        axes.set_ylim(0, max(1.0, 1.15 * top))
        axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 100])
        axes.set_ylabel("pass@1, %")
        legend(axes, 2)
        return to_svg(figure, f"pass@1 before and after finetuning on {name}")


def plot_curves(name: str, curves: Mapping[str, Sequence[tuple[float, float]]], unit: str) -> str:
    """Loss over tokens for each named curve; the first, which has many points, is drawn thin."""
    import matplotlib

    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": f"curves {name}"}):
        figure, axes = panel()
        for number, (label, points) in enumerate(curves.items()):
            xs, ys = [x for x, _ in points], [y for _, y in points]
            style = {"linewidth": 1.2} if number == 0 else {"linewidth": 1.4, "marker": "o", "markersize": 3.5}
            axes.plot(xs, ys, color=SERIES[number % len(SERIES)], label=label, **style)
        losses = sorted(y for points in curves.values() for _, y in points)
        if losses:
            # The first steps would squeeze all that follows to a flat line.
            axes.set_ylim(min(losses) * 0.9, max(losses[int(0.97 * (len(losses) - 1))] * 1.05, min(losses) * 1.2))
        axes.set_xlim(left=0)
        axes.set_xlabel(f"tokens, {unit}")
        axes.set_ylabel("loss, nats per token")
        legend(axes, 1 + (len(curves) > 2) if len(curves) < 4 else 2)
        return to_svg(figure, f"loss while training {name}")


def smooth(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """Means of equal runs of points: at most `most` of them, so that a long run's page stays small."""
    run = max(1, -(-len(points) // most))
    groups = [points[start : start + run] for start in range(0, len(points), run)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def panel() -> tuple[Figure, Axes]:
    """An empty figure of one panel, to be drawn within `matplotlib.rc_context(SETTINGS)`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=PANEL_INCHES, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    return figure, axes


def legend(axes: Axes, columns: int) -> None:
    """The legend, above the axes."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, handlelength=1.1, columnspacing=1.2, borderpad=0.2
    )


def to_svg(figure: Figure, description: str) -> str:
    """The drawing for a page, in the page's colours; `description` is what a screen reader says of it."""
    target = io.StringIO()
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<title>.*?</title>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(font(?:-family)?): ([0-9.]+px )?[^;\"]*", _font, svg)
    for color, variable in VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    # The page scales the drawing: the size stays in viewBox alone.
    svg = re.sub(r'<svg ([^>]*?)\s?(?:width|height)="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)\s?(?:width|height)="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)


def _font(match: re.Match[str]) -> str:
    # Family from the page; size as drawn.
    return f"font-size: {match[2].strip()}" if match[2] else "font-style: normal"
