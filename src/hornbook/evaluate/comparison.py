"""What a comparison leaves: one line per prompt, with every model's graded completion, and the counts taken from it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hornbook.evaluate.tasks.task import LEVELS, Level
from hornbook.run.artifact import Artifact

COMPARISON = "comparison.jsonl"
TASK, OWN_PROMPT = "task", "own prompt"


@dataclass(frozen=True)
class CheckResult:
    """Whether a completion meets one thing that is asked of it."""

    name: str
    level: Level
    is_met: bool
    detail: str = ""
    """Why not: the failed assertion or the exception."""


@dataclass(frozen=True)
class GradedCompletion:
    """What one model wrote and what it meets of the task."""

    model: str
    completion: str
    checks: tuple[CheckResult, ...]
    """In the order of the instruction, from `parses` to `all_correct`."""
    num_prompt_tokens_cut: int = 0
    """Tokens at the prompt's beginning that the model did not see, because its context is too short."""

    def count(self, level: Level) -> tuple[int, int]:
        """(met, asked) of a level; nothing is asked at a level that the task does not have."""
        found = [check.is_met for check in self.checks if check.level == level]
        return sum(found), len(found)

    @property
    def is_all_correct(self) -> bool:
        """Whether everything is met; False where nothing but `runs` was asked."""
        return self.count("all_correct") == (1, 1)


@dataclass(frozen=True)
class ComparedTask:
    """One prompt and every model's completion of it: one line of `comparison.jsonl`."""

    task_id: str
    kind: str
    """`task` for one of `hornbook.evaluate.tasks`, `own prompt`, or the name of the problem set that it is from."""
    title: str
    shows: str
    source: str
    """Where the paper has its example; empty for what is not after the paper."""
    prompt: str
    completions: tuple[GradedCompletion, ...]


@dataclass(frozen=True)
class Standing:
    """How far one model gets on some prompts."""

    model: str
    levels: dict[Level, tuple[int, int]]
    """(met, asked) by level, over all prompts: of prompts, and of clauses at the level `clause`."""


@dataclass(frozen=True)
class Pair:
    """Two models on the same prompts; only that on which they differ speaks."""

    first: str
    second: str
    only_first_correct: int
    """Prompts that the first model alone has all correct."""
    only_second_correct: int
    only_first_clauses: int
    """Clauses that the first model alone follows."""
    only_second_clauses: int


class Comparison(Artifact):
    """The same prompts completed by every model."""

    def read(self) -> Iterator[ComparedTask]:
        """The compared tasks, in the order of the page."""
        return read_comparison(self.folder / COMPARISON)


def write_comparison(path: Path, compared: Sequence[ComparedTask]) -> None:
    """Writes one line of JSON per prompt."""
    with path.open("w", encoding="utf-8") as file:
        for task in compared:
            file.write(json.dumps(asdict(task)) + "\n")


def read_comparison(path: Path) -> Iterator[ComparedTask]:
    """Reads what `write_comparison` wrote."""
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        completions = []
        for fields in values["completions"]:
            fields["checks"] = tuple(CheckResult(**check) for check in fields["checks"])
            completions.append(GradedCompletion(**fields))
        values["completions"] = tuple(completions)
        yield ComparedTask(**values)


def standings(compared: Sequence[ComparedTask]) -> list[Standing]:
    """Each model's counts, in the order of the columns."""
    found = []
    for index, first in enumerate(compared[0].completions if compared else ()):
        counts = [{level: task.completions[index].count(level) for level in LEVELS} for task in compared]
        levels = {level: (sum(c[level][0] for c in counts), sum(c[level][1] for c in counts)) for level in LEVELS}
        found.append(Standing(first.model, levels))
    return found


def pairs(compared: Sequence[ComparedTask]) -> list[Pair]:
    """Every two models beside each other."""
    found = []
    names = [one.model for one in compared[0].completions] if compared else []
    for first, second in itertools.combinations(range(len(names)), 2):
        both = [(task.completions[first], task.completions[second]) for task in compared]
        correct = [(a.is_all_correct, b.is_all_correct) for a, b in both]
        clauses = [
            (mine.is_met, theirs.is_met)
            for a, b in both
            for mine, theirs in zip(a.checks, b.checks, strict=True)
            if mine.level == "clause"
        ]
        found.append(
            Pair(
                names[first],
                names[second],
                only_first_correct=correct.count((True, False)),
                only_second_correct=correct.count((False, True)),
                only_first_clauses=clauses.count((True, False)),
                only_second_clauses=clauses.count((False, True)),
            )
        )
    return found
