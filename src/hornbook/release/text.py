"""Text of the report: code with highlighting, numbers with their units, the lines for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.evaluate.scores import Score, Scores
from hornbook.run.artifact import Fact

SET_NAMES = {
    "heldout": "held-out exercises",
    "humaneval": "HumanEval",
    "humaneval+": "HumanEval+",
    "mbpp": "MBPP, 3 examples",
    "mbpp-docstring": "MBPP, docstring",
    "mbpp+": "MBPP+",
    "unconventional": "unconventional problems",
}
MODEL_NAMES = {
    "base": "base",
    "finetuned": "finetuned",
    "small_base": "small base",
    "small": "small finetuned",
}
FENCE = re.compile(r"^```\w*\n(.*?)^```\s*$", re.DOTALL | re.MULTILINE)


def code_html(code: str) -> Markup:
    """Python code with highlighting; escaped, whatever is in it."""
    formatter = HtmlFormatter(nowrap=True)
    return Markup(highlight(code.strip("\n"), PythonLexer(stripnl=False, ensurenl=False), formatter))


def code_style(style: str) -> str:
    """Style sheet rules for `code_html` below an element of class `code`."""
    rules = HtmlFormatter(style=style).get_token_style_defs(".code")
    return "\n".join(rule for rule in rules if not rule.startswith(".code .err"))


def prose_html(text: str) -> Markup:
    """A textbook section: Markdown's headings, fenced code and inline code; all else is a paragraph."""
    parts: list[Markup] = []
    position = 0
    for fence in FENCE.finditer(text):
        parts += _paragraphs(text[position : fence.start()])
        parts.append(Markup('<pre class="code">{}</pre>').format(code_html(fence[1])))
        position = fence.end()
    return Markup("\n").join([*parts, *_paragraphs(text[position:])])


def _paragraphs(text: str) -> list[Markup]:
    blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
    return [_block(block) for block in blocks]


def _block(block: str) -> Markup:
    lines = block.strip("\n").splitlines()
    heading = re.match(r"#{1,6} (.*)", block.strip())
    if heading:
        title, _, rest = block.strip().partition("\n")
        below = _block(rest) if rest.strip() else Markup("")
        return Markup("<h5>{}</h5>").format(_inline(title.lstrip("# "))) + below
    if all(line.startswith(("    ", "\t")) for line in lines):
        return Markup('<pre class="code">{}</pre>').format(code_html(block))
    bullet = next((place for place, line in enumerate(lines) if line.startswith("- ")), len(lines))
    if bullet < len(lines) and all(line.startswith("- ") for line in lines[bullet:]):
        before = _block("\n".join(lines[:bullet])) if bullet else Markup("")
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines[bullet:])
        return before + Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline(block.strip()))


def _inline(text: str) -> Markup:
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def percent(share: float) -> str:
    """`0.4213` as `42.1%`."""
    return f"{100 * share:.1f}%"


def interval(score: Score) -> str:
    """The 95% interval of a score in percent."""
    return f"{100 * score.low:.1f} to {100 * score.high:.1f}"


def p_value(value: float) -> str:
    """A p-value that is not more exact than it is."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def label_of(name: str) -> str:
    """`mean_educational_value` as words."""
    return name.replace("_", " ")


def fact(name: str, value: Fact) -> str:
    """A measured value as text; the name's words say how to write it."""
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if {"share", "fraction"} & set(name.split("_")) and 0 <= value <= 1:
        return percent(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def fact_rows(metrics: Mapping[str, Fact]) -> list[tuple[str, str]]:
    """Measured values as (label, text); `x` with `x_low` and `x_high` is one value with its interval.

    Times and speeds stay in the manifests: pages made from equal inputs are equal.
    """
    rows: list[tuple[str, str]] = []
    for name, value in metrics.items():
        stem = name.removesuffix("_low").removesuffix("_high")
        if (stem != name and stem in metrics) or name.endswith("_s") or name == "mfu":
            continue
        text = fact(name, value)
        if metrics.get(f"{name}_low") is not None and metrics.get(f"{name}_high") is not None:
            text += f" ({fact(name, metrics[f'{name}_low'])} to {fact(name, metrics[f'{name}_high'])})"
        rows.append((label_of(name), text))
    return rows


def short_count(count: float) -> str:
    """`2_410_000` as `2.4M`."""
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            return f"{count / size:.3g}{suffix}"
    return f"{count:,.0f}"


def summary_lines(
    scores: Mapping[str, Scores], gains: Mapping[tuple[str, str], Mapping[str, PairedComparison]]
) -> list[str]:
    """Scores as lines for the terminal: a row a model, a column a problem set, then what finetuning gave.

    `gains` has for each (before, after) pair of models the paired comparison by problem set.
    """
    sets = list(dict.fromkeys(name for one in scores.values() for name in one.sets))
    width = max(len(MODEL_NAMES.get(label, label)) for label in scores)
    columns = [f"{SET_NAMES.get(name, name):>24}" for name in sets]
    lines = [f"{'pass@1':<{width}}  {'  '.join(columns)}"]
    for label, one in scores.items():
        cells = [f"{_cell(one, name):>24}" for name in sets]
        lines.append(f"{MODEL_NAMES.get(label, label):<{width}}  {'  '.join(cells)}")
    for (before, after), by_set in gains.items():
        for name, gain in by_set.items():
            lines.append(
                f"{MODEL_NAMES.get(before, before)} -> {MODEL_NAMES.get(after, after)}, {SET_NAMES.get(name, name)}: "
                f"{100 * gain.difference:+.1f} points ({p_value(gain.p_value)}, {gain.test})"
            )
    return lines + sorted({remark for one in scores.values() for remark in one.remarks()})


def _cell(scores: Scores, name: str) -> str:
    if name not in scores.sets:
        return "-"
    total = scores.sets[name].total
    return f"{percent(total.pass_at_1)} [{100 * total.low:.1f}, {100 * total.high:.1f}]"


def drop_rows(drops: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    """Reasons with their counts, most first."""
    return sorted(((label_of(reason), count) for reason, count in drops.items()), key=lambda row: (-row[1], row[0]))
