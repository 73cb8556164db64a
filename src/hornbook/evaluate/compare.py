"""Models side by side on the same prompts, graded clause by clause: the compare stage and what the verb uses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from hornbook.evaluate.clauses import TASK_LIMITS, Graded, grade_completions, grade_verdict
from hornbook.evaluate.comparison import (
    COMPARISON,
    TASK,
    ComparedTask,
    Comparison,
    GradedCompletion,
    standings,
    write_comparison,
)
from hornbook.evaluate.completions import Completer, complete
from hornbook.evaluate.forms import PROMPT_POLICY
from hornbook.evaluate.judging import decide_judging
from hornbook.evaluate.problem_sets.heldout import from_exercises
from hornbook.evaluate.problems import to_program
from hornbook.evaluate.questions import Question, find_tasks, of_set, of_tasks
from hornbook.evaluate.sandbox import Limits, Program, Sandbox
from hornbook.evaluate.tasks.task import LEVELS
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import CompareConfig
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage

if TYPE_CHECKING:
    from hornbook.model.phi import Phi


@stage(version=2)
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
    """The run's models on a few held-out problems and on the tasks (sections 3, A and B of the paper)."""
    questions = [
        *of_tasks(find_tasks(config.tasks)),
        *of_set(from_exercises(exercises), config.num_heldout, seed),
    ]
    models = {"small": small, "base": base, "finetuned": finetuned}
    compared, seconds = compare_models(models, questions, config.max_new_tokens, machine)
    write_comparison(out / COMPARISON, compared)
    return Comparison(out, Facts(rows={COMPARISON: len(compared)}, metrics=measures(compared) | seconds))


def compare_models(
    models: Mapping[str, Completer], questions: Sequence[Question], max_new_tokens: int, machine: Machine
) -> tuple[list[ComparedTask], dict[str, Fact]]:
    """Every model's greedy completions of the same prompts, graded; and the seconds that it took.

    `models` are by label; one of them is in memory at a time.
    """
    questions = leave_out_unusable(questions, machine)
    started = time.monotonic()
    written = {label: _complete(model, label, questions, max_new_tokens, machine) for label, model in models.items()}
    generated = time.monotonic()
    graded = grade_answers(
        [(question, text) for texts in written.values() for question, (text, _) in zip(questions, texts, strict=True)],
        machine,
    )
    seconds: dict[str, Fact] = {
        "generation_s": round(generated - started, 3),
        "grading_s": round(time.monotonic() - generated, 3),
    }
    completions = {
        label: [
            GradedCompletion(label, text, graded[place * len(questions) + index], cut)
            for index, (text, cut) in enumerate(texts)
        ]
        for place, (label, texts) in enumerate(written.items())
    }
    compared = [
        ComparedTask(
            task_id=question.task_id,
            kind=question.kind,
            title=question.title,
            shows=question.task.shows if question.task else "",
            source=question.task.source if question.task else "",
            prompt=question.prompt,
            completions=tuple(of_model[index] for of_model in completions.values()),
        )
        for index, question in enumerate(questions)
    ]
    return compared, seconds


@dataclass(frozen=True)
class _Opened:
    """A model in memory, so that it is read once for prompts of several forms."""

    model: Phi
    its_tokenizer: Tokenizer

    def load_model(self, device: str = "auto") -> Phi:
        return self.model

    def tokenizer(self) -> Tokenizer:
        return self.its_tokenizer


def _complete(
    model: Completer, label: str, questions: Sequence[Question], max_new_tokens: int, machine: Machine
) -> list[tuple[str, int]]:
    """(completion, tokens of the prompt that the model did not see) for each question."""
    from hornbook.model.generate import room_for_prompt

    opened = _Opened(model.load_model(machine.device), model.tokenizer())
    written: dict[int, str] = {}
    for form in dict.fromkeys(question.form for question in questions):
        chosen = [place for place, question in enumerate(questions) if question.form == form]
        texts = complete(
            opened,
            [questions[place].prompt for place in chosen],
            form,
            max_new_tokens=max_new_tokens,
            temperature=0.0,
            seed=0,
            machine=machine,
            label=f"{label} on the comparison",
        )
        written.update(zip(chosen, texts, strict=True))
    room = room_for_prompt(opened.model.config.max_position_embeddings, max_new_tokens)
    encoded = [opened.its_tokenizer.encode(one.prompt.rstrip(), add_special_tokens=False) for one in questions]
    return [(written[place], max(0, len(prompt.ids) - room)) for place, prompt in enumerate(encoded)]


def leave_out_unusable(questions: Sequence[Question], machine: Machine) -> list[Question]:
    """The questions but for problems whose own reference does not pass their tests, which are told by name."""
    usable = []
    for question in questions:
        if question.problem_set is not None:
            reason = decide_judging(question.problem_set, Limits(), machine).unusable.get(question.task_id)
            if reason is not None:
                console.print(f"  {question.task_id} is left out: {reason}", markup=False)
                continue
        usable.append(question)
    return usable


def grade_answers(answers: Sequence[tuple[Question, str]], machine: Machine) -> list[Graded]:
    """Grades completions: those of tasks clause by clause, those of problems by their tests."""
    graded: dict[int, Graded] = {}
    tasks = {place: (question.task, text) for place, (question, text) in enumerate(answers) if question.task}
    programs = {
        place: _program(question, text, machine) for place, (question, text) in enumerate(answers) if question.problem
    }
    with meter("grading", len(answers), "completions") as shown:
        found = grade_completions(
            list(tasks.values()), policy=machine.sandbox, workers=machine.workers, on_progress=shown.advance
        )
        graded.update(zip(tasks, found, strict=True))
        with Sandbox(Limits(), policy=machine.sandbox) as sandbox:
            verdicts = sandbox.run_all(list(programs.values()), workers=machine.workers, on_progress=shown.advance)
        graded.update(zip(programs, map(grade_verdict, verdicts), strict=True))
    return [graded[place] for place in range(len(answers))]


def _program(question: Question, text: str, machine: Machine) -> Program:
    assert question.problem is not None
    assert question.problem_set is not None
    judged = decide_judging(question.problem_set, Limits(), machine).mode(question.task_id)
    return to_program(question.problem, text, question.form, judged)


def describe_protocol(max_new_tokens: int, machine: Machine) -> dict[str, str | int]:
    """How completions were had and judged."""
    return {
        "decoding": "greedy",
        "max_new_tokens": max_new_tokens,
        "prompt": PROMPT_POLICY,
        "checks": f"each in a process of its own, {TASK_LIMITS.timeout_s:g} s, {TASK_LIMITS.memory_mb} MB",
        "sandbox": machine.sandbox,
    }


def measures(compared: Sequence[ComparedTask]) -> dict[str, Fact]:
    """What each model meets at each level, over the tasks and of each task."""
    metrics: dict[str, Fact] = {}
    tasks = [task for task in compared if task.kind == TASK]
    for standing in standings(tasks):
        for level, (met, asked) in standing.levels.items():
            metrics[f"{standing.model}_tasks_{level}"] = met
            metrics[f"{standing.model}_tasks_{level}_of"] = asked
    for task in tasks:
        for one in task.completions:
            for level in LEVELS:
                metrics[f"{one.model}_{task.task_id}_{level}"] = one.count(level)[0]
    return metrics
