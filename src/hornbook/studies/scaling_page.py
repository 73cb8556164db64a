"""The page, the tables and the lines of a scaling study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hornbook.release.text import percent, short_count
from hornbook.studies.plots import Estimate, plot_power_law
from hornbook.studies.power_law import Interval
from hornbook.studies.scaled import COUNTINGS, MIXTURE, PREDICTED, Law, Outcome, Point
from hornbook.studies.write import markdown_table, text_table, write_json, write_page, write_text

PAGE, TABLE, NUMBERS = "scaling.html", "scaling.md", "scaling.json"
PART_NAMES = {MIXTURE: "the mixture", "code": "code", "textbooks": "textbooks"}


def write_scaling(folder: Path, name: str, outcome: Outcome) -> list[str]:
    """Writes page, tables and numbers into a run's folder; the lines for the terminal. Equal inputs, equal bytes."""
    context = {
        "study": "scaling",
        "name": name,
        "plots": _plots(outcome),
        "laws": [_shown_law(law) for law in outcome.laws],
        "recipes": PREDICTED,
        "warning": warning(outcome),
        "parts": [PART_NAMES[part] for part in outcome.points[0].bits_per_byte],
        "points": [_shown_point(point) for point in outcome.points],
        "made": [
            *((f"share of {part} in training", percent(share)) for part, share in outcome.shares.items()),
            *((f"held-out documents of {part}", f"{count:,}") for part, count in outcome.documents.items()),
        ],
    }
    write_page(folder / PAGE, "scaling.html.j2", context)
    points, laws = point_table(outcome), law_table(outcome)
    write_text(folder / TABLE, "\n".join([markdown_table(*points), markdown_table(*laws), warning(outcome), ""]))
    write_json(folder / NUMBERS, numbers(outcome))
    return [*text_table(*points), "", *text_table(*laws), "", warning(outcome)]


def point_table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row a training."""
    parts = list(outcome.points[0].bits_per_byte)
    header = ["width", "seed", "N", "D", "FLOPs", *(f"{PART_NAMES[part]}, bits/byte" for part in parts)]
    rows = []
    for point in outcome.points:
        shown = _shown_point(point)
        counts = [str(shown[key]) for key in ("width", "seed", "weights", "tokens", "flops")]
        rows.append([*counts, *(f"{value:.3f}" for value in point.bits_per_byte.values())])
    return header, rows


def law_table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row a fit."""
    header = ["held-out text", "compute", "irreducible", "exponent", *PREDICTED]
    rows = []
    for law in outcome.laws:
        shown = _shown_law(law)
        counting = law.counting.replace("_", " ")
        rows.append([shown["part"], counting, shown["irreducible"], shown["exponent"], *shown["predictions"]])
    return header, rows


def warning(outcome: Outcome) -> str:
    """How far the predictions reach beyond what was measured."""
    law = outcome.laws[0]
    compute = [point.flops[law.counting] for point in outcome.points]
    last = law.predictions[-1]
    return (
        f"The trainings span a factor of {max(compute) / min(compute):,.0f} in compute; {last.recipe} is "
        f"{last.orders_beyond:.1f} powers of ten beyond the largest. The intervals say what resampled documents "
        "and noise of the size of the residuals do to the fit. They do not say whether one power law holds that far, "
        "nor what another tokenizer, other data and another optimizer would change, "
        "all of which differ there; and a loss is no pass@1."
    )


def _plots(outcome: Outcome) -> list[tuple[str, Markup]]:
    plots = []
    for law in outcome.laws:
        if law.counting != COUNTINGS[0]:
            continue
        points = [(point.flops[law.counting], point.bits_per_byte[law.part]) for point in outcome.points]
        band = [(compute, _estimate(one)) for compute, one in law.band]
        title = PART_NAMES[law.part]
        plots.append((f"{title}: the fit", Markup(plot_power_law(f"{title}, fit", points, band, {}))))
        beyond = [*band, *((compute, _estimate(one)) for compute, one in law.beyond)]
        predictions = {one.recipe: (one.flops, _estimate(one.loss)) for one in law.predictions}
        plot = plot_power_law(f"{title}, extrapolation", points, beyond, predictions)
        plots.append((f"{title}: extrapolated", Markup(plot)))
    return plots


def _estimate(one: Interval) -> Estimate:
    return Estimate(one.value, one.low, one.high)


def _shown_law(law: Law) -> dict[str, Any]:
    return {
        "part": PART_NAMES[law.part],
        "counting": law.counting,
        "irreducible": _interval(law.irreducible),
        "exponent": _interval(law.exponent),
        "residual": f"{law.largest_residual:.4f}",
        "predictions": [_interval(one.loss) for one in law.predictions],
    }


def _interval(one: Interval) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _shown_point(point: Point) -> dict[str, Any]:
    whole, without = point.flops["with_attention"], point.flops["without_attention"]
    return {
        "width": point.hidden_size,
        "seed": point.seed,
        "weights": short_count(point.parameters),
        "tokens": short_count(point.tokens),
        "flops": f"{whole:.2e}",
        "attention": percent(1 - without / whole),
        "losses": [f"{value:.3f}" for value in point.bits_per_byte.values()],
        "epochs": ", ".join(f"{source} {value:.2f}" for source, value in point.epochs.items()),
    }


def numbers(outcome: Outcome) -> dict[str, Any]:
    """Every number of the page, for other programs."""
    laws = [{key: value for key, value in asdict(law).items() if key not in ("band", "beyond")} for law in outcome.laws]
    return {"points": [asdict(point) for point in outcome.points], "laws": laws, "shares": dict(outcome.shares)}
