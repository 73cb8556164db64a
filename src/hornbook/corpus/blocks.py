"""Shards of code cut into blocks: the unit that is read at once, spread over workers, and kept for a resume."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.errors import ArtifactError, InputError
from hornbook.records import CodeFile, arrow_schema

BLOCK_BYTES = 16 << 20
"""A block ends with the row group that fills it, so that it may be larger by that group."""
SCHEMA = arrow_schema(CodeFile)


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive row groups of one shard."""

    path: str
    first_group: int
    num_groups: int
    num_rows: int

    def read(self, columns: Sequence[str] = SCHEMA.names) -> pa.Table:
        """The rows, each column in one piece and as `CodeFile` has it.

        Raises ArtifactError where they cannot be read any more, InputError where a value is missing.
        """
        groups = range(self.first_group, self.first_group + self.num_groups)
        try:
            with pq.ParquetFile(self.path) as file:
                table = file.read_row_groups(groups, columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise ArtifactError(
                f"{self.path}: cannot be read: {error}. Delete its folder to have it made again."
            ) from (error)
        for name in columns:
            if table.column(name).null_count:
                raise InputError(f"{self.path}: column {name!r} has a row without a value. Fill in what is missing.")
        # Whoever wrote the file may have its texts as another type of text.
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        return table.select(list(columns)).cast(schema).combine_chunks()


def cut_into_blocks(shards: Sequence[Path], block_bytes: int = BLOCK_BYTES) -> list[Block]:
    """The blocks of shards, in order; nothing but the ends of the files is read.

    Raises InputError where a file is not Parquet, or lacks a column of `CodeFile` or has one that is not text.
    """
    blocks = []
    # Processes of a cluster start elsewhere.
    for shard in (path.absolute() for path in shards):
        metadata = _metadata(shard)
        text = metadata.schema.to_arrow_schema().get_field_index("text")
        first = num_rows = num_bytes = 0
        for group in range(metadata.num_row_groups):
            num_rows += metadata.row_group(group).num_rows
            num_bytes += metadata.row_group(group).column(text).total_uncompressed_size
            if num_bytes >= block_bytes or group == metadata.num_row_groups - 1:
                blocks.append(Block(str(shard), first, group + 1 - first, num_rows))
                first, num_rows, num_bytes = group + 1, 0, 0
    return blocks


def _metadata(shard: Path) -> pq.FileMetaData:
    try:
        with pq.ParquetFile(shard) as file:
            schema = file.schema_arrow
            missing = sorted(set(SCHEMA.names) - set(schema.names))
            metadata: pq.FileMetaData = file.metadata
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{shard}: not a Parquet file that can be read: {error}") from None
    if missing:
        raise InputError(f"{shard}: has no column {missing[0]!r}, so these are not files of a corpus")
    for name in SCHEMA.names:
        kind = schema.field(name).type
        if not any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
            raise InputError(f"{shard}: column {name!r} is {kind}, not text, so these are not files of a corpus")
    return metadata


def keep(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file whole or not at all, and for good: what a kill or a power cut leaves under the name is whole."""
    temporary = path.with_name(f"{path.name}.new")
    write(temporary)
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
