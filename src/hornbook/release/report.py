"""The report stage: one self-contained page with the scores, where they come from, and how they were had."""

from __future__ import annotations

from pathlib import Path

from hornbook.corpus.quality import read_quality
from hornbook.evaluate.comparison import Comparison
from hornbook.evaluate.grade import Grades
from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.evaluate.sandbox import VERDICTS
from hornbook.evaluate.scores import Evaluation, Scores
from hornbook.release import page
from hornbook.release.comparison_page import view
from hornbook.release.teachers import grade_rows, teacher_rows
from hornbook.release.templates import render
from hornbook.release.text import (
    SET_NAMES,
    fact_rows,
    label_of,
    summary_lines,
)
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.datasets import CODE, EXERCISES, FILES, HELDOUT, TEXTBOOKS, Exercises, Textbooks
from hornbook.run.stage import stage

PAGE = "report.html"
SUMMARY = "summary.txt"
OVERLAP = "overlap with a problem of the evaluation"


class Report(Artifact):
    """The page, and the same result in a few lines."""

    @property
    def page(self) -> Path:
        """The page; it needs no other file."""
        return self.folder / PAGE

    def summary(self) -> list[str]:
        """The scores in lines for a terminal."""
        return (self.folder / SUMMARY).read_text(encoding="utf-8").splitlines()


@stage(version=2)
def report(
    *,
    name: str,
    description: str,
    collected: Artifact,
    files: Artifact,
    annotations: Artifact,
    filtered: Artifact,
    textbooks: Textbooks,
    exercises: Exercises,
    codetextbook: Artifact,
    codeexercises: Exercises,
    textbook_tokens: Artifact,
    exercise_tokens: Artifact,
    base: Artifact,
    finetuned: Artifact,
    small_base: Artifact,
    small: Artifact,
    base_scores: Evaluation,
    finetuned_scores: Evaluation,
    small_base_scores: Evaluation,
    small_scores: Evaluation,
    comparison: Comparison,
    exported: Artifact,
    base_grades: Grades | None = None,
    finetuned_grades: Grades | None = None,
    small_base_grades: Grades | None = None,
    small_grades: Grades | None = None,
    out: Path,
) -> Report:
    """Writes `report.html` and `summary.txt`. Equal inputs give equal bytes: nothing on the page is a time.

    Grades are there where the recipe names a grader.
    """
    grades = {
        "small_base": small_base_grades,
        "small": small_grades,
        "base": base_grades,
        "finetuned": finetuned_grades,
    }
    evaluations = {
        "small_base": small_base_scores,
        "small": small_scores,
        "base": base_scores,
        "finetuned": finetuned_scores,
    }
    scores = {label: evaluation.scores() for label, evaluation in evaluations.items()}
    models: dict[str, Artifact] = {"small_base": small_base, "small": small, "base": base, "finetuned": finetuned}
    gains = page.gains(scores, evaluations)
    made_by = {
        "collect": collected,
        "deduplicate": files,
        "annotate": annotations,
        "filter": filtered,
        "textbooks": textbooks,
        "exercises": exercises,
        "codetextbook": codetextbook,
        "codeexercises": codeexercises,
        "textbook_tokens": textbook_tokens,
        "exercise_tokens": exercise_tokens,
        **models,
        **{f"{label}_scores": evaluation for label, evaluation in evaluations.items()},
        "comparison": comparison,
        "exported": exported,
        **{f"{label}_grades": graded for label, graded in grades.items() if graded is not None},
    }
    stages, versions = page.provenance(made_by)
    context = {
        "name": name,
        "description": description,
        "scores": scores,
        "set_names": page.set_names(scores),
        "left_out": sorted({remark for one in scores.values() for remark in one.remarks()}),
        "gains": gains,
        "spikes": page.spikes(gains),
        "depths": page.depth_rows(scores),
        "protocol": _protocols(scores["finetuned"]),
        "comparison": view(list(comparison.read())),
        "VERDICTS": VERDICTS,
        "grades": grade_rows(grades),
        "teachers": teacher_rows(made_by.values()),
        "funnels": _funnels(collected, files, filtered, textbooks, exercises, codetextbook, codeexercises),
        "overlaps": page.overlaps((codetextbook, codeexercises), 4),
        "annotation_facts": _facts(annotations),
        "filter_facts": _facts(filtered),
        "thresholds": read_quality(filtered.folder).thresholds,
        "token_facts": {"CodeTextbook": _facts(textbook_tokens), "CodeExercises": _facts(exercise_tokens)},
        "sections": page.example_sections(textbooks, 2),
        "examples": page.example_exercises(codeexercises, EXERCISES, 4),
        "curves": page.training_curves(models),
        "stages": stages,
        "versions": versions,
    }
    (out / PAGE).write_text(render("report.html.j2", context), encoding="utf-8")
    by_set: dict[tuple[str, str], dict[str, PairedComparison]] = {}
    for gain in gains:
        if gain.paired is not None:
            by_set.setdefault(page.SIZES[gain.size], {})[gain.set_name] = gain.paired
    lines = summary_lines(scores, by_set)
    (out / SUMMARY).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Report(out, Facts(rows={}, metrics={"stages": len(made_by)}))


def _funnels(
    collected: Artifact,
    files: Artifact,
    filtered: Artifact,
    textbooks: Artifact,
    exercises: Artifact,
    codetextbook: Artifact,
    codeexercises: Artifact,
) -> list[tuple[str, list[page.Step]]]:
    found = int(collected.facts.rows.get(FILES, 0)) + sum(collected.facts.drops.values())
    code = [
        page.Stage("collected", collected, FILES),
        page.Stage("deduplicated", files, FILES),
        page.Stage("filtered", filtered, FILES),
        page.Stage("decontaminated", codetextbook, CODE, OVERLAP),
    ]
    sections = [
        page.Stage("written", textbooks, TEXTBOOKS),
        page.Stage("decontaminated", codetextbook, TEXTBOOKS, OVERLAP),
    ]
    practice = [
        page.Stage("written and verified", exercises, EXERCISES),
        page.Stage("decontaminated", codeexercises, EXERCISES, OVERLAP),
    ]
    return [
        ("Code", [page.Step("found", found, "files", 1.0, ()), *page.funnel(code, "files", found)]),
        ("Textbooks", page.funnel(sections, "sections")),
        ("Exercises", page.funnel(practice, "exercises")),
        ("Held out", page.funnel([page.Stage("kept for evaluation", codeexercises, HELDOUT, "")], "problems")),
    ]


def _facts(artifact: Artifact) -> list[tuple[str, str]]:
    return fact_rows(artifact.facts.metrics)


def _protocols(scores: Scores) -> list[tuple[str, str]]:
    rows = [(label_of(key), str(value)) for key, value in {**scores.protocol, **scores.execution}.items()]
    for name, score in scores.sets.items():
        rows += [(f"{SET_NAMES.get(name, name)}: {label_of(key)}", str(value)) for key, value in score.protocol.items()]
    return rows
