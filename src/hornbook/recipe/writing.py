"""Sections about what teachers write: textbooks and exercises."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hornbook.recipe.section import Count, Positive, Section, Share

Phrase = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
"""One line of words that go into a prompt."""
Phrases = tuple[Phrase, ...]


class WriteTextbooksConfig(Section):
    """Synthetic textbooks (section 2.2): made diverse by topic and audience, and by style, length and difficulty."""

    num_sections: Count = 1000
    """How many sections the built-in teacher writes (the paper: about 1B tokens)."""
    num_requests: Count = 0
    """How many sections the `writer` is asked for on top; those whose code runs stay."""
    topics: Literal["tree", "list"] = "tree"
    """What the `writer` is asked about. `tree`: the subtopics of `hornbook.synthesize.topics`, in turn, basic reasoning
    and algorithms first. `list`: topics drawn from the word lists, as for the replies that ship with hornbook."""
    num_proposed_topics: Count = 0
    """Of so many topics of the tree, from its beginning, the `writer` is first asked for further subtopics, about which
    sections are written as well."""
    styles: Phrases = ()
    """How the `writer` shall write, in words of your own such as "a dialogue between two students": each section gets
    one of them. Empty: nothing is said of it, as for the replies that ship with hornbook."""
    lengths: Phrases = ()
    """How long a section of the `writer` shall be, such as "about 400 words of prose"; a longer one needs a larger
    `writer.max_tokens`. Empty: 120, 150 or 200 words."""
    difficulties: Phrases = ()
    """How hard a section of the `writer` may be, such as "after a first course". Empty: a level of the tree of topics,
    and with `topics = "list"` nothing is said of it."""
    max_repairs: Annotated[int, Field(ge=0, le=1)] = 1
    """How often the `writer` is shown the error of a section whose code fails, to write the section anew."""
    max_similarity: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """A section of the `writer` that shares more than this part of its runs of five words with an earlier one (their
    Jaccard index) is dropped as `near_repeat`."""

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        if self.topics == "list" and self.num_proposed_topics:
            raise ValueError(
                f"num_proposed_topics {self.num_proposed_topics} extends the tree of topics, and topics is 'list': "
                "set topics to 'tree' or num_proposed_topics to 0"
            )
        return self

    @model_validator(mode="after")
    def _check_variety(self) -> Self:
        for name in ("styles", "lengths", "difficulties"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise ValueError(f"{name} has the same words twice: each is drawn as often as it stands there")
        return self


class WriteExercisesConfig(Section):
    """CodeExercises (section 2.2): docstring-to-solution tasks, each verified by execution."""

    num_exercises: Count = 880_000
    """How many exercises the built-in teacher writes for training (the paper: 880k, 180M tokens)."""
    num_requests: Count = 0
    """How many exercises the `writer` is asked for on top; those that are proven by running them stay."""
    num_solutions: Positive = 1
    """With more than 1, an exercise whose stated results do not hold gets further solutions by the `writer`, up to so
    many in all, from the signature and the docstring alone. Where a majority of different solutions agrees on
    generated inputs, the results that they compute become the tests."""
    num_baseline_requests: Count = 0
    """How many exercises the `writer` is asked for without any constraint, to measure what constraints add to
    diversity; no model is trained on them."""
    min_held_share: Share = 0.6
    """Share of the asserts in a reply of the `writer` that must hold; 1 asks for all. Those that do not hold are taken
    for its slips and left out: a small model's code is right more often than the results that it states."""
    num_heldout: Positive = 300
    """How many held-out problems it writes, from compositions that no training exercise contains."""
    max_depth: Annotated[int, Field(ge=2, le=3)] = 3
    """How many operations one exercise composes at the most; a held-out one composes at least two."""
