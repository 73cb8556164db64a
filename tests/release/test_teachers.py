"""Grades and what teachers cost, on the report's page."""

import re
from pathlib import Path
from typing import Any

import pytest

from hornbook.evaluate.agreement import measure_agreement
from hornbook.evaluate.grade import Grades, write_summaries
from hornbook.evaluate.grader import GradeSummary
from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.release.report import report
from hornbook.release.teachers import teacher_rows
from hornbook.run.artifact import Artifact, Facts

from .demo import inputs, make
from .test_report import visible


def summary(score: float, pairs: list[tuple[int, bool]]) -> GradeSummary:
    from hornbook.teacher.chat import Usage

    agreement = measure_agreement(pairs)
    return GradeSummary("gpt-4", 52, 50, 50, 1, {"refused": 2}, score, score - 5, score + 5, agreement, Usage(51, 9, 9))


def grades(folder: Path, label: str, score: float, **metrics: Any) -> Grades:
    facts = Facts(rows={"grades.unconventional.jsonl": 50}, drops={"refused": 2}, metrics=metrics)
    path = make(folder, f"{label}.grade", facts, {"config": {"model": "gpt-4"}, "label": label})
    pairs = [(9, True), (2, False), (3, False)] if label == "finetuned" else [(2, False), (1, False)]
    write_summaries(path, {"unconventional": summary(score, pairs)})
    return Grades(path, facts)


def asked(folder: Path, node: str, values: dict[str, Any], **metrics: Any) -> Artifact:
    facts = Facts(metrics=metrics)
    return Artifact(make(folder, node, facts, values), facts)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return inputs(tmp_path_factory.mktemp("demo"))


def page(given: dict[str, Any], out: Path) -> str:
    out.mkdir()
    return visible(report(**given, out=out).page.read_text(encoding="utf-8"))


def test_grades_and_costs_are_shown(given: dict[str, Any], tmp_path: Path) -> None:
    counts = {
        "unconventional_requests": 52,
        "unconventional_cached": 7,
        "unconventional_prompt_tokens": 30_100,
        "unconventional_completion_tokens": 8_000,
        "unconventional_dollars": 0.25,
    }
    graded = {
        "base_grades": grades(tmp_path, "base", 14.25),
        "finetuned_grades": grades(tmp_path, "finetuned", 41.5, **counts),
    }
    text = page({**given, **graded}, tmp_path / "out")
    assert "Grades by gpt-4" in text
    table = text.partition("ROC-AUC kappa")[2]
    assert re.match(r" base unconventional problems 14\.2% 9\.2 to 19\.2 50 of 52 – 1\.5 – –", table), table[:200]
    assert re.search(r"finetuned unconventional problems 41\.5% 36\.5 to 46\.5 50 of 52 9\.0 2\.5 1\.00 1\.00", table)
    assert "finetuned.grade, unconventional gpt-4 52 30,100 8,000 $0.25" in text
    assert "together 52 30,100 8,000 $0.25" in text


def test_without_a_grader_and_a_teacher_nothing_is_said_of_them(given: dict[str, Any], tmp_path: Path) -> None:
    text = page(given, tmp_path / "out")
    assert "Grades by" not in text
    assert "What teachers were asked" not in text


def test_every_stage_that_asked_has_a_row(tmp_path: Path) -> None:
    writer = {"writer": {"model": "qwen"}, "config": {"num_requests": 5}}
    tokens = {"prompt_tokens": 300, "completion_tokens": 100}
    made = [
        asked(tmp_path, "collect", {}, chars=3),
        asked(
            tmp_path,
            "annotate",
            {"annotator": {"model": "a"}},
            teacher_requests=4,
            teacher_dollars=1.5,
            **{f"teacher_{name}": count for name, count in tokens.items()},
        ),
        asked(
            tmp_path,
            "write_exercises",
            writer,
            **{
                f"{prefix}_{name}": n
                for prefix in ("teacher", "baseline")
                for name, n in [*tokens.items(), ("requests", 5)]
            },
        ),
    ]
    rows = [(row.stage, row.model, row.requests, row.prompt_tokens, row.dollars) for row in teacher_rows(made)]
    assert rows == [
        ("annotate", "a", 4, 300, 1.5),
        ("write_exercises", "qwen", 5, 300, None),
        ("write_exercises, baseline", "qwen", 5, 300, None),
    ]


def test_the_report_waits_for_the_grades_where_a_grader_is_configured() -> None:
    words = ["grade.backend=openai", "grade.model=g"]
    graph = build(load_recipe("tiny", words))
    waits_for = {f"{label}_grades" for label in ("base", "finetuned", "small_base", "small")}
    assert waits_for <= graph["report"].inputs.keys()
    assert not waits_for & build(load_recipe("tiny"))["report"].inputs.keys()
