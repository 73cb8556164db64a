"""The rows that flow between stages, and the one way they are written to disk and read back.

Rows are frozen dataclasses of plain values. On disk they are Parquet with zstd, one column a field, in the
order they were given, so that the same rows always give the same bytes.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One Python source file of the corpus."""

    text: str
    origin: str
    """Distribution and version, `python-3.11.7` for the standard library; of other sources the repository or site."""
    path: str
    """Path inside the origin, with forward slashes."""
    license: str
    """SPDX expression, or the licence that the classifiers name."""
    source: str = "environment"
    """Name of the source in the recipe (`collect.sources`) that it comes from."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A teacher's judgement of one file (section 2.1 of the paper)."""

    text: str
    origin: str
    path: str
    license: str
    """As on the file's own row; code is annotated only under a permissive one."""
    educational_value: float
    """0 to 10, for a student who wants to learn basic coding."""
    reason: str
    """What was met and missed, in words; with several windows, of each in turn."""
    annotator: str
    """The model's name, or `builtin`."""
    num_windows: int
    """How many windows the file has; 1 where it was read as a whole."""
    window_values: tuple[float, ...]
    """The values of the windows that were read, whose mean weighted by length is the file's."""
    share_read: float
    """Share of the file's characters that were read."""


@dataclass(frozen=True, slots=True)
class TextbookSection:
    """One section of the synthetic textbook (section 2.2): prose and code in one Markdown-like text."""

    topic: str
    audience: str
    text: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise of CodeExercises, in HumanEval's form.

    `prompt + solution` is a complete Python function. The prompt ends at the closing quotes of the docstring
    and one newline; the solution starts with its indentation and ends with one newline.
    """

    task_id: str
    name: str
    """The function's name, which is also the entry point of the tests."""
    prompt: str
    solution: str
    tests: str
    """Source that defines `check(candidate)`, which raises AssertionError unless the candidate is right."""
    operations: tuple[str, ...]
    """The operations that the task is composed of, in order of use; empty when unknown."""
    style: str
    """How the solution is written, e.g. `loop` or `comprehension`."""
    verdict: str = "computed"
    """Where its tests have their results from.

    `computed`: the built-in teacher ran the solution. `held`: the teacher stated them all and they held.
    `held_in_part`: so did enough of them, and the others are left out. `agreed`: independent solutions came to them.
    """


@dataclass(frozen=True, slots=True)
class UnverifiedExercise:
    """A reply that was to be an exercise and is none; kept apart from the exercises."""

    task_id: str
    """As the exercise would have had."""
    reason: str
    """Why it is none, as it is counted among the drops."""
    text: str
    """The reply as it came."""


@dataclass(frozen=True, slots=True)
class Subtopic:
    """A leaf of the tree of topics that textbook sections are asked for (section 2.2)."""

    topic: str
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem to evaluate on, in HumanEval's form (Chen et al. 2021, arXiv:2107.03374)."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str
    """Source that defines `check(candidate)`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of one problem by one model, with its verdict."""

    task_id: str
    model: str
    completion: str
    passed: bool
    verdict: str
    """`passed`, or why not: `wrong_answer`, `exception`, `syntax_error`, `timed_out`, `crashed`."""
    detail: str
    """The exception or the failed assertion, cut to 500 characters."""


Row = TypeVar("Row")

_ARROW_TYPES: dict[object, pa.DataType] = {
    str: pa.large_string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def arrow_schema(row_type: type) -> pa.Schema:
    """The Parquet schema of a row type, from its annotations."""
    hints = typing.get_type_hints(row_type)
    return pa.schema(
        [pa.field(field.name, _arrow_type(hints[field.name]), nullable=False) for field in dataclasses.fields(row_type)]
    )


def _arrow_type(annotation: object) -> pa.DataType:
    if isinstance(annotation, types.GenericAlias) and annotation.__origin__ is tuple:
        return pa.list_(_ARROW_TYPES[annotation.__args__[0]])
    return _ARROW_TYPES[annotation]


def writing_options(schema: pa.Schema) -> dict[str, Any]:
    """How rows are encoded: what `pyarrow.parquet.ParquetWriter` is given besides a place and a schema."""
    # A dictionary of texts, which hardly repeat, would make reading them several times slower.
    return {"compression": "zstd", "use_dictionary": [name for name in schema.names if name != "text"]}


def write_rows(path: Path, row_type: type[Row], rows: Iterable[Row], rows_per_group: int = 4096) -> int:
    """Writes rows as Parquet and returns how many there were. Streams: holds one row group at a time."""
    with RowWriter(path, row_type, rows_per_group) as writer:
        for row in rows:
            writer.add(row)
    return writer.count


class RowWriter(Generic[Row]):
    """Writes rows one by one as `write_rows` does, for files that are filled side by side. A context manager."""

    def __init__(self, path: Path, row_type: type[Row], rows_per_group: int = 4096) -> None:
        self.count = 0
        self._schema, self._rows_per_group = arrow_schema(row_type), rows_per_group
        self._group: list[Row] = []
        self._file = pq.ParquetWriter(path, self._schema, **writing_options(self._schema))

    def add(self, row: Row) -> None:
        """Adds a row at the end."""
        self._group.append(row)
        self.count += 1
        if len(self._group) == self._rows_per_group:
            self._write_group()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._group and kind is None:
            self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        columns = {name: [getattr(row, name) for row in self._group] for name in self._schema.names}
        self._file.write_table(pa.table(columns, schema=self._schema))
        self._group.clear()


def read_rows(path: Path, row_type: type[Row]) -> Iterator[Row]:
    """Yields the rows of a Parquet file in order. Raises ArtifactError where a column is missing."""
    hints = typing.get_type_hints(row_type)
    names = list(hints)
    tuples = {name for name in names if isinstance(hints[name], types.GenericAlias)}
    with pq.ParquetFile(path) as file:
        missing = sorted(set(names) - set(file.schema_arrow.names))
        if missing:
            raise ArtifactError(
                f"{path}: column {missing[0]!r} of {row_type.__name__} is missing; "
                f"the file has {file.schema_arrow.names}. Delete the folder to have it made again."
            )
        for batch in file.iter_batches(columns=names, batch_size=4096):
            columns = batch.to_pydict()
            for values in zip(*(columns[name] for name in names), strict=True):
                fields = dict(zip(names, values, strict=True))
                for name in tuples:
                    fields[name] = tuple(fields[name])
                yield row_type(**fields)
