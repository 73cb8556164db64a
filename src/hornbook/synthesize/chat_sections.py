"""Textbook sections by a chat teacher: asked for by constraint, read, their code proven by running it, and new."""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.recipe import WriterConfig, WriteTextbooksConfig
from hornbook.records import Subtopic, TextbookSection
from hornbook.run.machine import Machine
from hornbook.synthesize.asking import Asked, ask_in_rounds
from hornbook.synthesize.constraints import draw_section
from hornbook.synthesize.follow_ups import repair_request
from hornbook.synthesize.near_repeats import NearRepeats
from hornbook.synthesize.read_exercise import Unreadable
from hornbook.synthesize.read_section import BrokenCode, SectionDraft, read_section, verify_sections
from hornbook.synthesize.requests import proposal_request, section_request, tree_section_request
from hornbook.synthesize.topics import draw_tree_section, read_proposal, read_tree
from hornbook.synthesize.variety import Variety, draw_varied_section, vary
from hornbook.teacher.chat import ChatReply, ChatRequest

LIMITS = Limits(timeout_s=2.0)

Proven = dict[int, SectionDraft | BrokenCode]
"""By index a section whose code runs, or why it is none."""


@dataclass(frozen=True)
class Catalogue:
    """What sections are asked for: subtopics in turn, or topics drawn from the word lists where there are none."""

    writer: WriterConfig
    seed: int
    subtopics: Sequence[Subtopic] = ()
    variety: Variety = field(default_factory=Variety)

    def request(self, index: int) -> ChatRequest:
        """The request for section `index`."""
        if self.subtopics:
            request = tree_section_request(self.writer, self.subtopics, self.seed, index)
        else:
            request = section_request(self.writer, self.seed, index)
        if not self.variety:
            return request
        return vary(request, draw_varied_section(self.variety, self.subtopics, self.seed, index))

    def section(self, index: int, text: str) -> TextbookSection:
        """The reply to it as a row."""
        if self.subtopics:
            leaf = draw_tree_section(self.subtopics, self.seed, index)
            return TextbookSection(f"{leaf.topic}: {leaf.subtopic}", leaf.audience, text)
        drawn = draw_section(self.seed, index)
        return TextbookSection(drawn.topic, drawn.audience, text)


@dataclass
class Repairs:
    """What came of showing their errors to the writer."""

    num_asked: int = 0
    num_repaired: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """What was wrong before, by reason."""


def propose_subtopics(
    count: int, writer: WriterConfig, seed: int, replies: Path, machine: Machine, asked: Asked
) -> list[Subtopic]:
    """Further subtopics of the first `count` topics of the tree, in the tree's order.

    What gives none is counted in `asked`: reasons of `ask_in_rounds` and `read_proposal`.
    """
    known: dict[str, list[str]] = {}
    for leaf in read_tree():
        known.setdefault(leaf.topic, []).append(leaf.name)
    topics = list(known)[:count]

    def request(index: int) -> ChatRequest:
        return proposal_request(writer, topics[index], known[topics[index]], seed)

    proposed: list[Subtopic] = []
    for texts in ask_in_rounds(writer, replies, request, len(topics), asked, device=machine.device):
        for index, text in texts:
            try:
                proposed += read_proposal(text, topics[index], known[topics[index]])
                asked.num_kept += 1
            except Unreadable as reason:
                asked.drops[str(reason)] += 1
    return proposed


def chat_sections(
    config: WriteTextbooksConfig,
    catalogue: Catalogue,
    replies: Path,
    machine: Machine,
    asked: Asked,
    repairs: Repairs,
) -> Iterator[TextbookSection]:
    """Yields what is right of the replies to `config.num_requests` requests, in their order.

    A section whose code fails is asked for once more with its error, where `config.max_repairs` allows it. The rest is
    counted in `asked` by reason: those of `ask_in_rounds`, `read_section` and `verify_sections`, of a repair also those
    of a `Failure` and `repair_not_recorded`; `duplicate_code` where an earlier section has the same code, and
    `near_repeat` where one has much of the same text.
    """
    codes: set[str] = set()
    texts_so_far = NearRepeats(config.max_similarity)
    rounds = ask_in_rounds(
        catalogue.writer, replies, catalogue.request, config.num_requests, asked, device=machine.device
    )
    with Sandbox(LIMITS, policy=machine.sandbox) as sandbox:
        prove = functools.partial(_prove, sandbox, machine.workers)
        for texts in rounds:
            outcomes = prove(texts)
            if config.max_repairs:
                outcomes |= _repair(dict(texts), outcomes, catalogue, asked, repairs, prove)
            for index, _ in texts:
                outcome = outcomes[index]
                reason = outcome.reason if isinstance(outcome, BrokenCode) else _repeats(outcome, codes, texts_so_far)
                if reason:
                    asked.drops[reason] += 1
                else:
                    assert isinstance(outcome, SectionDraft)
                    asked.num_kept += 1
                    yield catalogue.section(index, outcome.text)


def _prove(sandbox: Sandbox, workers: int, texts: Sequence[tuple[int, str]]) -> Proven:
    """Each reply read and its code run; one that is no section is broken for the reason of `read_section`."""
    outcomes: Proven = {}
    drafts: dict[int, SectionDraft] = {}
    for index, text in texts:
        try:
            drafts[index] = read_section(text)
        except Unreadable as reason:
            outcomes[index] = BrokenCode(str(reason), reason.detail)
    verified = verify_sections(list(drafts.values()), sandbox, workers=workers)
    return outcomes | dict(zip(drafts, verified, strict=True))


def _repair(
    texts: dict[int, str],
    outcomes: Proven,
    catalogue: Catalogue,
    asked: Asked,
    repairs: Repairs,
    prove: Callable[[Sequence[tuple[int, str]]], Proven],
) -> Proven:
    """What repairs make of the sections whose code has an error to show."""
    broken = {index: one for index, one in outcomes.items() if isinstance(one, BrokenCode) and one.error}
    asked_for = [repair_request(catalogue.request(index), texts[index], one.error) for index, one in broken.items()]
    replies = dict(zip(broken, asked.again(asked_for), strict=True))
    failed: Proven = {}
    whole: list[tuple[int, str]] = []
    for index, reply in replies.items():
        if isinstance(reply, ChatReply) and reply.finish_reason != "length":
            whole.append((index, reply.text))
        else:
            reason = "cut_off" if isinstance(reply, ChatReply) else reply.reason
            failed[index] = BrokenCode("repair_not_recorded" if reason == "not_recorded" else reason, "")
    repaired = prove(whole)
    repairs.num_asked += len(broken)
    repairs.num_repaired += sum(isinstance(one, SectionDraft) for one in repaired.values())
    repairs.errors.update(one.reason for one in broken.values())
    return failed | repaired


def _repeats(draft: SectionDraft, codes: set[str], texts_so_far: NearRepeats) -> str:
    """Why a section says nothing new; empty where it does, and then it is remembered."""
    # Comments and spaces make no difference.
    code = ast.dump(ast.parse(draft.code))
    if code in codes:
        return "duplicate_code"
    if not texts_so_far.add(draft.text):
        return "near_repeat"
    codes.add(code)
    return ""
