"""What the compare stage leaves: one line per prompt, with every model's graded completion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hornbook.run.artifact import Artifact

COMPARISON = "comparison.jsonl"


@dataclass(frozen=True)
class GradedCompletion:
    """What one model wrote and what it meets of the task."""

    model: str
    completion: str
    clauses: Mapping[str, bool]
    """By name, in the order of the instruction, from `parses` to `all correct`."""
    verdict: str
    detail: str


@dataclass(frozen=True)
class ComparedTask:
    """One prompt and every model's completion of it: one line of `comparison.jsonl`."""

    task_id: str
    kind: str
    """`heldout`, or `task` for one of `hornbook.evaluate.tasks`."""
    title: str
    shows: str
    prompt: str
    completions: tuple[GradedCompletion, ...]


class Comparison(Artifact):
    """The same prompts completed by every model."""

    def read(self) -> Iterator[ComparedTask]:
        """The compared tasks, in the order of the page."""
        for line in (self.folder / COMPARISON).read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            values["completions"] = tuple(GradedCompletion(**fields) for fields in values["completions"])
            yield ComparedTask(**values)
