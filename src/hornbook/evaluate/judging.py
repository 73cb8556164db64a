"""Which problems are judged apart and which together, decided by running references, never by a model's program.

Judged apart, a program cannot reach its tests, but only plain data passes between the two. The few problems whose
tests need more (they make objects of the program's own classes, say) are judged together.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from hornbook.evaluate.problems import ProblemSet, program_of
from hornbook.evaluate.sandbox import Judged, Limits, Sandbox, Verdict
from hornbook.records import Problem
from hornbook.run.machine import Machine
from hornbook.run.progress import meter

PATIENCE = 4.0
"""How many times a program's own time a reference may take: a busy machine must not change how a set is judged."""


@dataclass(frozen=True)
class Judging:
    """How the problems of a set are judged."""

    together: frozenset[str]
    """Task ids of the problems whose reference passes only in one process with its tests."""
    unusable: Mapping[str, str]
    """Problems whose reference does not pass its own tests, by task id, and why; they are left out of every score."""
    unchecked: frozenset[str]
    """Problems without a reference; judged apart."""
    slow: Mapping[str, float]
    """Seconds of the references that take longer than a program may, by task id."""

    def mode(self, task_id: str) -> Judged:
        """How one problem is judged."""
        return "together" if task_id in self.together else "apart"

    def count(self, task_ids: Set[str]) -> dict[str, int]:
        """How many of these problems are judged which way, and how many of the set no score covers."""
        together = len(self.together & task_ids)
        return {
            "judged_apart": len(task_ids) - together,
            "judged_together": together,
            "left_out": len(self.unusable),
        }

    def usable(self, problem_set: ProblemSet) -> list[Problem]:
        """The problems that can be scored."""
        return [problem for problem in problem_set.problems if problem.task_id not in self.unusable]


@functools.cache
def decide_judging(problem_set: ProblemSet, limits: Limits, machine: Machine) -> Judging:
    """Runs every reference apart, and those that fail once more together. Done once per set and process."""
    checked = [problem for problem in problem_set.problems if problem.canonical_solution.strip()]
    with Sandbox(replace(limits, timeout_s=PATIENCE * limits.timeout_s), policy=machine.sandbox) as sandbox:
        apart = _run_references(sandbox, problem_set, checked, "apart", machine)
        failed = [problem for problem in checked if not apart[problem.task_id].passed]
        together = _run_references(sandbox, problem_set, failed, "together", machine)
    passed = {**apart, **{task_id: verdict for task_id, verdict in together.items() if verdict.passed}}
    return Judging(
        together=frozenset(task_id for task_id, verdict in together.items() if verdict.passed),
        unusable={
            task_id: f"its reference does not pass its tests: {verdict.verdict}: {verdict.detail}".rstrip(": ")
            for task_id, verdict in together.items()
            if not verdict.passed
        },
        unchecked=frozenset(problem.task_id for problem in problem_set.problems) - set(apart),
        slow={
            task_id: verdict.seconds
            for task_id, verdict in passed.items()
            if verdict.passed and verdict.seconds > limits.timeout_s
        },
    )


def _run_references(
    sandbox: Sandbox, problem_set: ProblemSet, problems: Sequence[Problem], judged: Judged, machine: Machine
) -> dict[str, Verdict]:
    form = problem_set.form
    programs = [
        program_of(problem, form.foreign_program(problem.prompt, problem.canonical_solution), judged)
        for problem in problems
    ]
    with meter(f"{problem_set.label}: references, judged {judged}", len(programs), "programs") as shown:
        verdicts = sandbox.run_all(programs, workers=machine.workers, on_progress=shown.advance)
    return {problem.task_id: verdict for problem, verdict in zip(problems, verdicts, strict=True)}
