"""The source `parquet`: rows of Parquet files, a few row groups at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.locate import Located, locate, open_file
from hornbook.corpus.sources.protocol import RawFile, Shard
from hornbook.corpus.sources.table_rows import TableRows
from hornbook.errors import InputError
from hornbook.recipe import ParquetSource

BYTES_PER_SHARD = 32 << 20
"""Of uncompressed columns: a shard ends with the row group that fills it."""
ROWS_PER_BATCH = 256


class ParquetFiles:
    """The rows of the files in their order."""

    def __init__(self, config: ParquetSource, seed: int | None) -> None:
        self._name, self._path, self._seed = config.name, config.path, seed
        self._rows = TableRows(config)

    def identity(self) -> str:
        """Hex sha256 of each file's name, size and time of change, or mark of its version where it lies."""
        return digest([(file.name, file.size_bytes, file.stamp) for file in self._locate()])

    def shards(self) -> list[Shard]:
        """Runs of row groups, of all files. Reads their footers, and so finds what is no Parquet or lacks a column."""
        shards = [shard for file in self._locate() for shard in self._shards_of(file)]
        if not shards:
            raise InputError(f"source {self._name!r}: the files of {self._path} have no rows")
        return in_seeded_order(shards, self._seed)

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The rows of the row groups from start to stop. Holds what one row group takes on the disk, and a batch."""
        with open_file(self._name, shard.location) as opened:
            try:
                file = pq.ParquetFile(opened, pre_buffer=False, buffer_size=1 << 20)
                columns = self._rows.columns_in(file.schema_arrow.names, shard.location)
                first = sum(file.metadata.row_group(group).num_rows for group in range(shard.start))
                groups = list(range(shard.start, shard.stop))
                name = shard.name.rpartition(":")[0]
                for batch in file.iter_batches(ROWS_PER_BATCH, row_groups=groups, columns=columns):
                    for number, row in enumerate(_rows(batch, columns[0]), start=first):
                        yield self._rows.file(row, f"{name}:{number}")
                    first += len(batch)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"source {self._name!r}: {shard.location} is damaged: {error}") from None

    def _locate(self) -> list[Located]:
        return locate(self._name, self._path, (".parquet", ".pq"))

    def _shards_of(self, file: Located) -> Iterator[Shard]:
        with open_file(self._name, file.location) as opened:
            try:
                metadata = pq.read_metadata(opened)
                schema = metadata.schema.to_arrow_schema()
            except (pa.ArrowException, OSError) as error:
                reason = " ".join(str(error).split())
                raise InputError(f"source {self._name!r}: {file.location} is no Parquet file: {reason}") from None
        self._check(schema, file.location)
        start = size = 0
        for group in range(metadata.num_row_groups if metadata.num_rows else 0):
            size += metadata.row_group(group).total_byte_size
            if size >= BYTES_PER_SHARD or group == metadata.num_row_groups - 1:
                yield Shard(self._name, f"{file.name}:{start}", file.location, start, group + 1)
                start, size = group + 1, 0

    def _check(self, schema: pa.Schema, location: str) -> None:
        content = schema.field(self._rows.columns_in(schema.names, location)[0])
        kind = content.type.value_type if pa.types.is_dictionary(content.type) else content.type
        tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
        if not any(test(kind) for test in (*tests, pa.types.is_string_view, pa.types.is_binary_view)):
            raise InputError(
                f"source {self._name!r}: column {content.name!r} of {location} is {content.type}, not text. "
                "Set content_column to the one with the source code."
            )


def _rows(batch: pa.RecordBatch, content: str) -> Sequence[dict[str, object]]:
    """The rows; nothing in Parquet sees to it that a column of text is UTF-8.

    Where one is not, a content that does not decode stays bytes, and in others U+FFFD stands for what is wrong. Columns
    that Arrow reads as dictionaries are UTF-8 by then.
    """
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except UnicodeDecodeError:
        columns = {name: _lenient(batch.column(name), name == content) for name in batch.schema.names}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


def _lenient(column: pa.Array, is_content: bool) -> list[object]:
    stored = _as_stored(column.type)
    if stored == column.type:
        return list(column.to_pylist())
    return [_decoded(value, is_content) for value in column.cast(stored).to_pylist()]


def _as_stored(kind: pa.DataType) -> pa.DataType:
    """The type of the same bytes where these are not taken for text."""
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_string_view(kind):
        return pa.binary_view()
    if pa.types.is_list(kind):
        return pa.list_(_as_stored(kind.value_type))
    return pa.large_list(_as_stored(kind.value_type)) if pa.types.is_large_list(kind) else kind


def _decoded(value: object, is_content: bool) -> object:
    if isinstance(value, list):
        return [_decoded(item, is_content) for item in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value if is_content else value.decode("utf-8", "replace")


def in_seeded_order(shards: list[Shard], seed: int | None) -> list[Shard]:
    """The shards as they are, or, with a seed, in the order of a seeded hash of their names."""
    if seed is None:
        return shards
    return sorted(shards, key=lambda shard: hashlib.sha256(f"{seed}\0{shard.name}".encode()).digest())
