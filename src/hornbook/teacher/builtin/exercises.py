"""Exercises: compositions of operations as functions to complete, each proven by running it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from hornbook.records import Exercise
from hornbook.teacher.builtin.code import STYLES, render_solution
from hornbook.teacher.builtin.composition import MAX_DEPTH, Split, draw_chain, pivots
from hornbook.teacher.builtin.english import describe, frames_of
from hornbook.teacher.builtin.operation import Operation
from hornbook.teacher.builtin.task import (
    GrammarError,
    bind,
    draw_cases,
    empty_result,
    render_docstring,
    render_tests,
    verify,
    why_trivial,
)
from hornbook.teacher.builtin.weights import Choice

DEPTH_WEIGHTS: Sequence[float] = (0.25, 0.45, 0.3)
STYLE_WEIGHTS: Mapping[str, float] = {"comprehension": 0.6, "loop": 0.2, "early_return": 0.1, "helper": 0.1}
DOCSTRING_STYLE_WEIGHTS: Mapping[str, float] = {"plain": 0.7, "google": 0.12, "doctest": 0.18}
MAX_CHARS = 900
"""Longest prompt and solution together."""
_MAX_ATTEMPTS = 1000
_PIVOT_ATTEMPTS = 200


class ExerciseTeacher:
    """Writes exercises, the same ones for the same seed, split and index.

    `rejections` counts the drafts that were thrown away, by reason. Raises ValueError for weights that cannot be
    used, and GrammarError where a solution disagrees with its reference, which is a bug in the grammar.
    """

    def __init__(
        self,
        seed: int,
        *,
        max_depth: int = MAX_DEPTH,
        depth_weights: Sequence[float] = DEPTH_WEIGHTS,
        style_weights: Mapping[str, float] | None = None,
        docstring_style_weights: Mapping[str, float] | None = None,
        type_hint_share: float = 0.7,
        forbidden_names: Collection[str] = (),
    ) -> None:
        if not 1 <= max_depth <= min(MAX_DEPTH, len(depth_weights)):
            raise ValueError(f"max_depth is {max_depth}; it must be 1 to {min(MAX_DEPTH, len(depth_weights))}")
        self.seed = seed
        self.type_hint_share = type_hint_share
        self.forbidden_names = frozenset(forbidden_names)
        self.rejections: Counter[str] = Counter()
        depths = range(1, max_depth + 1)
        self._deepest = max((depth for depth in depths if depth_weights[depth - 1] > 0), default=0)
        self._depths = Choice(dict(zip(depths, depth_weights, strict=False)), depths)
        self._styles = Choice(style_weights or STYLE_WEIGHTS, STYLES)
        self._docstring_styles = Choice(docstring_style_weights or DOCSTRING_STYLE_WEIGHTS, DOCSTRING_STYLE_WEIGHTS)
        self._frames = {depth: Choice(frames_of(depth), frames_of(depth)) for depth in depths}

    def exercises(self, count: int, split: Split, *, start: int = 0) -> Iterator[Exercise]:
        """Yields the exercises with the indices from `start` on, distinct by prompt within one call.

        Workers can take ranges of indices. An index whose prompt an earlier one of the same call has is drawn
        again, so two ranges made apart can share a few prompts: drop these after joining.
        """
        if split == "heldout" and self._deepest < 2:
            raise ValueError("held-out exercises join two operations or more, but depth_weights allow only one")
        seen: set[str] = set()
        for index in range(start, start + count):
            plan = self._plan(index, split)
            for attempt in range(_MAX_ATTEMPTS):
                exercise = self._draft(index, attempt, split, *plan)
                if exercise is None:
                    continue
                if exercise.prompt not in seen:
                    seen.add(exercise.prompt)
                    yield exercise
                    break
                self.rejections["duplicate_prompt"] += 1
            else:
                raise GrammarError(
                    f"{split} exercise {index}: no draft in {_MAX_ATTEMPTS} is new, see {self.rejections}"
                )

    def _plan(self, index: int, split: Split) -> tuple[int, Operation]:
        """The depth of an exercise and the operation that it is built around.

        They depend on the index alone, so that every operation gets its turn, and drafts that are rejected more
        often at some depth or for some operation are made up for.
        """
        options = [one for one in pivots(split) if self._deepest > 1 or one.takes.arguments]
        turn, place = divmod(index, len(options))
        pivot = random.Random(f"{self.seed}/{split}/turn/{turn}").sample(options, len(options))[place]
        rng = random.Random(f"{self.seed}/{split}/{index}")
        depth = self._depths.draw(rng)
        lowest = 2 if split == "heldout" or not pivot.takes.arguments else 1
        while depth < lowest:
            depth = self._depths.draw(rng)
        return depth, pivot

    def _draft(self, index: int, attempt: int, split: Split, depth: int, pivot: Operation) -> Exercise | None:
        rng = random.Random(f"{self.seed}/{split}/{index}/{attempt}")
        if attempt >= _PIVOT_ATTEMPTS:  # few operations have no composition of this depth in the split
            pivot = rng.choice(pivots(split))
        chain = draw_chain(rng, depth, split, pivot)
        if chain is None:
            self.rejections["composition_not_in_split"] += 1
            return None
        task = bind(chain, rng, self.forbidden_names)
        if task is None:
            self.rejections["name_forbidden"] += 1
            return None
        cases = draw_cases(task, rng)
        if reason := why_trivial(task, cases):
            self.rejections[reason] += 1
            return None
        style = self._styles.draw(rng)
        solution, style = render_solution(task.steps, task.argument, style, empty_result(task, cases))
        summary = describe(task.steps, task.argument, self._frames[depth].draw(rng), rng)
        docstring = render_docstring(task, summary, self._docstring_styles.draw(rng), cases)
        prompt = task.signature(rng.random() < self.type_hint_share) + docstring
        if len(prompt) + len(solution) > MAX_CHARS:
            self.rejections["too_long"] += 1
            return None
        verify(prompt + solution, task.name, cases)
        operations = tuple(operation.name for operation in chain)
        task_id = f"builtin/{split}/{self.seed}/{index}"
        return Exercise(task_id, task.name, prompt, solution, render_tests(cases), operations, style)
