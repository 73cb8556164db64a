"""Textbook sections by a chat teacher: asked for by constraint, read, their code proven by running it, and new."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.recipe import WriterConfig
from hornbook.records import TextbookSection
from hornbook.run.machine import Machine
from hornbook.synthesize.asking import Asked, ask_in_rounds
from hornbook.synthesize.constraints import draw_section
from hornbook.synthesize.read_exercise import Unreadable
from hornbook.synthesize.read_section import SectionDraft, read_section, verify_sections
from hornbook.synthesize.requests import section_request
from hornbook.teacher.chat import ChatRequest

LIMITS = Limits(timeout_s=2.0)


def chat_sections(
    num_requests: int, writer: WriterConfig, seed: int, replies: Path, machine: Machine, asked: Asked
) -> Iterator[TextbookSection]:
    """Yields what is right of the replies to so many requests, in their order.

    The rest is counted in `asked` by reason: those of `ask_in_rounds`, `read_section` and `verify_sections`, and
    `duplicate_code` where an earlier section has the same code.
    """
    codes: set[str] = set()

    def request(index: int) -> ChatRequest:
        return section_request(writer, seed, index)

    rounds = ask_in_rounds(writer, replies, request, num_requests, asked, device=machine.device)
    with Sandbox(LIMITS, policy=machine.sandbox) as sandbox:
        for texts in rounds:
            drafts = _read(texts, asked)
            outcomes = verify_sections(list(drafts.values()), sandbox, workers=machine.workers)
            for index, outcome in zip(drafts, outcomes, strict=True):
                if isinstance(outcome, str):
                    asked.drops[outcome] += 1
                    continue
                # Comments and spaces make no difference.
                code = ast.dump(ast.parse(outcome.code))
                if code in codes:
                    asked.drops["duplicate_code"] += 1
                    continue
                codes.add(code)
                constraints = draw_section(seed, index)
                asked.num_kept += 1
                yield TextbookSection(constraints.topic, constraints.audience, outcome.text)


def _read(texts: list[tuple[int, str]], asked: Asked) -> dict[int, SectionDraft]:
    drafts = {}
    for index, text in texts:
        try:
            drafts[index] = read_section(text)
        except Unreadable as reason:
            asked.drops[str(reason)] += 1
    return drafts
