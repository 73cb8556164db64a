"""Writes rows in their final order as the shards of a `CodeFiles` artifact, a row group at a time.

Each shard is a task. Its texts lie on disk, in any order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.blocks import SCHEMA, keep
from hornbook.corpus.duplicates.file_index import NAMES, Numbers
from hornbook.corpus.duplicates.stored_texts import StoredTexts
from hornbook.records import writing_options
from hornbook.run.artifact import RESUME
from hornbook.run.data_process import Report
from hornbook.run.datasets import FILES, ROWS_PER_GROUP
from hornbook.run.engine import over_shards

SHARD_BYTES = 64 << 20
GROUP_BYTES = 16 << 20
"""A row group is held in memory, one for each worker."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows of a shard, in order: texts that lie on disk, and the other columns, which do not."""

    texts: StoredTexts
    names: pa.Table

    def __len__(self) -> int:
        return len(self.texts)

    def groups(self, ends: Sequence[int]) -> Iterator[pa.Table]:
        """The rows cut at `ends`, each part in one piece, since pages end where pieces do; columns are `SCHEMA`'s."""
        for start, end in itertools.pairwise([0, *ends]):
            names = self.names.slice(start, end - start)
            columns = {"text": self.texts[start:end].read(), **{name: names.column(name) for name in NAMES}}
            yield pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard of the output: where it goes, and what it is made of."""

    path: Path
    rows: StoredRows
    num_bytes: int
    group_ends: tuple[int, ...]
    """Where its row groups end, as places among its rows."""


def write_shards(
    report: Report,
    label: str,
    files: pa.Table,
    rows: Numbers,
    texts: StoredTexts,
    out: Path,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Writes rows of `files`, which has the columns of `NAMES`, with `texts` as the shards of a `CodeFiles` artifact.

    A shard ends with the file that fills it. Shards that an earlier try has left for a resume are taken as they are.
    """
    num_bytes = texts.sizes
    folder = out.absolute() / RESUME / FILES
    folder.mkdir(parents=True, exist_ok=True)
    report.start(label, len(num_bytes))
    tasks: list[ShardTask] = []
    for start, end in itertools.pairwise([0, *(_fill(num_bytes, shard_bytes, len(num_bytes)) or [0])]):
        sizes, path = num_bytes[start:end], folder / f"part-{len(tasks):05d}.parquet"
        ends = tuple(_fill(sizes, GROUP_BYTES, ROWS_PER_GROUP))
        # Not a slice: that would go through pickle with the whole table.
        names = files.select(NAMES).take(pa.array(rows[start:end]))
        tasks.append(ShardTask(path, StoredRows(texts[start:end], names), int(sizes.sum()), ends))
    missing = [task for task in tasks if not task.path.exists()]
    report.advance(len(num_bytes) - sum(len(task.rows) for task in missing), takes_time=False)
    for task, _ in zip(missing, over_shards(write_shard, missing), strict=True):
        report.advance(len(task.rows), num_bytes=task.num_bytes)
    (out / FILES).mkdir()
    for task in tasks:
        task.path.rename(out / FILES / task.path.name)


def _fill(num_bytes: Numbers, most_bytes: int, most_rows: int) -> list[int]:
    """Where runs of rows end: with the row that fills it with bytes, or with rows."""
    ends: list[int] = []
    filled = np.cumsum(num_bytes)
    start = 0
    while start < len(num_bytes):
        before = int(filled[start - 1]) if start else 0
        start = min(len(num_bytes), start + most_rows, int(np.searchsorted(filled, before + most_bytes)) + 1)
        ends.append(start)
    return ends


def write_shard(task: ShardTask) -> None:
    """Writes the rows of a shard; the bytes do not depend on where the texts lie."""

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, SCHEMA, **writing_options(SCHEMA)) as writer:
            for group in task.rows.groups(task.group_ends):
                writer.write_table(group)

    keep(task.path, write)
