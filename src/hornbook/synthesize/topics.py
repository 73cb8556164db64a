"""The tree of topics for textbook sections (section 2.2 of the paper): topics with subtopics, and more by a teacher."""

from __future__ import annotations

import functools
import hashlib
import random
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from hornbook.records import Subtopic
from hornbook.synthesize.constraints import read_section_words
from hornbook.synthesize.read_exercise import Unreadable

FILE = "topics.toml"
NUM_PROPOSED = 8
"""Subtopics that a teacher proposes for one topic."""
MAX_WORDS, MAX_CHARS = 10, 80
"""Of a proposed subtopic."""
PROPOSAL = re.compile(r"- (\S.*)")


@dataclass(frozen=True)
class TreeSectionConstraints:
    """What one textbook section about a subtopic shall be."""

    topic: str
    subtopic: str
    audience: str
    form: str
    level: str
    """Its difficulty."""
    length: str


def read_tree() -> list[Subtopic]:
    """The leaves of the tree that ships, topic by topic: basic reasoning and algorithms first."""
    topics = _read()["topics"]
    return [Subtopic(topic["name"], name) for topic in topics for name in topic["subtopics"]]


def draw_tree_section(subtopics: Sequence[Subtopic], seed: int, index: int) -> TreeSectionConstraints:
    """The constraints of one section: subtopics come in turn, all else is drawn; the same for the same arguments."""
    words, draw = read_section_words(), random.Random(f"tree-section/{seed}/{index}")
    leaf = subtopics[index % len(subtopics)]
    return TreeSectionConstraints(
        topic=leaf.topic,
        subtopic=leaf.name,
        audience=draw.choice(words["audiences"]),
        form=draw.choice(words["forms"]),
        level=draw.choice(_read()["levels"]),
        length=draw.choice(words["lengths"]),
    )


def read_proposal(text: str, topic: str, known: Collection[str]) -> list[Subtopic]:
    """The subtopics that a reply proposes for a topic.

    Raises Unreadable with the reason `odd_list` unless the reply is `NUM_PROPOSED` lines of the form `- words` and
    nothing else, `known_subtopic` where one is among those that are known or stands there twice.
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    found = [PROPOSAL.fullmatch(line) for line in lines]
    names = [match[1] for match in found if match]
    if len(lines) != NUM_PROPOSED or len(names) != NUM_PROPOSED:
        raise Unreadable("odd_list")
    if any(len(name.split()) > MAX_WORDS or len(name) > MAX_CHARS for name in names):
        raise Unreadable("odd_list")
    folded = [name.casefold() for name in names]
    if len(set(folded)) < len(names) or set(folded) & {name.casefold() for name in known}:
        raise Unreadable("known_subtopic")
    return [Subtopic(topic, name) for name in names]


def topics_identity() -> str:
    """Hex sha256 of the tree, for the fingerprint of a stage that asks about it."""
    return hashlib.sha256(_text().encode()).hexdigest()


@functools.cache
def _read() -> dict[str, Any]:
    return tomllib.loads(_text())


def _text() -> str:
    return (resources.files("hornbook.synthesize.constraints") / FILE).read_text(encoding="utf-8")
