"""The source `jsonl`: lines of JSON Lines files, plain or compressed, read as a stream."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from hornbook.corpus.cleaning.limits import NOTEBOOK_BYTES_PER_CHAR
from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.listed import BYTES_SHOWN
from hornbook.corpus.sources.locate import Located, locate, open_file
from hornbook.corpus.sources.parquet import in_seeded_order
from hornbook.corpus.sources.protocol import RawFile, Shard
from hornbook.corpus.sources.table_rows import TableRows
from hornbook.errors import InputError
from hornbook.recipe import JsonlSource

CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
BYTES_PER_SHARD = 32 << 20
SUFFIXES = tuple(f"{kind}{codec}" for kind in (".jsonl", ".ndjson", ".json") for codec in ("", *CODECS))


class JsonlFiles:
    """The lines of the files in their order.

    A long file is several shards by ranges of bytes; a compressed one, which has no middle to start from, is one.
    """

    def __init__(self, config: JsonlSource, max_chars: int, seed: int | None) -> None:
        self._name, self._path, self._seed = config.name, config.path, seed
        self._rows = TableRows(config)
        # What is longer cannot be a notebook that stays, and a Python file even less.
        self._max_line_bytes = NOTEBOOK_BYTES_PER_CHAR * max_chars

    def identity(self) -> str:
        """Hex sha256 of each file's name, size and time of change, or mark of its version where it lies."""
        return digest([(file.name, file.size_bytes, file.stamp) for file in self._locate()])

    def shards(self) -> list[Shard]:
        """Files and ranges of files. Raises InputError where there is none, or none that has anything in it."""
        files = self._locate()
        if not any(file.size_bytes for file in files):
            raise InputError(f"source {self._name!r}: the files of {self._path} are empty")
        return in_seeded_order([shard for file in files for shard in self._shards_of(file)], self._seed)

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The lines of a file; one that is no object or has no text is there with a drop reason and its number.

        In a range of a file a line is named by the byte at which it starts, and belongs to the range that has this
        byte. Raises InputError, with the number of the last good line, where a compressed file is damaged.
        """
        number = 0
        with open_file(self._name, shard.location) as opened:
            lines = _lines(_decompressed(opened, shard.location), shard.start, shard.stop, self._max_line_bytes)
            while True:
                try:
                    line = next(lines, None)
                except OSError as error:
                    raise InputError(
                        f"source {self._name!r}: {shard.location} is damaged after line {number}: {error}. "
                        "Get it again, or take it out of the path."
                    ) from None
                if line is None:
                    return
                number += 1
                if line.is_whole and not line.data.strip():
                    continue
                name = shard.name.removesuffix(f"@{shard.start}")
                yield self._file(line, f"{name}@{line.start}" if shard.stop else f"{name}:{number}")

    def _shards_of(self, file: Located) -> Iterator[Shard]:
        if _codec(file.location) or file.size_bytes <= BYTES_PER_SHARD:
            yield Shard(self._name, file.name, file.location)
            return
        for start in range(0, file.size_bytes, BYTES_PER_SHARD):
            stop = min(start + BYTES_PER_SHARD, file.size_bytes)
            yield Shard(self._name, f"{file.name}@{start}", file.location, start, stop)

    def _locate(self) -> list[Located]:
        return locate(self._name, self._path, SUFFIXES)

    def _file(self, line: _Line, place: str) -> RawFile:
        def dropped(reason: str) -> RawFile:
            return RawFile(self._name, place, "", line.data[:BYTES_SHOWN], drop_reason=reason)

        if not line.is_whole:
            return dropped("too_large")
        try:
            row = json.loads(line.data)
        except (ValueError, RecursionError):
            return dropped("invalid_json")
        return self._rows.file(row, place) if isinstance(row, dict) else dropped("not_an_object")


@dataclass(frozen=True, slots=True)
class _Line:
    data: bytes
    """Of a line that is too long only the start."""
    is_whole: bool
    start: int
    """The byte at which it starts."""


def _codec(location: str) -> str | None:
    return next((codec for suffix, codec in CODECS.items() if location.endswith(suffix)), None)


def _decompressed(file: BinaryIO, location: str) -> Any:
    codec = _codec(location)
    if codec is None:
        return file
    return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(file, "r"), codec), 1 << 16)


def _lines(file: Any, start: int, stop: int, max_bytes: int) -> Iterator[_Line]:
    """Yields the lines that start in a range, to the end where stop is 0; holds no more than `max_bytes` of one."""
    place = start
    if start:
        # The line in which the range begins is another's, unless it begins with it.
        file.seek(start - 1)
        place += _rest_of_line(file) - 1
    while not stop or place < stop:
        data = file.readline(max_bytes + 1)
        if not data:
            return
        if len(data) <= max_bytes:
            yield _Line(data, True, place)
            place += len(data)
        else:
            yield _Line(data[:BYTES_SHOWN], False, place)
            place += len(data) + (0 if data.endswith(b"\n") else _rest_of_line(file))


def _rest_of_line(file: Any) -> int:
    """Reads up to the next line and returns how many bytes that were; holds a megabyte."""
    num_bytes = 0
    while data := file.readline(1 << 20):
        num_bytes += len(data)
        if data.endswith(b"\n"):
            break
    return num_bytes
