"""What a graded task is: a prompt, and for each clause of its instruction a check of its own."""

from __future__ import annotations

from dataclasses import dataclass

PARSES, RUNS, ALL_CORRECT = "parses", "runs", "all correct"


@dataclass(frozen=True)
class Clause:
    """One thing that the instruction asks for."""

    name: str
    tests: str
    """Source that defines `check(candidate)`; runs after the task's `preamble`. Each clause is judged in a process of
    its own and wants positive evidence: a function that does nothing meets none."""


@dataclass(frozen=True)
class Task:
    """A task after appendix A of the paper, graded clause by clause. Prompts are hornbook's own words."""

    task_id: str
    title: str
    shows: str
    """What the task tells about a model, for the report."""
    prompt: str
    entry_point: str
    preamble: str
    """Source in front of every clause's tests."""
    runs: str
    """Source that defines `check(candidate)`: ordinary input, any outcome but an exception will do."""
    clauses: tuple[Clause, ...]
    all_correct: str
    """Source that defines `check(candidate)`: the outcome is right throughout."""
    reference: str
    """A completion that meets every clause."""

    def checks(self) -> dict[str, str]:
        """Tests by clause name, from `runs` to `all correct`; whether it parses shows in any of their verdicts."""
        named = {RUNS: self.runs, **{clause.name: clause.tests for clause in self.clauses}}
        named[ALL_CORRECT] = self.all_correct
        return {name: f"{self.preamble}\n{tests}" for name, tests in named.items()}
