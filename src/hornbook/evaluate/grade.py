"""The grade stage: a teacher grades completions that the tests have judged already (section 4 of the paper)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from hornbook.errors import InputError
from hornbook.evaluate.grader import (
    NO_TEACHER,
    GradeSummary,
    Grading,
    describe,
    grade_samples,
    read_summary,
    write_grades,
)
from hornbook.evaluate.problem_sets import load_sets
from hornbook.evaluate.score import Scored
from hornbook.evaluate.scores import Evaluation
from hornbook.recipe import EvaluateConfig, GradeConfig
from hornbook.run.artifact import Artifact, Fact, Facts
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import console
from hornbook.run.stage import stage
from hornbook.teacher.chat import check_teacher, replies_file

SUMMARIES = "grades.json"
"""Beside the grades: the summary of each problem set, by label."""


class Grades(Artifact):
    """A teacher's grades of one model's completions."""

    def summaries(self) -> Mapping[str, GradeSummary]:
        """What the grades come to, by problem set."""
        values = json.loads((self.folder / SUMMARIES).read_text(encoding="utf-8"))
        return {name: read_summary(summary) for name, summary in values.items()}


@stage(version=1)
def grade(
    *,
    evaluation: Evaluation,
    exercises: Exercises,
    config: GradeConfig,
    evaluated: EvaluateConfig,
    prompts: str,
    seed: int,
    label: str,
    out: Path,
    machine: Machine,
) -> Grades:
    """Grades the completions of an evaluation on the sets that `config.problems` names.

    `evaluated` finds the problems again, and `prompts` is `grader_identity()`: it is not used but makes the
    fingerprint follow the words. It is a stage of its own so that a teacher that dies costs no completion. Raises
    InputError where the evaluation has none of the sets, TeacherError where the teacher cannot answer.
    """
    replies = replies_file("", machine.replies)
    sets, _ = load_sets(evaluated.problems, exercises)
    chosen = choose_sets(sets, config)
    rows: dict[str, int] = {}
    drops: dict[str, int] = {}
    metrics: dict[str, Fact] = {}
    summaries: dict[str, GradeSummary] = {}
    for name in chosen:
        samples = list(evaluation.samples(name))
        grading = grade_samples(samples, sets[name].problems, config, replies, seed=seed, device=machine.device)
        summaries[name] = grading.summary
        rows |= write_grades(out, name, grading)
        for reason, count in grading.summary.failures.items():
            drops[reason] = drops.get(reason, 0) + count
        metrics |= _metrics(name, grading)
        for line in describe(grading.summary):
            console.print(f"  {label} on {name}: {line}", markup=False)
    write_summaries(out, summaries)
    return Grades(out, Facts(rows=rows, drops=drops, metrics=metrics))


def choose_sets(names: Collection[str], config: GradeConfig) -> list[str]:
    """The problem sets to grade, of those that are there. Raises InputError where there is none."""
    chosen = [name for name in names if name in config.problems]
    if not chosen:
        raise InputError(
            f"nothing to grade: grade.problems is {', '.join(config.problems) or 'empty'}, and the problem sets are "
            f"{', '.join(names)}. Add one to grade.problems, or to the sets that are evaluated."
        )
    return chosen


def check_grading(names: Collection[str], config: GradeConfig, replies: Path) -> list[str]:
    """Raises what grading would, before any model runs; returns what is to be said where nobody grades."""
    if config.backend:
        choose_sets(names, config)
        check_teacher(config, replies)
    return [f"{name}: {NO_TEACHER}" for name in names if name in config.problems and not config.backend]


def grade_scored(
    scored: Sequence[Scored], config: GradeConfig, replies: Path, seed: int, machine: Machine
) -> Iterator[str]:
    """Grades what `hornbook evaluate` scored, writes the grades beside the scores, and yields lines to print.

    What was graded is written before more is asked, so that a teacher that dies leaves whole files.
    """
    for one in scored:
        summaries: dict[str, GradeSummary] = {}
        for name in choose_sets(one.results, config):
            result = one.results[name]
            problems = result.problem_set.problems
            grading = grade_samples(result.samples, problems, config, replies, seed=seed, device=machine.device)
            write_grades(one.folder, name, grading)
            summaries[name] = grading.summary
            write_summaries(one.folder, summaries)
            yield from (f"{one.scores.model} on {name}: {line}" for line in describe(grading.summary))


def write_summaries(folder: Path, summaries: Mapping[str, GradeSummary]) -> None:
    """Writes the summaries so that equal ones are equal bytes."""
    values = {name: asdict(summary) for name, summary in summaries.items()}
    (folder / SUMMARIES).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _metrics(name: str, grading: Grading) -> dict[str, Fact]:
    summary = grading.summary
    return {
        f"{name}_grade_percent": round(summary.score, 3),
        f"{name}_grade_roc_auc": summary.agreement.roc_auc,
        f"{name}_graded": summary.num_graded,
        **grading.tally.metrics(f"{name}_"),
    }
