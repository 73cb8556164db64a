"""The compare stage: the models side by side on the same prompts, graded clause by clause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from hornbook.evaluate.comparison import COMPARISON, ComparedTask, Comparison, GradedCompletion
from hornbook.evaluate.completions import complete
from hornbook.evaluate.evaluate import run_completions
from hornbook.evaluate.grade import Grade, grade_sample, grade_tasks, task_sandbox
from hornbook.evaluate.sandbox import Limits
from hornbook.evaluate.tasks import TASKS
from hornbook.evaluate.tasks.task import ALL_CORRECT
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import CompareConfig
from hornbook.records import Problem
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage


@stage(version=1)
def compare(
    *,
    small: ModelArtifact,
    base: ModelArtifact,
    finetuned: ModelArtifact,
    exercises: Exercises,
    config: CompareConfig,
    seed: int,
    out: Path,
    machine: Machine,
) -> Comparison:
    """Completes the same prompts with every model, greedily (section 3 and appendix A of the paper).

    Held-out problems are judged by their tests, the tasks after appendix A clause by clause.
    """
    models = {"small": small, "base": base, "finetuned": finetuned}
    problems = choose_problems(exercises.problems(), config.num_heldout, seed)
    prompts = [*(problem.prompt for problem in problems), *(task.prompt for task in TASKS)]
    completions = {
        name: complete(
            model,
            prompts,
            max_new_tokens=config.max_new_tokens,
            temperature=0.0,
            seed=seed,
            machine=machine,
            label=f"{name} on the comparison",
        )
        for name, model in models.items()
    }
    compared = [
        *compare_problems(problems, {name: texts[: len(problems)] for name, texts in completions.items()}, machine),
        *compare_tasks({name: texts[len(problems) :] for name, texts in completions.items()}, machine),
    ]
    with (out / COMPARISON).open("w", encoding="utf-8") as file:
        for task in compared:
            file.write(json.dumps(asdict(task)) + "\n")
    return Comparison(out, Facts(rows={COMPARISON: len(compared)}, metrics=_metrics(compared)))


def choose_problems(problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """The same few problems for the same seed, whatever the order that they come in."""

    def draw(problem: Problem) -> str:
        return hashlib.sha256(f"{seed} {problem.task_id}".encode()).hexdigest()

    return sorted(problems, key=draw)[:count]


def compare_problems(
    problems: Sequence[Problem], completions: Mapping[str, Sequence[str]], machine: Machine
) -> list[ComparedTask]:
    """Grades completions of held-out problems; `completions` holds each model's, in the order of the problems."""
    graded = {
        name: [grade_sample(sample) for sample in run_completions(problems, texts, name, Limits(), machine)]
        for name, texts in completions.items()
    }
    return [
        ComparedTask(
            task_id=problem.task_id,
            kind="heldout",
            title=problem.entry_point,
            shows="",
            prompt=problem.prompt,
            completions=_completions(index, completions, graded),
        )
        for index, problem in enumerate(problems)
    ]


def compare_tasks(completions: Mapping[str, Sequence[str]], machine: Machine) -> list[ComparedTask]:
    """Grades completions of `TASKS`; `completions` holds each model's, in the order of the tasks."""
    asked = [(task, text) for texts in completions.values() for task, text in zip(TASKS, texts, strict=True)]
    checks = sum(len(task.checks()) for task, _ in asked)
    with task_sandbox() as sandbox, meter("grading", checks, "checks") as shown:
        # Two warm processes with torch and matplotlib cost more memory and start-up than they save on so few programs.
        grades = grade_tasks(sandbox, asked, workers=1, on_progress=shown.advance)
    graded = {name: grades[index * len(TASKS) : (index + 1) * len(TASKS)] for index, name in enumerate(completions)}
    return [
        ComparedTask(
            task_id=task.task_id,
            kind="task",
            title=task.title,
            shows=task.shows,
            prompt=task.prompt,
            completions=_completions(index, completions, graded),
        )
        for index, task in enumerate(TASKS)
    ]


def _completions(
    index: int, completions: Mapping[str, Sequence[str]], graded: Mapping[str, Sequence[Grade]]
) -> tuple[GradedCompletion, ...]:
    return tuple(
        GradedCompletion(
            name, completions[name][index], grades[index].clauses, grades[index].verdict, grades[index].detail
        )
        for name, grades in graded.items()
    )


def _metrics(compared: Sequence[ComparedTask]) -> dict[str, Fact]:
    metrics: dict[str, Fact] = {}
    for index, first in enumerate(compared[0].completions if compared else ()):
        ours = [task.completions[index].clauses for task in compared]
        metrics[f"{first.model}_clauses_met"] = sum(sum(clauses.values()) for clauses in ours)
        metrics[f"{first.model}_clauses"] = sum(len(clauses) for clauses in ours)
        metrics[f"{first.model}_all_correct"] = sum(clauses[ALL_CORRECT] for clauses in ours)
    return metrics
