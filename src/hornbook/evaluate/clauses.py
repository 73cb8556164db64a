"""Grades completions clause by clause, each clause in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hornbook.evaluate.comparison import CheckResult
from hornbook.evaluate.sandbox import Limits, Policy, Program, Sandbox, Verdict
from hornbook.evaluate.tasks.task import ALL_CORRECT, PARSES, RUNS, Check, Level, Task

TASK_LIMITS = Limits(timeout_s=10.0, memory_mb=4096, file_mb=64, open_files=256)
"""Programs that use torch and matplotlib need more than HumanEval's."""
HOPELESS = ("syntax_error", "timed_out", "crashed")
"""What a program cannot come back from: its other checks would start the same program again."""

Graded = tuple[CheckResult, ...]
"""Of one completion, in the order of its task's checks."""


def grade_completions(
    asked: Sequence[tuple[Task, str]],
    *,
    policy: Policy,
    workers: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[Graded]:
    """Grades (task, completion) pairs; `on_progress` gets 1 for each that is done.

    Tasks that import the same large libraries share warm processes. Two such processes would cost more memory and
    start-up than they save on so few programs, so those have one worker.
    """
    graded: dict[int, Graded] = {}
    for imports in dict.fromkeys(task.imports for task, _ in asked):
        chosen = [place for place, (task, _) in enumerate(asked) if task.imports == imports]
        with Sandbox(TASK_LIMITS, policy=policy, warm_imports=imports) as sandbox:
            found = _grade(sandbox, [asked[place] for place in chosen], 1 if imports else workers, on_progress)
            graded.update(zip(chosen, found, strict=True))
    return [graded[place] for place in range(len(asked))]


def _grade(
    sandbox: Sandbox,
    asked: Sequence[tuple[Task, str]],
    workers: int,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Graded]:
    first = sandbox.run_all([to_program(task, text, _runs(task)) for task, text in asked], workers=workers)
    programs = [
        to_program(task, text, check)
        for (task, text), verdict in zip(asked, first, strict=True)
        if verdict.verdict not in HOPELESS
        for check in _others(task)
    ]
    others = iter(sandbox.run_all(programs, workers=workers))
    for (task, _), runs in zip(asked, first, strict=True):
        verdicts = {RUNS: runs}
        for check in _others(task):
            verdicts[check.name] = runs if runs.verdict in HOPELESS else next(others)
        yield _results(task, verdicts)
        if on_progress is not None:
            on_progress(1)


def to_program(task: Task, completion: str, check: Check) -> Program:
    """What is run for one check of a completion."""
    if task.is_prose:
        # Nothing of a text runs but what a check takes out of it.
        source = f"{task.entry_point} = {completion!r}\n"
    else:
        source = task.form.own_program(task.prompt, completion)
    if task.stand_in:
        # On the first line, so that the line numbers in messages are those of what the reader sees.
        source = f"exec({task.stand_in!r}, {{}}); {source}"
    return Program(source, check.tests, task.entry_point, judged="together")


def _runs(task: Task) -> Check:
    return next(check for check in task.checks if check.name == RUNS)


def _others(task: Task) -> list[Check]:
    return [check for check in task.checks if check.tests and check.name != RUNS]


def _results(task: Task, verdicts: dict[str, Verdict]) -> Graded:
    results: list[CheckResult] = []
    for check in task.checks:
        verdict = verdicts.get(check.name)
        if verdict is None and check.level == "parses":
            is_met, detail = verdicts[RUNS].verdict != "syntax_error", explain(verdicts[RUNS])
        else:
            is_met, detail = verdict is None or verdict.passed, "" if verdict is None else explain(verdict)
        # The checks overlap; "all correct" without one of its clauses would contradict itself on the page.
        if is_met and check.level == "all_correct" and not all(result.is_met for result in results):
            is_met, detail = False, "not all of the above"
        results.append(CheckResult(check.name, check.level, is_met, "" if is_met else detail))
    return tuple(results)


def explain(verdict: Verdict) -> str:
    """A verdict in words, with its detail."""
    return f"{verdict.verdict.replace('_', ' ')}: {verdict.detail}".rstrip(": ")


def grade_verdict(verdict: Verdict) -> Graded:
    """The grade of a problem that has only one set of tests, read off its verdict."""
    detail = explain(verdict)
    found: tuple[tuple[str, Level, bool], ...] = (
        (PARSES, "parses", verdict.verdict != "syntax_error"),
        # An answer came back to the tests, right or not.
        (RUNS, "runs", verdict.verdict in ("passed", "wrong_answer")),
        (ALL_CORRECT, "all_correct", verdict.passed),
    )
    return tuple(CheckResult(name, level, is_met, "" if is_met else detail) for name, level, is_met in found)
