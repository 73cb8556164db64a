"""Grades of completions by a teacher (section 4 of the paper): a short evaluation in words, then 0 to 10.

The tests decide what is right. A grade adds what they cannot see, how near a wrong completion came, and how well the
two agree says how far the grades can be trusted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hornbook.errors import TaskError, TeacherError
from hornbook.evaluate.agreement import Agreement, measure_agreement
from hornbook.evaluate.pass_at_k import bootstrap_interval
from hornbook.recipe import GradeConfig
from hornbook.records import Problem, Sample
from hornbook.run.progress import console, meter
from hornbook.teacher.chat import (
    ChatReply,
    ChatRequest,
    ChatTeacher,
    Failure,
    Message,
    Usage,
    count_usage,
    open_chat_teacher,
)
from hornbook.teacher.prompts import prompts_identity, render
from hornbook.teacher.tally import Tally, progress_of

PROMPT = "grade_completion"
HIGHEST_GRADE = 10
GRADE_LINE = re.compile(r"Grade: (\d{1,9})")
NO_TEACHER = "not graded by a teacher: none is configured (grade.backend), so the tests alone decide"


@dataclass(frozen=True)
class GradedSample:
    """One completion with its verdict and what the teacher said of it.

    One line of `grades.SET.jsonl`, or of `ungraded.SET.jsonl` where there is no grade.
    """

    task_id: str
    model: str
    completion: str
    passed: bool
    """By the tests."""
    grade: int | None
    """0 to 10; None where the teacher gave none, which is not a 0."""
    evaluation: str
    """The teacher's words, without the line of the grade; where there is no grade, all that it said."""
    was_repaired: bool
    """Whether the first reply could not be read and the second could."""
    failure: str
    """Why there is no grade: a reason of `Failure`, or `no_grade`, `grade_out_of_range`, `no_evaluation`."""
    detail: str


@dataclass(frozen=True)
class GradeSummary:
    """What the grades of one model on one problem set come to."""

    teacher: str
    """The model that graded."""
    num_samples: int
    num_graded: int
    num_problems: int
    """Problems with at least one graded sample."""
    num_repaired: int
    failures: Mapping[str, int]
    """Samples without a grade by reason, most frequent first."""
    score: float
    """Mean grade as a percentage: over the graded samples of a problem, then over problems."""
    low: float
    high: float
    """95% bootstrap over problems."""
    agreement: Agreement
    usage: Usage


@dataclass(frozen=True)
class Grading:
    """Every sample with its grade, in the order of the samples, and the summary."""

    samples: tuple[GradedSample, ...]
    summary: GradeSummary
    tally: Tally = field(compare=False)
    """Of the teacher; it says what was asked for now, which a second run over the same replies does not repeat."""


def grader_identity() -> str:
    """What a grade depends on besides the recipe: hex sha256 of the prompts."""
    return prompts_identity(PROMPT)


def grade_samples(
    samples: Sequence[Sample],
    problems: Sequence[Problem],
    config: GradeConfig,
    replies: Path,
    *,
    seed: int = 0,
    device: str = "auto",
) -> Grading:
    """Has a teacher grade every sample, with the reference solution at hand.

    `replies` is the reply cache's file, `seed` that of the bootstrap, `device` where a local teacher runs. Raises
    TaskError for a sample of a problem that is not there, and TeacherError where no teacher is configured or not one
    sample could be graded.
    """
    by_id = {problem.task_id: problem for problem in problems}
    for sample in samples:
        if sample.task_id not in by_id:
            raise TaskError(f"sample of {sample.task_id!r} cannot be graded: no such problem among {len(by_id)}")
    requests = [grading_request(by_id[sample.task_id], sample.completion, config) for sample in samples]
    label = f"{samples[0].model}: graded by {config.model}" if samples else "grading"
    with open_chat_teacher(config, replies, device=device) as teacher:
        firsts = _ask(teacher, requests, label)
        again = _repair_requests(requests, firsts)
        seconds = _ask(teacher, list(again.values()), f"{label}, asked again for the line") if again else []
    repairs = dict(zip(again, seconds, strict=True))
    graded = [
        _grade(sample, first, repairs.get(index))
        for index, (sample, first) in enumerate(zip(samples, firsts, strict=True))
    ]
    asked = [*zip(requests, firsts, strict=True), *zip(again.values(), seconds, strict=True)]
    console.print(f"  {label}: {len(asked)} replies needed; {teacher.tally.note()}", markup=False, soft_wrap=True)
    return Grading(tuple(graded), _summarise(graded, config, count_usage(asked), seed), teacher.tally)


def grading_request(problem: Problem, completion: str, config: GradeConfig) -> ChatRequest:
    """What the teacher is asked about a completion."""
    question = render(
        f"{PROMPT}.user",
        task=problem.prompt.rstrip(),
        reference=problem.canonical_solution.strip("\n"),
        completion=completion.strip("\n"),
    )
    return ChatRequest(
        model=config.model,
        messages=(Message("system", render(f"{PROMPT}.system")), Message("user", question)),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
    )


def repair_request(request: ChatRequest, text: str) -> ChatRequest:
    """The request for the line alone, after a reply without one."""
    return request.followed_by(text, render(f"{PROMPT}.repair"))


def lacks_grade(text: str) -> bool:
    """Whether a reply gives no grade that can be read, so that it is asked for again."""
    return read_grade(text)[2] in ("no_grade", "grade_out_of_range")


def read_grade(text: str) -> tuple[int | None, str, str]:
    """(grade, evaluation, reason for no grade) of a reply, whose last line is `Grade: N` after some words."""
    head, _, last = text.strip().rpartition("\n")
    grade, failure = _read_line(last)
    if not failure and not head.strip():
        failure = "no_evaluation"
    return (None, text.strip(), failure) if failure else (grade, head.strip(), "")


def _read_line(line: str) -> tuple[int | None, str]:
    found = GRADE_LINE.fullmatch(line.strip())
    if found is None:
        return None, "no_grade"
    return (int(found[1]), "") if int(found[1]) <= HIGHEST_GRADE else (None, "grade_out_of_range")


def _ask(teacher: ChatTeacher, requests: Sequence[ChatRequest], label: str) -> list[ChatReply | Failure]:
    with meter(label, len(requests), "replies") as shown:
        return teacher.ask(requests, on_progress=progress_of(teacher, shown))


def _repair_requests(requests: Sequence[ChatRequest], firsts: Sequence[ChatReply | Failure]) -> dict[int, ChatRequest]:
    """The request for the line alone, for each reply that gives an evaluation and no such line, by position.

    The line alone, because a model that is asked for all of it again tends to repeat its reply word for word.
    """
    again: dict[int, ChatRequest] = {}
    for index, (request, first) in enumerate(zip(requests, firsts, strict=True)):
        if isinstance(first, ChatReply) and lacks_grade(first.text):
            again[index] = repair_request(request, first.text)
    return again


def _grade(sample: Sample, first: ChatReply | Failure, repair: ChatReply | Failure | None) -> GradedSample:
    grade: int | None = None
    evaluation, detail = "", ""
    if isinstance(first, Failure):
        failure, detail = str(first.reason), first.detail
    else:
        grade, evaluation, failure = read_grade(first.text)
        detail = f"finish reason {first.finish_reason!r}" if failure else ""
    if isinstance(repair, ChatReply):
        grade, failure = _read_line(repair.text)
        detail = f"{detail}; asked for the line: {repair.text[:200]!r}" if failure else ""
    elif isinstance(repair, Failure):
        detail = f"{detail}; asked for the line: {repair.reason}: {repair.detail}"
    return GradedSample(
        task_id=sample.task_id,
        model=sample.model,
        completion=sample.completion,
        passed=sample.passed,
        grade=grade,
        evaluation=evaluation,
        was_repaired=repair is not None and grade is not None,
        failure=failure,
        detail=detail,
    )


def _summarise(graded: Sequence[GradedSample], config: GradeConfig, usage: Usage, seed: int) -> GradeSummary:
    failures = dict(Counter(sample.failure for sample in graded if sample.failure).most_common())
    pairs = [(sample.grade, sample.passed) for sample in graded if sample.grade is not None]
    if not pairs:
        why = ", ".join(f"{reason} {count}" for reason, count in failures.items()) or "there was none"
        details = next((f" The first: {sample.detail}" for sample in graded if sample.detail), "")
        raise TeacherError(f"{config.model!r} graded none of {len(graded)} completions ({why}).{details}")
    by_task: dict[str, list[int]] = {}
    for sample in graded:
        if sample.grade is not None:
            by_task.setdefault(sample.task_id, []).append(sample.grade)
    means = [100.0 * sum(grades) / len(grades) / HIGHEST_GRADE for grades in by_task.values()]
    low, high = bootstrap_interval(means, seed)
    return GradeSummary(
        teacher=config.model,
        num_samples=len(graded),
        num_graded=len(pairs),
        num_problems=len(by_task),
        num_repaired=sum(sample.was_repaired for sample in graded),
        failures=failures,
        score=sum(means) / len(means),
        low=low,
        high=high,
        agreement=measure_agreement(pairs),
        usage=usage,
    )


def write_grades(folder: Path, name: str, grading: Grading) -> dict[str, int]:
    """Writes `grades.NAME.jsonl`, and `ungraded.NAME.jsonl` where a sample has no grade; returns the graded rows."""
    graded = [sample for sample in grading.samples if sample.grade is not None]
    ungraded = [sample for sample in grading.samples if sample.grade is None]
    _write(folder / f"grades.{name}.jsonl", graded)
    if ungraded:
        _write(folder / f"ungraded.{name}.jsonl", ungraded)
    return {f"grades.{name}.jsonl": len(graded)}


def _write(path: Path, samples: Sequence[GradedSample]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for sample in samples:
            file.write(json.dumps(asdict(sample)) + "\n")


def read_summary(values: Mapping[str, object]) -> GradeSummary:
    """A summary from what `asdict` made of it."""
    fields = dict(values)
    fields["agreement"] = Agreement(**fields["agreement"])  # type: ignore[arg-type]
    fields["usage"] = Usage(**fields["usage"])  # type: ignore[arg-type]
    return GradeSummary(**fields)  # type: ignore[arg-type]


def describe(summary: GradeSummary) -> list[str]:
    """The summary in a few lines for a terminal."""
    failed = ", ".join(f"{reason} {count}" for reason, count in summary.failures.items())
    agreement = summary.agreement
    lines = [
        f"grade {summary.score:.1f}% [{summary.low:.1f}, {summary.high:.1f}] by {summary.teacher}: "
        f"{summary.num_graded} of {summary.num_samples} completions graded"
        + (f"; not graded: {failed}" if failed else "")
    ]
    return [*lines, *agreement.lines()]
