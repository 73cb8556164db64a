"""What each request to a writing teacher is constrained by, so that its replies differ (section 2.2 of the paper).

The paper constrains exercises by the function's name, textbooks by topic and audience. Here an exercise has also a kind
of data, a topic, a level, a way to be solved and a setting; a section a form and a length.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

FILES = ("exercises.toml", "sections.toml", "examples.toml")
TOPIC_SHARE = 0.85
"""Share of the exercises that have a topic and the first word of a name; the others have a whole name and no topic."""
TWIST_SHARE = 0.3
SETTING_SHARE = 0.25
BEGINNING = "begins with "
NAME_WEIGHTS = (0.45, 0.45, 0.1)
"""How often a name has a quality before its noun, an ending after it, both."""


@dataclass(frozen=True)
class ExerciseConstraints:
    """What one exercise shall be. `topic`, `twist` and `setting` may be empty."""

    function_name: str
    """All of it, or how it begins."""
    data: str
    level: str
    docstring: str
    topic: str
    twist: str
    """A way to solve it, or something about the result."""
    setting: str
    """Where the story plays."""


@dataclass(frozen=True)
class SectionConstraints:
    """What one textbook section shall be."""

    topic: str
    audience: str
    form: str
    length: str


def draw_exercise(seed: int, index: int) -> ExerciseConstraints:
    """The constraints of one exercise: the same for the same seed and index, whatever else is asked."""
    words, draw = _read("exercises.toml"), random.Random(f"exercise/{seed}/{index}")
    kind = draw.choices(words["kinds"], weights=[kind["weight"] for kind in words["kinds"]])[0]
    is_topical = draw.random() < TOPIC_SHARE
    return ExerciseConstraints(
        function_name=f"{BEGINNING}{draw.choice(words['verbs'])}_" if is_topical else _draw_name(words, kind, draw),
        data=kind["name"],
        level=draw.choice(words["levels"]),
        docstring=draw.choice(words["docstrings"]),
        topic=draw.choice(kind["topics"]) if is_topical else "",
        twist=draw.choice(words["twists"]) if draw.random() < TWIST_SHARE else "",
        setting=draw.choice(words["settings"]) if draw.random() < SETTING_SHARE else "",
    )


def _draw_name(words: Mapping[str, Any], kind: Mapping[str, Any], draw: random.Random) -> str:
    """Words of the kind of data as often as those that go with all."""
    verb, quality = (draw.choice(draw.choice((words[part], kind[part]))) for part in ("verbs", "qualities"))
    has_quality, has_ending = draw.choices(((True, False), (False, True), (True, True)), weights=NAME_WEIGHTS)[0]
    parts = [verb, *[quality] * has_quality, draw.choice(kind["nouns"])]
    return "_".join([*parts, draw.choice(kind["endings"])] if has_ending else parts)


def draw_section(seed: int, index: int) -> SectionConstraints:
    """The constraints of one textbook section, as `draw_exercise`."""
    words, draw = _read("sections.toml"), random.Random(f"section/{seed}/{index}")
    topics = [topic for kind in _read("exercises.toml")["kinds"] for topic in kind["topics"]]
    return SectionConstraints(
        topic=draw.choice(words["topics"] if draw.random() < 0.5 else topics),
        audience=draw.choice(words["audiences"]),
        form=draw.choice(words["forms"]),
        length=draw.choice(words["lengths"]),
    )


def read_section_words() -> dict[str, list[str]]:
    """The word lists of sections: `topics`, `audiences`, `forms`, `lengths`."""
    return _read("sections.toml")


def read_examples() -> dict[str, list[dict[str, str]]]:
    """Worked examples of `exercises` and `sections`: constraints, and under `reply` an answer to them."""
    return _read("examples.toml")


def constraints_identity() -> str:
    """Hex sha256 of the word lists and examples, for the fingerprint of a stage that draws from them."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(f"{name}\0{_text(name)}\0".encode())
    return digest.hexdigest()


def possible_names() -> set[str]:
    """Every function name that can be drawn."""
    words = _read("exercises.toml")
    names: set[str] = set()
    for kind in words["kinds"]:
        qualities = [*words["qualities"], *kind["qualities"]]
        for verb, noun in itertools.product([*words["verbs"], *kind["verbs"]], kind["nouns"]):
            names.update(f"{verb}_{quality}_{noun}" for quality in qualities)
            for ending in kind["endings"]:
                names.add(f"{verb}_{noun}_{ending}")
                names.update(f"{verb}_{quality}_{noun}_{ending}" for quality in qualities)
    return names


def _text(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


@functools.cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(_text(name))
