"""Scores as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hornbook.evaluate.sandbox import VERDICTS
from hornbook.evaluate.score import Compared, Scored
from hornbook.evaluate.scores import PASS_AT, Scores, SetScore


def tables(scored: Sequence[Scored], compared: Sequence[Compared]) -> Iterator[RenderableType]:
    """For each problem set its scores, pairs and protocol."""
    for name in dict.fromkeys(name for one in scored for name in one.results):
        ours = [one.scores for one in scored if name in one.results]
        whole = next(len(one.results[name].problem_set.problems) for one in scored if name in one.results)
        yield score_table(name, whole, {scores.model: scores.sets[name] for scores in ours})
        pairs = [entry for entry in compared if entry.set_label == name]
        if pairs:
            yield comparison_table(pairs)
        yield from _remarks(name, ours)


def score_table(name: str, num_problems: int, scores: Mapping[str, SetScore]) -> Table:
    """pass@k with 95% intervals, and samples by verdict; a row a model, which may cover less than the whole set."""
    caption = "[low, high]: 95% interval"
    table = Table(title=escape(name), title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.caption, table.caption_justify = escape(caption), "left"
    ks = [str(k) for k in PASS_AT if any(str(k) in score.pass_at_k for score in scores.values())]
    table.add_column("model", overflow="fold")
    for column in ("problems", *(f"pass@{k}" for k in ks)):
        table.add_column(column, justify="right")
    seen = [verdict for verdict in VERDICTS if any(score.verdicts[verdict] for score in scores.values())]
    for verdict in seen:
        table.add_column(verdict.replace("_", " "), justify="right")
    for model, score in scores.items():
        table.add_row(
            escape(model),
            f"{score.total.num_problems} of {num_problems}",
            *(_estimate(score, k) for k in ks),
            *(str(score.verdicts[verdict]) for verdict in seen),
        )
    return table


def _estimate(score: SetScore, k: str) -> str:
    if k not in score.pass_at_k:
        return "-"
    found = score.pass_at_k[k]
    return f"{100 * found.value:.1f}% [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def comparison_table(pairs: Sequence[Compared]) -> Table:
    """Each pair on the problems that both answered; a problem is better where more of its samples passed."""
    tests = dict.fromkeys(entry.paired.test for entry in pairs if entry.paired)
    caption = f"difference: second - first, 95% interval; p: {', '.join(tests)}" if tests else None
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    for column in ("first", "second"):
        table.add_column(column, overflow="fold")
    for column in ("problems", "first better", "second better", "difference", "p"):
        table.add_column(column, justify="right")
    for entry in pairs:
        found, names = entry.paired, (escape(entry.first), escape(entry.second))
        if found is None:
            table.add_row(*names, "0", "", "", "none in common", "")
            continue
        table.add_row(
            *names,
            str(entry.num_problems),
            str(found.only_first),
            str(found.only_second),
            f"{100 * found.difference:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]",
            "< 0.001" if found.p_value < 0.001 else f"{found.p_value:.3f}",
        )
    return table


def _remarks(name: str, scores: Sequence[Scores]) -> Iterator[Text]:
    """What was left out and how the scores came to be, each sentence once, with its models where they differ."""
    said: dict[str, list[str]] = {}
    for one in scores:
        score = one.sets[name]
        sentences = [*score.notes, *(f"{task_id} is left out: {why}" for task_id, why in score.unusable.items())]
        how = [f"{key.replace('_', ' ')}: {value}" for key, value in {**one.protocol, **score.protocol}.items()]
        how += [f"{key}: {value}" for key, value in one.execution.items()]
        for sentence in [*sentences, "; ".join(how)]:
            said.setdefault(sentence, []).append(one.model)
    for sentence, models in said.items():
        prefix = "" if len(models) == len(scores) else f"{', '.join(models)}: "
        yield Text(prefix + sentence, style="dim", overflow="fold")
    yield Text("")
