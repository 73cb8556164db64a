"""Which exercises are like a problem of the evaluation, and exercises without them (section 5.2 of the paper).

Differs from paper: it asks for a small distance of the embeddings as well; here the syntax alone decides, which prunes
no less.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hornbook.corpus.contamination.ast_match import all_matches
from hornbook.errors import StageError
from hornbook.evaluate.problem_sets import load_sets
from hornbook.recipe.section import Section
from hornbook.records import Exercise, Problem, read_rows, write_rows
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.datasets import EXERCISES, HELDOUT, Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage

RATES = "rates.parquet"
PROBLEMS = "problems.parquet"
PAIRS = "pairs.json"
BANDS = (0.95, 0.9, 0.85, 0.8, 0.0)
"""Least rates of the groups that pairs to look at are taken from; section 5.2's thresholds, and what is below."""
NUM_PAIRS = 12
"""Pairs that are kept of each group, for each problem set."""


class Asked(Section):
    """Problem sets that a stage reads."""

    names: Annotated[tuple[str, ...], Field(exclude=True)]
    """By name or path; what they hold is part of the identity of what is made of them, where they lie is not."""


@dataclass(frozen=True, slots=True)
class ExerciseRate:
    """How like the nearest problem of any set one exercise is; only those that reach the least rate."""

    row: int
    """Its place among the exercises for training."""
    task_id: str
    rate: float
    set_name: str
    problem: str


@dataclass(frozen=True, slots=True)
class ProblemRate:
    """How like the nearest exercise one problem is."""

    set_name: str
    problem: str
    rate: float
    """0 where none reaches the least rate."""
    exercise: str
    num_matches: int
    """Exercises that reach the least rate."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A problem and the exercise that is most like it."""

    set_name: str
    rate: float
    problem: str
    problem_code: str
    exercise: str
    exercise_code: str


class Matches(Artifact):
    """Match rates of exercises with problems."""

    def rates(self) -> Iterator[ExerciseRate]:
        """The exercises that reach the least rate, in their order."""
        return read_rows(self.folder / RATES, ExerciseRate)

    def problems(self) -> Iterator[ProblemRate]:
        """Every problem, set by set."""
        return read_rows(self.folder / PROBLEMS, ProblemRate)

    def pairs(self) -> list[Pair]:
        """Some pairs, set by set, most alike first."""
        return [Pair(**fields) for fields in json.loads((self.folder / PAIRS).read_text(encoding="utf-8"))]


@stage(version=1)
def match_exercises(
    *,
    exercises: Exercises,
    asked: Asked,
    problems: Mapping[str, str],
    least_rate: float,
    out: Path,
    machine: Machine,
) -> Matches:
    """The AST match rate of each exercise with each problem of the sets `asked`, as far as it is `least_rate` or more.

    What is compared is the exercise, prompt and solution, with the problem's reference
    (`hornbook.corpus.contamination.ast_match`). `problems` is `problem_set_identities(asked.names)`: it is not used but
    makes the fingerprint follow what the sets hold.
    Raises StageError where no set has a problem.
    """
    sets, left_out = load_sets(asked.names, exercises)
    for reason in left_out.values():
        console.print(f"  match_exercises: {reason}")
    if not sets:
        raise StageError(f"match_exercises: no problems to compare exercises with. {' '.join(left_out.values())}")
    known = [(name, problem) for name, problem_set in sets.items() for problem in problem_set.problems]
    nearest: dict[int, tuple[float, int]] = {}
    counts = [0] * len(known)
    rates: list[ExerciseRate] = []
    task_ids: list[str] = []

    def sources() -> Iterator[str]:
        for exercise in exercises.read():
            task_ids.append(exercise.task_id)
            yield exercise.prompt + exercise.solution

    problem_list = [problem for _, problem in known]
    total = int(exercises.facts.rows.get(EXERCISES, 0))
    with meter("match exercises", total, "exercises") as shown:
        for row, found in enumerate(all_matches(sources(), problem_list, least_rate, machine.workers)):
            shown.advance()
            for match in found:
                counts[match.problem] += 1
                if match.problem not in nearest or nearest[match.problem][0] < match.rate:
                    nearest[match.problem] = (match.rate, row)
            if found:
                name, problem = known[found[0].problem]
                rates.append(ExerciseRate(row, task_ids[row], found[0].rate, name, problem.task_id))
    rows = []
    for place, (name, problem) in enumerate(known):
        rate, row = nearest.get(place, (0.0, -1))
        rows.append(ProblemRate(name, problem.task_id, rate, task_ids[row] if row >= 0 else "", counts[place]))
    write_rows(out / RATES, ExerciseRate, rates)
    write_rows(out / PROBLEMS, ProblemRate, rows)
    pairs = list(_pairs(exercises, known, nearest))
    (out / PAIRS).write_text(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n", encoding="utf-8")
    metrics: dict[str, int | float] = {"exercises": len(task_ids), "exercises_matched": len(rates)}
    metrics |= {f"{name}_problems": len(problem_set.problems) for name, problem_set in sets.items()}
    return Matches(out, Facts(rows={PROBLEMS: len(rows)}, metrics=metrics))


def _pairs(
    exercises: Exercises,
    known: Sequence[tuple[str, Problem]],
    nearest: Mapping[int, tuple[float, int]],
) -> Iterator[Pair]:
    """Of each problem set and of each of its BANDS, some problems with their nearest exercise."""
    chosen: dict[tuple[str, int], list[int]] = {}
    for place, (name, _) in enumerate(known):
        if place in nearest:
            band = next(number for number, least in enumerate(BANDS) if nearest[place][0] >= least)
            chosen.setdefault((name, band), []).append(place)
    places = [
        place
        for group in chosen.values()
        for place in sorted(group, key=lambda p: hashlib.sha256(known[p][1].task_id.encode()).digest())[:NUM_PAIRS]
    ]
    wanted = {nearest[place][1] for place in places}
    found = {row: exercise for row, exercise in enumerate(exercises.read()) if row in wanted}
    order = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in known))}
    for place in sorted(places, key=lambda p: (order[known[p][0]], -nearest[p][0], known[p][1].task_id)):
        name, problem = known[place]
        rate, row = nearest[place]
        exercise = found[row]
        code = problem.prompt + problem.canonical_solution
        yield Pair(name, rate, problem.task_id, code, exercise.task_id, exercise.prompt + exercise.solution)


@stage(version=1, selects=True)
def prune_exercises(
    *,
    exercises: Exercises,
    matches: Matches,
    threshold: float,
    how: Literal["matched", "random"],
    seed: int,
    out: Path,
) -> Exercises:
    """The exercises without those that match a problem at `threshold` or above, or without as many drawn at random.

    The draw, by `seed`, is the control: it tells what fewer exercises cost from what these exercises are worth. The
    held-out exercises pass through. Raises StageError where no exercise would be left.
    """
    matched = {one.row for one in matches.rates() if one.rate >= threshold}
    total = int(matches.facts.metrics["exercises"] or 0)
    if len(matched) == total:
        raise StageError(
            f"stage prune_exercises: all {total} exercises match a problem at {threshold:g}, so none would be left to "
            "finetune on. Raise prune.thresholds."
        )
    dropped = matched if how == "matched" else draw(total, len(matched), f"{seed}/{threshold:g}")
    left = (exercise for row, exercise in enumerate(exercises.read()) if row not in dropped)
    rows = {
        EXERCISES: write_rows(out / EXERCISES, Exercise, left),
        HELDOUT: write_rows(out / HELDOUT, Exercise, exercises.read_heldout()),
    }
    reason = "matches_problem" if how == "matched" else "drawn_at_random"
    return Exercises(out, Facts(rows=rows, drops={reason: len(dropped)} if dropped else {}))


def draw(total: int, count: int, key: str) -> set[int]:
    """`count` of `total` rows by their keyed hashes: a draw without replacement that no library's version changes."""
    return set(sorted(range(total), key=lambda row: hashlib.sha256(f"prune/{key}/{row}".encode()).digest())[:count])
