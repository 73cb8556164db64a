"""The teacher writes CodeExercises (section 2.2 of the paper): docstring-to-solution tasks.

Differs from paper: every solution passed its tests before it counts; GPT-3.5's were not executed.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal

from hornbook.recipe import TeacherConfig, WriteExercisesConfig, WriterConfig
from hornbook.records import Exercise, RowWriter, UnverifiedExercise, write_rows
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import BASELINE, DIVERSITY, EXERCISES, HELDOUT, UNVERIFIED, Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.synthesize.asking import Asked
from hornbook.synthesize.chat_exercises import chat_exercises
from hornbook.synthesize.diversity import Group, measure_diversity, write_diversity
from hornbook.teacher.chat import replies_file
from hornbook.teacher.protocol import build_teacher

Split = Literal["train", "heldout"]

EXERCISES_PER_TASK = 250
MAX_TRIED = 2
"""Times as many exercises are tried as are wanted, before a stage makes do with what is there."""


@stage(version=2)
def write_exercises(
    *,
    config: WriteExercisesConfig,
    teacher: TeacherConfig,
    writer: WriterConfig,
    seed: int,
    entry_points: tuple[str, ...],
    requests: str,
    out: Path,
    machine: Machine,
) -> Exercises:
    """Exercises for training and held-out ones, whose prompts are all different from one another.

    Training gets the built-in teacher's exercises first, then the writer's; what it wrote and did not prove to be an
    exercise is kept apart. No exercise has one of the names in `entry_points`: those of the benchmarks' functions.
    `requests` is `requests_identity()` where a writer is asked: it is not used but makes the fingerprint follow the
    prompts.
    """
    writing = _Writing(config, teacher, seed, entry_points, machine.workers)
    # Held-out ones first, so that a prompt that both splits have is left out of training.
    num_heldout = write_rows(out / HELDOUT, Exercise, writing.write("heldout", config.num_heldout))
    heldout_solutions = len(writing.solutions)
    asked = Asked("write_exercises")
    with contextlib.ExitStack() as stack:
        unverified = (
            stack.enter_context(RowWriter(out / UNVERIFIED, UnverifiedExercise)) if config.num_requests else None
        )
        written = chain(
            writing.write("train", config.num_exercises),
            _ask_writer(writing, writer, out, machine, asked, unverified),
        )
        num_exercises = write_rows(out / EXERCISES, Exercise, written)
    metrics: dict[str, Fact] = {
        "distinct_solutions": len(writing.solutions),
        "distinct_heldout_solutions": heldout_solutions,
        "distinct_names": len(writing.names),
        "compositions": len(writing.compositions),
        "mean_chars": round(writing.num_chars / max(1, num_exercises + num_heldout), 1),
    }
    if unverified is not None:
        metrics |= {**_writer_metrics(config, writing, asked), "unverified_rows": unverified.count}
        asked.check(writer)
    groups = {"builtin": writing.builtin, "writer": writing.written}
    if config.num_baseline_requests:
        groups["baseline"], baseline_metrics = _ask_baseline(config, writer, seed, out, machine)
        metrics |= baseline_metrics
    metrics |= _diversity(groups, out)
    rows = {EXERCISES: num_exercises, HELDOUT: num_heldout}
    return Exercises(out, Facts(rows=rows, drops=dict(sorted(writing.drops.items())), metrics=metrics))


def _ask_writer(
    writing: _Writing,
    writer: WriterConfig,
    out: Path,
    machine: Machine,
    asked: Asked,
    unverified: RowWriter[UnverifiedExercise] | None,
) -> Iterator[Exercise]:
    if unverified is not None:
        replies = replies_file(writer.replies, machine.replies)
        for row in chat_exercises(writing.config, writer, writing.seed, replies, machine, asked):
            if isinstance(row, UnverifiedExercise):
                unverified.add(row)
            elif writing.keep(row, "train", solution_digest(row), asked.drops):
                asked.num_kept += 1
                yield row
        writing.drops += asked.drops


def _ask_baseline(
    config: WriteExercisesConfig, writer: WriterConfig, seed: int, out: Path, machine: Machine
) -> tuple[Group, dict[str, Fact]]:
    """Exercises that were asked for without constraints, written for people to look at, and what asking came to."""
    asked, group = Asked("write_exercises baseline"), Group()
    replies = replies_file(writer.replies, machine.replies)
    with RowWriter(out / BASELINE, Exercise) as kept:
        for row in chat_exercises(config, writer, seed, replies, machine, asked, is_baseline=True):
            if isinstance(row, Exercise):
                asked.num_kept += 1
                group.add(row, solution_digest(row))
                kept.add(row)
    asked.check(writer)
    rate = round(group.num_exercises / config.num_baseline_requests, 4)
    return group, {**asked.tally.metrics("baseline_"), "baseline_acceptance_rate": rate}


def _diversity(groups: Mapping[str, Group], out: Path) -> dict[str, Fact]:
    measured = measure_diversity(groups)
    write_diversity(out / DIVERSITY, measured)
    return {name: value for group, one in measured.items() for name, value in one.metrics(group).items()}


def _writer_metrics(config: WriteExercisesConfig, writing: _Writing, asked: Asked) -> dict[str, Fact]:
    further = {f"solutions_{reason}": count for reason, count in sorted(asked.solution_drops.items())}
    return {
        **asked.metrics(),
        "teacher_acceptance_rate": round(asked.num_kept / config.num_requests, 4),
        **{f"teacher_{verdict}": writing.verdicts[verdict] for verdict in ("held", "held_in_part", "agreed")},
        **further,
    }


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
    verdicts: Counter[str] = field(default_factory=Counter)
    builtin: Group = field(default_factory=Group)
    written: Group = field(default_factory=Group)

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
            return "benchmark_name"
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
        self.verdicts[exercise.verdict] += 1
        if split == "train":
            (self.builtin if exercise.verdict == "computed" else self.written).add(exercise, solution)


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
