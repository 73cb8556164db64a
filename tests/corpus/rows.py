"""Artifacts made of a few rows."""

from collections.abc import Sequence
from pathlib import Path

from hornbook.records import Annotation, CodeFile, Exercise, TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import (
    ANNOTATIONS,
    EXERCISES,
    FILES,
    HELDOUT,
    TEXTBOOKS,
    Annotations,
    CodeFiles,
    Exercises,
    Textbooks,
    write_code_files,
)


def code_files(folder: Path, rows: Sequence[CodeFile]) -> CodeFiles:
    folder.mkdir()
    return CodeFiles(folder, Facts(rows={FILES: write_code_files(folder, rows)}))


def annotation(row: CodeFile, value: float) -> Annotation:
    return Annotation(row.text, row.origin, row.path, row.license, value, "why", "somebody", 1, (value,), 1.0)


def annotations(folder: Path, rows: Sequence[Annotation]) -> Annotations:
    folder.mkdir()
    return Annotations(folder, Facts(rows={ANNOTATIONS: write_rows(folder / ANNOTATIONS, Annotation, rows)}))


def textbooks(folder: Path, texts: Sequence[str]) -> Textbooks:
    folder.mkdir()
    rows = [TextbookSection(f"topic {number}", "beginners", text) for number, text in enumerate(texts)]
    return Textbooks(folder, Facts(rows={TEXTBOOKS: write_rows(folder / TEXTBOOKS, TextbookSection, rows)}))


def exercises(folder: Path, train: Sequence[Exercise], heldout: Sequence[Exercise]) -> Exercises:
    folder.mkdir()
    rows = {
        EXERCISES: write_rows(folder / EXERCISES, Exercise, train),
        HELDOUT: write_rows(folder / HELDOUT, Exercise, heldout),
    }
    return Exercises(folder, Facts(rows=rows))


def exercise(name: str, operations: Sequence[str], docstring: str, body: str = "    return numbers\n") -> Exercise:
    prompt = f'def {name}(numbers):\n    """{docstring}"""\n'
    return Exercise(f"task/{name}", name, prompt, body, "def check(candidate):\n    pass\n", tuple(operations), "loop")
