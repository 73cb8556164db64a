"""What is asked in a comparison: tasks of the suite, own prompts, and problems of a set, each with its checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hornbook.errors import InputError
from hornbook.evaluate.comparison import OWN_PROMPT, TASK
from hornbook.evaluate.forms import CompletionForm
from hornbook.evaluate.own_prompts import load_own_prompts
from hornbook.evaluate.problem_sets import load_set
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.tasks import TASKS
from hornbook.evaluate.tasks.task import Task
from hornbook.recipe import did_you_mean
from hornbook.records import Problem
from hornbook.run.datasets import Exercises


@dataclass(frozen=True)
class Question:
    """A prompt, where its completion ends, and how one is judged: by a task's checks or a problem's tests."""

    task_id: str
    kind: str
    """`task`, `own prompt`, or the name of the problem set that it is from."""
    title: str
    prompt: str
    form: CompletionForm
    task: Task | None = None
    problem: Problem | None = None
    problem_set: ProblemSet | None = None
    """What was chosen of the set that `problem` is from."""


def of_tasks(tasks: Iterable[Task], kind: str = TASK) -> list[Question]:
    """Tasks of the suite, or a user's own prompts."""
    return [Question(task.task_id, kind, task.title, task.prompt, task.form, task=task) for task in tasks]


def of_set(problems: ProblemSet, count: int, seed: int) -> list[Question]:
    """The same few problems of a set for the same seed, whatever the order that they come in."""

    def draw(problem: Problem) -> str:
        return hashlib.sha256(f"{seed} {problem.task_id}".encode()).hexdigest()

    chosen = replace(problems, problems=tuple(sorted(problems.problems, key=draw)[:count]))
    return [
        Question(
            one.task_id,
            problems.label,
            one.entry_point or one.task_id,
            one.prompt,
            problems.form,
            problem=one,
            problem_set=chosen,
        )
        for one in chosen.problems
    ]


def find_tasks(names: Sequence[str]) -> list[Task]:
    """Tasks of the suite by name. Raises InputError for a name that is not known or comes twice."""
    for place, name in enumerate(names):
        if name not in TASKS:
            raise InputError(f"unknown task {name!r}{did_you_mean(name, list(TASKS))} There are {', '.join(TASKS)}")
        if name in names[:place]:
            raise InputError(f"task {name!r} is named twice")
    return [TASKS[name] for name in names]


def split_names(text: str | None) -> list[str]:
    """Names with commas between them; all tasks where nothing is given, none for an empty text."""
    if text is None:
        return list(TASKS)
    return [name.strip() for name in text.split(",") if name.strip()]


def choose_questions(
    tasks: Sequence[str],
    prompts: Sequence[Path],
    problem_sets: Sequence[str],
    *,
    num_problems: int,
    seed: int,
    exercises: Exercises | None,
) -> list[Question]:
    """Tasks by name, own prompts by file or folder, and `num_problems` of each problem set, in that order.

    Raises InputError where one of them cannot be used or nothing is left to ask.
    """
    questions = of_tasks(find_tasks(tasks))
    for path in prompts:
        questions += of_tasks(load_own_prompts(path), OWN_PROMPT)
    for name in problem_sets:
        questions += of_set(load_set(name, exercises), num_problems, seed)
    if not questions:
        raise InputError("nothing to compare the models on: name --tasks, --prompts or --problems")
    return questions
