"""What asking language models will cost before a cent is spent: requests, tokens, dollars, and whether a budget does.

Prompts are rendered as the stages would render them, for a sample of the requests; nothing is sent.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.recipe import Recipe
from hornbook.run.folder import RunFolder
from hornbook.run.runner import PlannedNode
from hornbook.teacher.budget import Budget, Mode, Tokens, most_tokens
from hornbook.teacher.chat import ChatRequest
from hornbook.teacher.ledger import open_ledger, read_spent
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher_costs.askings import Asking, find_askings
from hornbook.teacher_costs.follow_ups import FollowUp

SAMPLE_REQUESTS = 2000
"""Rendered of a stage; about half a second."""
BYTES_PER_TOKEN = 4.5
"""Of a request's JSON, where the cache holds none of this stage: what Qwen2.5's tokenizer makes of the requests for
exercises (docs/lab-notes.md)."""
MIN_REPLIES = 20
"""Fewer say nothing about the mean."""


@dataclass(frozen=True)
class TeacherCost:
    """What one stage will ask of whom. Figures are for the requests that the cache has no reply to.

    Requests that follow from its replies are a `TeacherCost` of their own.
    """

    node: str
    """Of the graph, with a word for what is asked where the stage asks for several things."""
    model: str
    num_requests: int
    """Of those that follow from replies, as many as are expected."""
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


def teacher_costs(recipe: Recipe, planned: Sequence[PlannedNode], folder: RunFolder) -> list[TeacherCost]:
    """The cost of each stage that will ask a language model, in the order of the plan."""
    before: dict[tuple[Path, str], Tokens] = {}
    askings = [asking for asking in find_askings(recipe, planned, folder) if asking.num_requests]
    return [cost for asking in askings for cost in _costs(asking, before)]


@dataclass(frozen=True)
class _Known:
    """What a reply cache says about a stage before it runs."""

    digests: frozenset[str] = frozenset()
    """Of the sampled requests that have a reply."""
    bytes_per_token: float = BYTES_PER_TOKEN
    """Of a request's JSON."""
    mean_completion: float | None = None
    texts: Sequence[str] = ()
    """Of enough replies to tell something."""
    spent: Mapping[Mode, Tokens] = field(default_factory=dict)
    num_followed: int = 0
    """Requests that follow from this stage's replies and have a reply themselves."""


def _look_up(asking: Asking, sample: Sequence[ChatRequest], budget: Budget) -> _Known:
    if not asking.replies.is_file():
        return _Known()
    with ReplyCache(asking.replies, must_exist=True) as cache:
        kept = cache.find_all(sample)
        num_followed = _count_followed(cache, asking)
        spent: dict[Mode, Tokens] = {}
        if budget.is_bounded:
            open_ledger(cache)
            spent = read_spent(cache, asking.config.model)
    pairs = [(request, kept[request.digest]) for request in sample if request.digest in kept]
    told = [(len(request.canonical.encode()), reply) for request, reply in pairs if reply.prompt_tokens]
    if len(told) < MIN_REPLIES:
        return _Known(frozenset(kept), spent=spent, num_followed=num_followed)
    return _Known(
        frozenset(kept),
        sum(size for size, _ in told) / sum(reply.prompt_tokens for _, reply in told),
        statistics.fmean(reply.completion_tokens for _, reply in told),
        [reply.text for _, reply in told],
        spent,
        num_followed,
    )


def _count_followed(cache: ReplyCache, asking: Asking) -> int:
    """Replies of the stage's model to requests that hold the words of its follow-ups; 0 where these have none."""
    if asking.follow_up is None or not asking.follow_up.words:
        return 0
    model, words = (json.dumps(text, ensure_ascii=False) for text in (asking.config.model, asking.follow_up.words))
    ((count,),) = cache.read(
        "SELECT COUNT(*) FROM replies WHERE instr(request, ?) AND instr(request, ?)",
        (f'"model":{model}', words[1:-1]),
    )
    assert isinstance(count, int)
    return count


def _costs(asking: Asking, before: dict[tuple[Path, str], Tokens]) -> Iterator[TeacherCost]:
    """The costs of a stage; `before` has the estimates of earlier ones that share an account, and gets these."""
    config, budget = asking.config, Budget.of(asking.config)
    sample = asking.sample(SAMPLE_REQUESTS)
    known = _look_up(asking, sample, budget)
    asks = config.backend not in ("recorded", "starter")
    missing = [request for request in sample if asks and request.digest not in known.digests]
    num_missing = round(asking.num_requests * len(missing) / len(sample))
    expected, most = _estimate(missing, num_missing, known)
    account = (asking.replies, config.model)

    def cost(node: str, count: int, num_cached: int, expected: Tokens, most: Tokens, *notes: str) -> TeacherCost:
        before[account] = before.get(account, Tokens()) + expected
        prices = "" if budget.has_prices else "no prices are set, so no dollars are shown"
        said = (*notes, prices, _suffices(budget, config.mode, known.spent, before[account]))
        dollars = budget.dollars(expected, config.mode) if budget.has_prices else None
        at_most = budget.dollars(most, config.mode)
        return TeacherCost(
            node,
            config.model,
            count,
            num_cached,
            expected,
            most,
            dollars,
            at_most,
            tuple(note for note in said if note),
        )

    num_cached = asking.num_requests - num_missing
    yield cost(asking.node, asking.num_requests, num_cached, expected, most, f"asks {config.model}", asking.note)
    if asking.follow_up is not None and asks:
        follow_up, share = asking.follow_up, asking.follow_up.share(known.texts)
        num_most = asking.num_requests * follow_up.each
        # Replies that are there may not have been followed up yet: what is missing of both is still to be asked.
        num_leading = asking.num_requests if follow_up.words else num_missing
        count = max(0, round(num_leading * share * follow_up.each) - known.num_followed)
        expected, most = _estimate_follow_ups(follow_up, missing or sample, count, num_most, known)
        note = f"expected of {share:.0%} of the replies, {num_most:,} at most"
        yield cost(f"{asking.node} {follow_up.name}", count, 0, expected, most, note)


def _estimate_follow_ups(
    follow_up: FollowUp, sample: Sequence[ChatRequest], count: int, num_most: int, known: _Known
) -> tuple[Tokens, Tokens]:
    """What `count` requests come to that follow from replies to such ones, and `num_most` of the longest."""
    completion = known.mean_completion or statistics.fmean(request.max_tokens for request in sample)
    each = [follow_up.expected(request, known.bytes_per_token, completion) for request in sample]
    prompt, reply = (statistics.fmean(values) for values in zip(*each, strict=True))
    worst = [follow_up.most(request) for request in sample]
    return Tokens(round(count * prompt), round(count * reply)), Tokens(
        num_most * max(tokens.prompt for tokens in worst), num_most * max(tokens.completion for tokens in worst)
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
