"""What a stage may ask of a teacher, whichever backend answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from hornbook.recipe import TeacherConfig
from hornbook.records import Exercise, TextbookSection


class Annotator(Protocol):
    """Judges code."""

    def annotate(self, text: str) -> tuple[float, str]:
        """Educational value, 0 to 10, for a student who wants to learn basic coding, and the reason in words."""
        ...


class TextbookWriter(Protocol):
    """Writes textbook sections."""

    def sections(self, count: int, *, start: int = 0) -> Iterator[TextbookSection]:
        """Yields `count` sections; the same index always gives the same one, so ranges can be written apart."""
        ...


class ExerciseWriter(Protocol):
    """Writes exercises, each proven by running it."""

    def exercises(self, count: int, split: Literal["train", "heldout"], *, start: int = 0) -> Iterator[Exercise]:
        """Yields `count` exercises of a split; ranges of indices can be written apart and may share prompts."""
        ...


@dataclass(frozen=True)
class Teacher:
    """One backend in its three roles."""

    annotator: Annotator
    textbooks: TextbookWriter
    exercises: ExerciseWriter


def build_teacher(
    config: TeacherConfig, seed: int, *, max_depth: int = 3, forbidden_names: Collection[str] = ()
) -> Teacher:
    """The teacher that a recipe names. Cheap, so that every worker process builds its own.

    `max_depth` and `forbidden_names` bind the exercises: how many operations one composes at the most, and names
    that no exercise may have.
    """
    assert config.backend == "builtin", config.backend
    # Imported here so that a stage that only collects does not pay for the grammar.
    from hornbook.teacher.builtin import ExerciseTeacher, RubricTeacher, TextbookTeacher

    return Teacher(
        annotator=RubricTeacher(),
        textbooks=TextbookTeacher(seed),
        exercises=ExerciseTeacher(seed, max_depth=max_depth, forbidden_names=forbidden_names),
    )
