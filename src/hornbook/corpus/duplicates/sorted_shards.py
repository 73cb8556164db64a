"""Writes chosen files of blocks in an order that the blocks need not have, without holding them.

Each shard of the output is a task that gathers its rows from the blocks that have some. Where the blocks' own order
is so different that each would be read many times, they are sorted one by one first: a row group of a sorted block is
then what one shard needs of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.blocks import SCHEMA, Block, keep
from hornbook.corpus.duplicates.file_index import NAMES, Numbers, rows_by_block
from hornbook.run.artifact import RESUME
from hornbook.run.data_process import Report
from hornbook.run.datasets import FILES, ROWS_PER_GROUP
from hornbook.run.engine import over_shards

SHARD_BYTES = 64 << 20
"""A shard is gathered in memory, one for each worker."""
GROUP_BYTES = 16 << 20
MOST_READS = 4
"""Blocks are sorted first where they would otherwise be read so many times on average."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a block, and their places among the rows of the shard that they go to."""

    block: Block
    rows: Numbers
    places: Numbers


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard of the output: where it goes, and what it is made of."""

    path: Path
    pieces: tuple[Piece, ...]
    num_bytes: int
    group_ends: tuple[int, ...]
    """Where its row groups end, as places."""

    @property
    def num_rows(self) -> int:
        """Files in the shard."""
        return sum(len(piece.rows) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class SortTask:
    """A block whose rows `rows` are written in this order, in row groups of `sizes`."""

    block: Block
    path: Path
    rows: Numbers
    sizes: tuple[int, ...]


def write_sorted(
    report: Report,
    label: str,
    blocks: Sequence[Block],
    ids: Numbers,
    num_bytes: Numbers,
    out: Path,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Writes the files of these ids, in this order, as the shards of a `CodeFiles` artifact in `out`.

    A shard ends with the file that fills it. Shards that an earlier try has left for a resume are taken as they are.
    """
    folder = out.absolute() / RESUME / FILES
    folder.mkdir(parents=True, exist_ok=True)
    tasks = _plan(blocks, ids, num_bytes, folder, shard_bytes)
    report.start(label, len(ids))
    missing = [task for task in tasks if not task.path.exists()]
    num_reads = Counter(piece.block for task in tasks for piece in task.pieces)
    if missing and num_reads.total() > MOST_READS * len(num_reads):
        # Of all shards, also those that are there: what a kill left sorted was sorted for them.
        sorts, tasks = _from_sorted_blocks(tasks, folder)
        for _ in over_shards(sort_block, sorts):
            pass
        missing = [task for task in tasks if not task.path.exists()]
    report.advance(len(ids) - sum(task.num_rows for task in missing), takes_time=False)
    for task, _ in zip(missing, over_shards(write_shard, missing), strict=True):
        report.advance(task.num_rows, num_bytes=task.num_bytes)
    (out / FILES).mkdir()
    for task in tasks:
        task.path.rename(out / FILES / task.path.name)


def _plan(blocks: Sequence[Block], ids: Numbers, num_bytes: Numbers, folder: Path, shard_bytes: int) -> list[ShardTask]:
    tasks: list[ShardTask] = []
    start = 0
    for end in _fill(num_bytes, shard_bytes, len(ids)) or [0]:
        places = np.argsort(ids[start:end], kind="stable")
        pieces, taken = [], 0
        for number, rows in rows_by_block(ids[start:end][places]):
            pieces.append(Piece(blocks[number], rows, places[taken : taken + len(rows)]))
            taken += len(rows)
        sizes = num_bytes[start:end]
        path = folder / f"part-{len(tasks):05d}.parquet"
        tasks.append(ShardTask(path, tuple(pieces), int(sizes.sum()), tuple(_fill(sizes, GROUP_BYTES, ROWS_PER_GROUP))))
        start = end
    return tasks


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
    """Gathers the rows of a shard and writes them; the bytes do not depend on where the rows come from."""
    gathered = [(piece.block.read().take(pa.array(piece.rows)), piece.places) for piece in task.pieces]

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=list(NAMES)) as writer:
            start = 0
            for end in task.group_ends:
                writer.write_table(_rows_between(gathered, start, end))
                start = end

    keep(task.path, write)


def _rows_between(gathered: Sequence[tuple[pa.Table, Numbers]], start: int, end: int) -> pa.Table:
    """The rows of places start to end, in order, in one piece: where pages end depends on where pieces do."""
    tables, places = [], []
    for table, all_places in gathered:
        found = np.flatnonzero((all_places >= start) & (all_places < end))
        if len(found):
            tables.append(table.take(pa.array(found)).cast(SCHEMA))
            places.append(all_places[found])
    order = np.argsort(np.concatenate(places))
    return pa.concat_tables(tables).combine_chunks().take(pa.array(order)).combine_chunks()


def _from_sorted_blocks(tasks: Sequence[ShardTask], folder: Path) -> tuple[list[SortTask], list[ShardTask]]:
    """How to sort the blocks, and the same shards made of sorted blocks: each piece is then a row group of one."""
    by_block: dict[Block, list[tuple[int, Piece]]] = {}
    for number, task in enumerate(tasks):
        for piece in task.pieces:
            by_block.setdefault(piece.block, []).append((number, piece))
    sorts = []
    pieces: list[list[Piece]] = [[] for _ in tasks]
    for count, (block, found) in enumerate(by_block.items()):
        path = folder / f"sorted-{count:06d}.parquet"
        sorts.append(
            SortTask(
                block,
                path,
                np.concatenate([piece.rows for _, piece in found]),
                tuple(len(piece.rows) for _, piece in found),
            )
        )
        for group, (number, piece) in enumerate(found):
            rows = np.arange(len(piece.rows))
            pieces[number].append(Piece(Block(str(path), group, 1, len(rows)), rows, piece.places))
    made = [
        ShardTask(task.path, tuple(parts), task.num_bytes, task.group_ends)
        for task, parts in zip(tasks, pieces, strict=True)
    ]
    return sorts, made


def sort_block(task: SortTask) -> None:
    """Writes the rows of a block in the task's order, one row group for each shard that takes some."""
    if task.path.exists():
        return
    table = task.block.read().take(pa.array(task.rows))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, table.schema, compression="lz4") as writer:
            start = 0
            for size in task.sizes:
                writer.write_table(table.slice(start, size), row_group_size=size)
                start += size

    keep(task.path, write)
