"""Textbook sections made diverse by style, length and difficulty as well, in the words of the recipe.

The requests without any of them are those of `requests.py`, which recorded replies belong to: these stay as they are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from hornbook.recipe import WriteTextbooksConfig
from hornbook.records import Subtopic
from hornbook.synthesize.constraints import draw_section
from hornbook.synthesize.requests import VARIED_SECTION_PROMPT
from hornbook.synthesize.topics import draw_tree_section
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.prompts import render


@dataclass(frozen=True)
class Variety:
    """What sections may be like; an empty one leaves requests as they are."""

    styles: tuple[str, ...] = ()
    lengths: tuple[str, ...] = ()
    difficulties: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: WriteTextbooksConfig) -> Variety:
        """As a recipe says."""
        return cls(config.styles, config.lengths, config.difficulties)

    def __bool__(self) -> bool:
        return bool(self.styles or self.lengths or self.difficulties)


@dataclass(frozen=True)
class VariedConstraints:
    """What one section shall be. An empty text leaves it open."""

    topic: str
    subject: str
    audience: str
    form: str
    style: str
    level: str
    length: str


def draw_varied_section(variety: Variety, subtopics: Sequence[Subtopic], seed: int, index: int) -> VariedConstraints:
    """The constraints of section `index`, the same for the same arguments.

    Topic, reader and form, and what the recipe leaves open, are those of the section without variety; each of the rest
    is drawn by itself, so that all combinations come up.
    """
    draw = random.Random(f"varied-section/{seed}/{index}")
    style, length, level = (
        draw.choice(given) if given else "" for given in (variety.styles, variety.lengths, variety.difficulties)
    )
    if subtopics:
        leaf = draw_tree_section(subtopics, seed, index)
        topic, subject, drawn_level = f"{leaf.topic}: {leaf.subtopic}", leaf.subtopic, leaf.level
        audience, form, drawn_length = leaf.audience, leaf.form, leaf.length
    else:
        section = draw_section(seed, index)
        topic, subject, drawn_level = section.topic, section.topic, ""
        audience, form, drawn_length = section.audience, section.form, section.length
    return VariedConstraints(topic, subject, audience, form, style, level or drawn_level, length or drawn_length)


def vary(request: ChatRequest, constraints: VariedConstraints) -> ChatRequest:
    """The request for a section with its last turn in the words of the constraints."""
    question = Message("user", render(f"{VARIED_SECTION_PROMPT}.user", **asdict(constraints)))
    return replace(request, messages=(*request.messages[:-1], question))
