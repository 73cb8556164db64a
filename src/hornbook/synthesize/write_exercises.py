"""The teacher writes CodeExercises (section 2.2 of the paper): docstring-to-solution tasks.

Differs from paper: every solution passed its tests before it counts; GPT-3.5's were not executed.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal

from hornbook.recipe import TeacherConfig, WriteExercisesConfig, WriterConfig
from hornbook.records import Exercise, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import EXERCISES, HELDOUT, Exercises, humaneval_problems
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.synthesize.asking import Asked, replies_file
from hornbook.synthesize.chat_exercises import chat_exercises
from hornbook.teacher.protocol import build_teacher

Split = Literal["train", "heldout"]

EXERCISES_PER_TASK = 250
MAX_TRIED = 2
"""Times as many exercises are tried as are wanted, before a stage makes do with what is there."""


@stage(version=1)
def write_exercises(
    *,
    config: WriteExercisesConfig,
    teacher: TeacherConfig,
    writer: WriterConfig,
    seed: int,
    humaneval: str,
    requests: str,
    out: Path,
    machine: Machine,
) -> Exercises:
    """Exercises for training and held-out ones, whose prompts are all different from one another.

    Training gets the built-in teacher's exercises first, then the writer's. `humaneval` is `humaneval_identity()`:
    where it is not empty, no exercise has the name of a HumanEval function. `requests` is `requests_identity()` where
    a writer is asked: it is not used but makes the fingerprint follow the prompts.
    """
    names = tuple(sorted({problem.entry_point for problem in humaneval_problems()})) if humaneval else ()
    writing = _Writing(config, teacher, seed, names, machine.workers)
    # Held-out ones first, so that a prompt that both splits have is left out of training.
    num_heldout = write_rows(out / HELDOUT, Exercise, writing.write("heldout", config.num_heldout))
    heldout_solutions = len(writing.solutions)
    asked = Asked("write_exercises")
    written = chain(
        writing.write("train", config.num_exercises), _ask_writer(config, writer, writing, out, machine, asked)
    )
    num_exercises = write_rows(out / EXERCISES, Exercise, written)
    metrics: dict[str, float] = {
        "distinct_solutions": len(writing.solutions),
        "distinct_heldout_solutions": heldout_solutions,
        "distinct_names": len(writing.names),
        "compositions": len(writing.compositions),
        "mean_chars": round(writing.num_chars / max(1, num_exercises + num_heldout), 1),
    }
    if asked.num_requests:
        metrics |= asked.metrics()
        asked.check(writer)
    rows = {EXERCISES: num_exercises, HELDOUT: num_heldout}
    return Exercises(out, Facts(rows=rows, drops=dict(sorted(writing.drops.items())), metrics=metrics))


def _ask_writer(
    config: WriteExercisesConfig, writer: WriterConfig, writing: _Writing, out: Path, machine: Machine, asked: Asked
) -> Iterator[Exercise]:
    if config.num_requests:
        replies = replies_file(writer, out)
        for exercise in chat_exercises(config, writer, writing.seed, replies, machine, asked):
            if writing.keep(exercise, "train", solution_digest(exercise), asked.drops):
                asked.num_kept += 1
                yield exercise
        writing.drops += asked.drops


@dataclass
class _Writing:
    """Asks the teacher for exercises and keeps what is new; remembers what it kept as digests."""

    config: WriteExercisesConfig
    teacher: TeacherConfig
    seed: int
    forbidden_names: tuple[str, ...]
    workers: int
    drops: Counter[str] = field(default_factory=Counter)
    prompts: dict[bytes, Split] = field(default_factory=dict)
    solutions: set[bytes] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    compositions: set[tuple[str, ...]] = field(default_factory=set)
    num_chars: int = 0

    def write(self, split: Split, wanted: int) -> Iterator[Exercise]:
        """Yields `wanted` exercises in the order of their indices, fewer where the teacher repeats itself too much."""
        kept = tried = 0
        with meter(f"write_exercises {split}", wanted, "exercises") as shown:
            while kept < wanted and tried < MAX_TRIED * wanted:
                for exercise, solution in self._ask(split, tried, wanted - kept):
                    tried += 1
                    if self.keep(exercise, split, solution, self.drops):
                        kept += 1
                        shown.advance()
                        yield exercise

    def keep(self, exercise: Exercise, split: Split, solution: bytes, drops: Counter[str]) -> bool:
        """Whether an exercise is new, and then remembers it; else counts the reason in `drops`."""
        if reason := self._drop_reason(exercise, split):
            drops[reason] += 1
            return False
        self._remember(exercise, split, solution)
        return True

    def _ask(self, split: Split, start: int, count: int) -> Iterator[tuple[Exercise, bytes]]:
        ranges = [
            range(first, min(first + EXERCISES_PER_TASK, start + count))
            for first in range(start, start + count, EXERCISES_PER_TASK)
        ]
        tasks = ((self.config, self.teacher, self.seed, self.forbidden_names, split, indices) for indices in ranges)
        for written in in_workers(_write_task, tasks, self.workers):
            yield from written

    def _drop_reason(self, exercise: Exercise, split: Split) -> str | None:
        if exercise.name in self.forbidden_names:
            return "humaneval_name"
        earlier = self.prompts.get(_digest(exercise.prompt))
        if earlier is None:
            return None
        return "duplicate_prompt" if earlier == split else "heldout_prompt"

    def _remember(self, exercise: Exercise, split: Split, solution: bytes) -> None:
        self.prompts[_digest(exercise.prompt)] = split
        self.solutions.add(solution)
        self.names.add(exercise.name)
        if exercise.operations:
            self.compositions.add(exercise.operations)
        self.num_chars += len(exercise.prompt) + len(exercise.solution)


def _write_task(
    config: WriteExercisesConfig,
    teacher: TeacherConfig,
    seed: int,
    forbidden_names: tuple[str, ...],
    split: Split,
    indices: range,
) -> list[tuple[Exercise, bytes]]:
    writer = build_teacher(teacher, seed, max_depth=config.max_depth, forbidden_names=forbidden_names).exercises
    written = writer.exercises(len(indices), split, start=indices.start)
    return [(exercise, solution_digest(exercise)) for exercise in written]


def solution_digest(exercise: Exercise) -> bytes:
    """Equal for solutions of the same structure: names, constants, annotations and the docstring do not count."""
    module = ast.parse(exercise.prompt + exercise.solution)
    function = next(node for node in module.body if isinstance(node, ast.FunctionDef))
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return _digest("\n".join(_structure(statement) for statement in statements))


def _structure(node: ast.AST) -> str:
    # A method's name is what the code does, not what its author called it.
    label = f".{node.attr}" if isinstance(node, ast.Attribute) else type(node).__name__
    return f"({label} {' '.join(_structure(child) for child in ast.iter_child_nodes(node))})"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
