"""What asking language models will cost before a cent is spent: requests, tokens, dollars, and whether a budget does.

Prompts are rendered as the stages would render them, for a sample of the requests; nothing is sent.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.corpus.annotate import read_sample
from hornbook.corpus.chat_annotate import annotation_requests
from hornbook.errors import InputError, MissingDependencyError
from hornbook.evaluate.grader import grading_request
from hornbook.evaluate.problem_sets import load_set, set_label
from hornbook.recipe import ChatConfig, Recipe
from hornbook.records import CodeFile, Subtopic
from hornbook.run.folder import RunFolder
from hornbook.run.runner import PlannedNode
from hornbook.synthesize.requests import (
    exercise_request,
    plain_exercise_request,
    proposal_request,
    section_request,
    tree_section_request,
)
from hornbook.synthesize.topics import read_tree
from hornbook.teacher.budget import Budget, Mode, Tokens, most_tokens
from hornbook.teacher.chat import ChatRequest, replies_file
from hornbook.teacher.ledger import open_ledger, read_spent
from hornbook.teacher.replies import ReplyCache

SAMPLE_REQUESTS = 2000
"""Rendered of a stage; about half a second."""
BYTES_PER_TOKEN = 3.8
"""Of a prompt, where the cache holds none of this stage: what Qwen2.5's tokenizer makes of the prompts for exercises
(docs/lab-notes.md)."""
MIN_REPLIES = 20
"""Fewer say nothing about the mean."""


@dataclass(frozen=True)
class TeacherCost:
    """What one stage will ask of whom. Figures are for the requests that the cache has no reply to."""

    node: str
    model: str
    num_requests: int
    num_cached: int
    """Replies that are there already; an estimate where only a sample of the requests was looked up."""
    expected: Tokens
    """Prompts by their length; replies by the mean of this stage's replies in the cache, or at their longest where it
    holds too few."""
    most: Tokens
    """The worst case that a budget is held against, of one attempt at each."""
    dollars: float | None
    """Of what is expected; None without prices."""
    dollars_at_most: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asking:
    """A stage that asks, before it is looked at."""

    node: str
    config: ChatConfig
    replies: Path
    num_requests: int
    sample: Callable[[int], Sequence[ChatRequest]]
    """So many of its requests, spread over all of them."""
    note: str = ""


def teacher_costs(recipe: Recipe, planned: Sequence[PlannedNode], folder: RunFolder) -> list[TeacherCost]:
    """The cost of each stage that will ask a language model, in the order of the plan."""
    before: dict[tuple[Path, str], Tokens] = {}
    return [_cost(asking, before) for asking in _askings(recipe, planned, folder) if asking.num_requests]


def _askings(recipe: Recipe, planned: Sequence[PlannedNode], folder: RunFolder) -> Iterator[_Asking]:
    for entry in planned:
        if entry.state == "cached":
            continue
        name = entry.node.name
        if name in ("write_exercises", "write_textbooks"):
            yield from _writing(recipe, name, folder)
        elif name == "annotate" and recipe.annotator.backend:
            yield _annotating(recipe, entry, folder)
        elif entry.node.stage.name == "grade":
            yield from _grading(recipe, entry, folder)


def _writing(recipe: Recipe, name: str, folder: RunFolder) -> Iterator[_Asking]:
    writer, seed = recipe.writer, recipe.seed
    replies = replies_file(writer.replies, folder.replies)

    def asking(label: str, count: int, request: Callable[[int], ChatRequest], note: str = "") -> _Asking:
        return _Asking(label, writer, replies, count, lambda size: [request(i) for i in _spread(count, size)], note)

    if name == "write_exercises":
        exercises = recipe.write_exercises
        more = exercises.num_solutions - 1
        note = f"and up to {more} more for each whose stated results do not hold" if more else ""
        yield asking(name, exercises.num_requests, lambda index: exercise_request(writer, seed, index), note)
        count = exercises.num_baseline_requests
        yield asking(f"{name} baseline", count, lambda index: plain_exercise_request(writer, seed, index))
        return
    textbooks, tree = recipe.write_textbooks, read_tree()
    topics = list(dict.fromkeys(leaf.topic for leaf in tree))[: textbooks.num_proposed_topics]
    yield asking(
        f"{name} topics",
        len(topics),
        lambda index: proposal_request(writer, topics[index], _names(tree, topics[index]), seed),
    )
    note = "and one more for each whose code fails" if textbooks.max_repairs else ""
    if textbooks.topics == "list":
        yield asking(name, textbooks.num_requests, lambda index: section_request(writer, seed, index), note)
        return
    note = "; ".join(part for part in (note, "by the tree of topics before it is extended" if topics else "") if part)
    yield asking(name, textbooks.num_requests, lambda index: tree_section_request(writer, tree, seed, index), note)


def _names(tree: Sequence[Subtopic], topic: str) -> list[str]:
    return [leaf.name for leaf in tree if leaf.topic == topic]


def _annotating(recipe: Recipe, entry: PlannedNode, folder: RunFolder) -> _Asking:
    config = recipe.annotator
    replies = replies_file(config.replies, folder.replies)
    files = _finished(entry, "files", folder)
    if files is None:
        # What will be in the corpus is not known yet, so every file is taken for a long one.
        count = recipe.annotate.sample_files * config.max_windows
        longest = CodeFile(text="x = 1\n" * (config.window_chars // 6), origin="", path="", license="")
        requests = list(annotation_requests([longest], config))
        return _Asking(
            "annotate", config, replies, count, lambda size: requests, "at most; its files are not there yet"
        )
    requests = list(annotation_requests(read_sample(files, recipe.annotate, recipe.seed), config))
    return _Asking(
        "annotate",
        config,
        replies,
        len(requests),
        lambda size: [requests[index] for index in _spread(len(requests), size)],
        "and one more for each reply that cannot be read",
    )


def _grading(recipe: Recipe, entry: PlannedNode, folder: RunFolder) -> Iterator[_Asking]:
    """Requests for the completions that are there, or for as many with the reference solution in their place."""
    config = recipe.grade
    evaluation, exercises = _finished(entry, "evaluation", folder), _finished(entry, "exercises", folder)
    requests: list[ChatRequest] = []
    left_out: list[str] = []
    for text in recipe.evaluate.problems:
        label = set_label(text)
        if label not in config.problems:
            continue
        try:
            problems = {problem.task_id: problem for problem in load_set(text, exercises).problems}
        except (InputError, MissingDependencyError):
            left_out.append(label)
            continue
        if evaluation is not None:
            asked = [(problems[sample.task_id], sample.completion) for sample in evaluation.samples(label)]
        else:
            repeats = recipe.evaluate.samples_per_problem
            asked = [(problem, problem.canonical_solution) for problem in problems.values() for _ in range(repeats)]
        requests += [grading_request(problem, completion, config) for problem, completion in asked]
    notes = ["and one more for each reply without a grade"]
    if left_out:
        notes.append(f"without {', '.join(left_out)}, which is not there yet")
    yield _Asking(
        entry.node.name,
        config,
        folder.replies,
        len(requests),
        lambda size: [requests[index] for index in _spread(len(requests), size)],
        "; ".join(notes),
    )


def _finished(entry: PlannedNode, name: str, folder: RunFolder) -> Any:
    """An input's artifact, or None where it is not there as the recipe asks for it."""
    node = entry.node.inputs[name]
    if not folder.artifact_folder(node).is_dir():
        return None
    return node.output_type.load(folder.artifact_folder(node))


def _spread(count: int, size: int) -> Iterator[int]:
    """`size` indices of `count`, or all where there are no more, at even distances."""
    size = min(count, size)
    return (number * count // size for number in range(size))


@dataclass(frozen=True)
class _Known:
    """What a reply cache says about a stage before it runs."""

    digests: frozenset[str] = frozenset()
    """Of the sampled requests that have a reply."""
    bytes_per_token: float = BYTES_PER_TOKEN
    """Of a request's JSON."""
    mean_completion: float | None = None
    spent: Mapping[Mode, Tokens] = field(default_factory=dict)


def _look_up(asking: _Asking, sample: Sequence[ChatRequest], budget: Budget) -> _Known:
    if not asking.replies.is_file():
        return _Known()
    with ReplyCache(asking.replies, must_exist=True) as cache:
        kept = cache.find_all(sample)
        spent: dict[Mode, Tokens] = {}
        if budget.is_bounded:
            open_ledger(cache)
            spent = read_spent(cache, asking.config.model)
    pairs = [(request, kept[request.digest]) for request in sample if request.digest in kept]
    told = [(len(request.canonical.encode()), reply) for request, reply in pairs if reply.prompt_tokens]
    if len(told) < MIN_REPLIES:
        return _Known(frozenset(kept), spent=spent)
    return _Known(
        frozenset(kept),
        sum(size for size, _ in told) / sum(reply.prompt_tokens for _, reply in told),
        statistics.fmean(reply.completion_tokens for _, reply in told),
        spent,
    )


def _cost(asking: _Asking, before: dict[tuple[Path, str], Tokens]) -> TeacherCost:
    """The cost of a stage; `before` has the estimates of earlier stages that share an account, and gets this one's."""
    config, budget = asking.config, Budget.of(asking.config)
    sample = asking.sample(SAMPLE_REQUESTS)
    known = _look_up(asking, sample, budget)
    asks = config.backend not in ("recorded", "starter")
    missing = [request for request in sample if asks and request.digest not in known.digests]
    num_missing = round(asking.num_requests * len(missing) / len(sample))
    expected, most = _estimate(missing, num_missing, known)
    account = (asking.replies, config.model)
    before[account] = before.get(account, Tokens()) + expected
    prices = "" if budget.has_prices else "no prices are set, so no dollars are shown"
    notes = (f"asks {config.model}", asking.note, prices, _suffices(budget, config.mode, known.spent, before[account]))
    return TeacherCost(
        node=asking.node,
        model=config.model,
        num_requests=asking.num_requests,
        num_cached=asking.num_requests - num_missing,
        expected=expected,
        most=most,
        dollars=budget.dollars(expected, config.mode) if budget.has_prices else None,
        dollars_at_most=budget.dollars(most, config.mode),
        notes=tuple(note for note in notes if note),
    )


def _estimate(missing: Sequence[ChatRequest], count: int, known: _Known) -> tuple[Tokens, Tokens]:
    """What `count` requests come to if they are like those of a sample: as expected, and at the most."""
    if not missing:
        return Tokens(), Tokens()
    worst = [most_tokens(request) for request in missing]
    num_bytes = statistics.fmean(len(request.canonical.encode()) for request in missing)
    completion = known.mean_completion or statistics.fmean(tokens.completion for tokens in worst)
    expected = Tokens(round(count * num_bytes / known.bytes_per_token), round(count * completion))
    return expected, Tokens(
        count * max(tokens.prompt for tokens in worst), count * max(tokens.completion for tokens in worst)
    )


def _suffices(budget: Budget, mode: Mode, spent: Mapping[Mode, Tokens], expected: Tokens) -> str:
    """Whether the budget does for what is spent and what is expected up to the end of a stage."""
    if not budget.is_bounded:
        return ""
    total = {**spent, mode: spent.get(mode, Tokens()) + expected}
    field = budget.exceeded_field(total)
    if not field:
        return "within the budget"
    return f"over the budget: {budget.describe(total, field)}; raise {budget.section}.{field} or ask for less"
