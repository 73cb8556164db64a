"""JSON lines that somebody else wrote: read row by row, and each error names the file, the row and the field."""

from __future__ import annotations

import gzip
import json
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hornbook.errors import TaskError

Read = TypeVar("Read")
MAX_SHOWN = 5
"""Rows that a message names; the rest are counted."""


@dataclass(frozen=True)
class JsonRow:
    """One line of a file: a JSON object."""

    path: Path
    number: int
    """Counted from 1."""
    values: Mapping[str, object]

    def error(self, message: str) -> TaskError:
        """A TaskError that says where."""
        return TaskError(f"{self.path}, row {self.number}: {message}")

    def text(self, field: str, *, may_be_empty: bool = False) -> str:
        """A field that must be text. Raises TaskError where it is missing, of another type, or empty."""
        value = self._value(field)
        if not isinstance(value, str):
            raise self.error(f"field {field!r} must be text, not {value!r:.80}")
        if not value.strip() and not may_be_empty:
            raise self.error(f"field {field!r} is empty")
        return value

    def integer(self, field: str) -> int:
        """A field that must be a whole number."""
        value = self._value(field)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"field {field!r} must be a whole number, not {value!r:.80}")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """A field that must be a list of texts, and not an empty one."""
        value = self._value(field)
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise self.error(f"field {field!r} must be a list of texts, not {value!r:.80}")
        return tuple(value)

    def _value(self, field: str) -> object:
        if field not in self.values:
            raise self.error(f"field {field!r} is missing; the row has {', '.join(self.values) or 'nothing'}")
        return self.values[field]


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank with their numbers; gzipped where the name ends in `.gz`.

    Raises TaskError where the file cannot be read.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise TaskError(f"{path}: cannot be read: {error}") from None


def parse_line(path: Path, number: int, line: bytes) -> JsonRow:
    """One line as a row. Raises TaskError where it is not a JSON object in UTF-8."""
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}, row {number}: not UTF-8 ({error.reason}): {line.strip()[:80]!r}") from None
    except (ValueError, RecursionError) as error:
        shown = line.decode().strip()[:80]
        raise TaskError(f"{path}, row {number}: not JSON ({error}): {shown!r}") from None
    if not isinstance(values, dict):
        raise TaskError(f"{path}, row {number}: a JSON object is needed, not {line.decode().strip()[:80]!r}")
    return JsonRow(path, number, values)


def read_json_lines(path: Path, read: Callable[[JsonRow], Read], name_of: Callable[[Read], str]) -> list[Read]:
    """What `read` makes of every row of a file; names must differ.

    Raises TaskError that names the rows at fault, the first few with what is wrong in each.
    """
    found: dict[str, Read] = {}
    faults: list[str] = []
    for number, line in numbered_lines(path):
        try:
            row = parse_line(path, number, line)
            one = read(row)
            if name_of(one) in found:
                raise row.error(f"task_id {name_of(one)!r} was there before; each may occur once")
            found[name_of(one)] = one
        except TaskError as error:
            faults.append(str(error))
    if len(faults) == 1:
        raise TaskError(faults[0])
    if faults:
        shown = "; ".join(fault.removeprefix(f"{path}, ") for fault in faults[:MAX_SHOWN])
        more = f"; and {len(faults) - MAX_SHOWN} more" if len(faults) > MAX_SHOWN else ""
        raise TaskError(f"{path}: {len(faults)} rows cannot be used: {shown}{more}")
    return list(found.values())


def check_python(row: JsonRow, field: str, source: str) -> None:
    """Raises TaskError where a field's source is not valid Python."""
    try:
        # The compiler's warnings are about somebody else's code.
        with warnings.catch_warnings(action="ignore"):
            compile(source, f"<{field}>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise row.error(f"field {field!r} is not valid Python: {error}") from None
