"""What the report says of teachers: the grades that one gave, and what all of them were asked and cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.evaluate.grade import Grades
from hornbook.evaluate.grader import GradeSummary
from hornbook.run.artifact import Artifact, read_manifest

TOKENS = "prompt_tokens"
"""Ends the metric that every tally has; what stands before it says what was asked for."""
MAIN = "teacher"
TEACHERS = ("annotator", "writer", "config")
"""What a stage calls the section of the recipe that names its teacher."""


@dataclass(frozen=True)
class GradeRow:
    """One model's grades on one problem set."""

    label: str
    set_name: str
    summary: GradeSummary


@dataclass(frozen=True)
class TeacherRow:
    """What one stage asked of a teacher, over all its replies, whenever they came."""

    stage: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None
    """None where the recipe has no prices."""


def grade_rows(grades: Mapping[str, Grades | None]) -> list[GradeRow]:
    """The grades of each model that has some, by problem set and then in the order of the models."""
    rows = [
        GradeRow(label, name, summary)
        for label, graded in grades.items()
        if graded is not None
        for name, summary in graded.summaries().items()
    ]
    order = list(dict.fromkeys(row.set_name for row in rows))
    return sorted(rows, key=lambda row: order.index(row.set_name))


def teacher_rows(artifacts: Iterable[Artifact]) -> list[TeacherRow]:
    """What each stage asked, in their order; nothing where only the built-in teacher was."""
    rows = []
    for artifact in artifacts:
        metrics = artifact.facts.metrics
        prefixes = [key.removesuffix(TOKENS) for key in metrics if key.endswith(f"_{TOKENS}")]
        if not prefixes:
            continue
        manifest = read_manifest(artifact.folder)
        for prefix in prefixes:
            dollars = metrics.get(f"{prefix}dollars")
            name = prefix.removesuffix("_")
            rows.append(
                TeacherRow(
                    stage=manifest["node"] if name == MAIN else f"{manifest['node']}, {name}",
                    model=_model(manifest["identity"]["values"]),
                    requests=_count(metrics[f"{prefix}requests"]),
                    prompt_tokens=_count(metrics[f"{prefix}{TOKENS}"]),
                    completion_tokens=_count(metrics[f"{prefix}completion_tokens"]),
                    dollars=None if dollars is None else float(dollars),
                )
            )
    return rows


def _model(values: Mapping[str, Any]) -> str:
    sections = (values.get(name) for name in TEACHERS)
    return next(
        (str(section["model"]) for section in sections if isinstance(section, Mapping) and "model" in section), ""
    )


def _count(value: object) -> int:
    assert isinstance(value, int | float), value
    return int(value)
