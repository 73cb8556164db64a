"""Grades completions clause by clause, each clause in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hornbook.evaluate.problems import to_program
from hornbook.evaluate.sandbox import Limits, Program, Sandbox, Verdict
from hornbook.evaluate.tasks import WARM_IMPORTS
from hornbook.evaluate.tasks.task import ALL_CORRECT, PARSES, RUNS, Task
from hornbook.records import Problem, Sample

TASK_LIMITS = Limits(timeout_s=20.0, memory_mb=4096, file_mb=64, open_files=256)
"""Programs that use torch and matplotlib need more than HumanEval's."""


@dataclass(frozen=True)
class Grade:
    """What a completion meets of its task."""

    clauses: dict[str, bool]
    """Clauses by name in the order of the instruction, from `parses` to `all correct`."""
    verdict: str
    detail: str
    """Of the tests that ask for everything."""


def task_sandbox() -> Sandbox:
    """A sandbox with room and warm imports for the tasks of the comparison."""
    return Sandbox(TASK_LIMITS, warm_imports=WARM_IMPORTS)


def grade_tasks(
    sandbox: Sandbox,
    asked: Sequence[tuple[Task, str]],
    *,
    workers: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[Grade]:
    """Grades (task, completion) pairs."""
    programs: list[Program] = []
    for task, completion in asked:
        source = to_program(_as_problem(task), completion).source
        programs += [Program(source, tests, task.entry_point) for tests in task.checks().values()]
    verdicts = iter(sandbox.run_all(programs, workers=workers, on_progress=on_progress))
    return [_grade([next(verdicts) for _ in task.checks()], list(task.checks())) for task, _ in asked]


def _grade(verdicts: Sequence[Verdict], names: Sequence[str]) -> Grade:
    clauses = {PARSES: verdicts[0].verdict != "syntax_error"}
    clauses.update({name: verdict.passed for name, verdict in zip(names, verdicts, strict=True)})
    # The checks overlap; "all correct" without one of its clauses would contradict itself on the page.
    clauses[ALL_CORRECT] = all(clauses.values())
    return Grade(clauses, verdicts[-1].verdict, verdicts[-1].detail)


def grade_sample(sample: Sample) -> Grade:
    """The grade of a problem that has only one set of tests, read off its verdict."""
    clauses = {
        PARSES: sample.verdict != "syntax_error",
        # An answer came back to the tests, right or not.
        RUNS: sample.verdict in ("passed", "wrong_answer"),
        ALL_CORRECT: sample.passed,
    }
    return Grade(clauses, sample.verdict, sample.detail)


def _as_problem(task: Task) -> Problem:
    return Problem(task.task_id, task.prompt, task.entry_point, task.reference, task.all_correct)
