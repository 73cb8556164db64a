from pathlib import Path

import pytest
from tokenizers import Tokenizer

import hornbook
from hornbook.records import CodeFile, Exercise, TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import CODE, EXERCISES, HELDOUT, TEXTBOOKS, CodeTextbook, Exercises
from hornbook.teacher.builtin import ExerciseTeacher
from hornbook.tokens.tokenizer import train_bpe

SOURCES = [path.read_text() for path in sorted(Path(hornbook.__file__).parent.glob("*.py"))]


@pytest.fixture(scope="session")
def teacher_exercises() -> list[Exercise]:
    return list(ExerciseTeacher(0).exercises(200, "train"))


@pytest.fixture(scope="session")
def bpe(teacher_exercises: list[Exercise]) -> Tokenizer:
    return train_bpe([*SOURCES, *(exercise.prompt + exercise.solution for exercise in teacher_exercises)], 1000)


@pytest.fixture
def corpus(tmp_path: Path) -> CodeTextbook:
    folder = tmp_path / "corpus"
    folder.mkdir()
    code = [CodeFile(text, "origin-1", f"{number}.py", "MIT") for number, text in enumerate(SOURCES)]
    sections = [
        TextbookSection("topic", "audience", f"Section {number}.\n\n    x = {number}\n") for number in range(10, 40)
    ]
    rows = {
        CODE: write_rows(folder / CODE, CodeFile, code),
        TEXTBOOKS: write_rows(folder / TEXTBOOKS, TextbookSection, sections),
    }
    return CodeTextbook(folder, Facts(rows=rows))


@pytest.fixture
def exercises(tmp_path: Path, teacher_exercises: list[Exercise]) -> Exercises:
    folder = tmp_path / "exercises"
    folder.mkdir()
    rows = {
        EXERCISES: write_rows(folder / EXERCISES, Exercise, teacher_exercises),
        HELDOUT: write_rows(folder / HELDOUT, Exercise, []),
    }
    return Exercises(folder, Facts(rows=rows))
