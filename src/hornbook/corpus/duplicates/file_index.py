"""What removal of duplicates knows of every file: a small row each, kept on disk by blocks; and where its text lies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.blocks import Block, keep
from hornbook.corpus.duplicates.digests import DIGEST_BYTES, content_digests, text_buffers
from hornbook.corpus.duplicates.minhash import MinHashParams, documented_bytes, sketch
from hornbook.corpus.duplicates.stored_texts import StoredTexts, StoreTask, lay_down, store_texts, texts_path
from hornbook.run.data_process import Report
from hornbook.run.engine import over_shards

NAMES = ("source", "origin", "path", "license")
DESCRIPTION = (*NAMES, "digest", "documented_bytes", "num_bytes")
ROW_BITS = 32
"""A file's `id` is its block's number and, in so many bits, its row in there."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IndexTask:
    """A block, its number, where its part of the index goes, and how files are sketched (None: they are not)."""

    block: Block
    number: int
    part: Path
    params: MinHashParams | None
    texts: Path | None
    """Where its texts are laid down, if they are."""


@dataclass(frozen=True)
class FileIndex:
    """The index of blocks, one Parquet file for each in `parts`, and a folder for their texts.

    Columns: `id`, those of `DESCRIPTION` and, where files are sketched, `keys` and `fingerprint`.
    """

    blocks: Sequence[Block]
    parts: Sequence[Path]
    texts: Path

    def describe(self) -> pa.Table:
        """The columns of `DESCRIPTION` and `id` of all files, in order of their ids."""
        empty = pa.schema(
            [
                ("id", pa.int64()),
                *((name, pa.large_string()) for name in NAMES),
                ("digest", pa.binary(DIGEST_BYTES)),
                ("documented_bytes", pa.int64()),
                ("num_bytes", pa.int64()),
            ]
        ).empty_table()
        tables = [pq.read_table(part, columns=["id", *DESCRIPTION], use_threads=False) for part in self.parts]
        return pa.concat_tables([empty, *tables]).combine_chunks()

    def fingerprints(self, ids: Numbers) -> npt.NDArray[np.uint8]:
        """(N, permutations): the fingerprints of files by their ids, which ascend."""
        found = []
        for number, rows in rows_by_block(ids):
            column = pq.read_table(self.parts[number], columns=["fingerprint"], use_threads=False).column(0)
            taken = column.combine_chunks().take(pa.array(rows))
            found.append(np.frombuffer(taken.buffers()[1], np.uint8).reshape(len(rows), -1))
        return np.concatenate(found)

    def stored_texts(self, ids: Numbers, starts: Numbers, sizes: Numbers) -> StoredTexts:
        """The texts of files by their ids, of whose blocks those that are not there yet are laid down first.

        `starts` and `sizes` say where each lies among the bytes of its block.
        """
        numbers = ids >> ROW_BITS
        lay_down(StoreTask(self.blocks[n], texts_path(self.texts, n)) for n in np.unique(numbers).tolist())
        return StoredTexts(self.texts, numbers, starts, sizes)


def rows_by_block(ids: Numbers) -> list[tuple[int, Numbers]]:
    """(block's number, rows in it) of ascending ids."""
    if not len(ids):
        return []
    blocks = ids >> ROW_BITS
    numbers, starts = np.unique(blocks, return_index=True)
    rows = np.split(ids & ((1 << ROW_BITS) - 1), starts[1:])
    return list(zip(numbers.tolist(), rows, strict=True))


@contextmanager
def indexed(
    report: Report, blocks: Sequence[Block], num_earlier: int, params: MinHashParams | None, folder: Path
) -> Iterator[FileIndex]:
    """Indexes the blocks that `folder` has no part of yet; a kill loses those that are under way.

    The texts of those blocks are laid down on the way, but not those of the first `num_earlier`, which are of earlier
    corpora: of these only candidates will be asked for. Texts are gone when the block ends, also where it fails.
    """
    folder, texts = folder.absolute() / "index", folder.absolute() / "texts"
    folder.mkdir(parents=True, exist_ok=True)
    # A kill leaves them.
    shutil.rmtree(texts, ignore_errors=True)
    texts.mkdir()
    try:
        _fill(report, blocks, num_earlier, params, folder, texts)
        yield FileIndex(blocks, _parts(folder, len(blocks)), texts)
    finally:
        shutil.rmtree(texts, ignore_errors=True)


def _parts(folder: Path, num_blocks: int) -> list[Path]:
    return [folder / f"block-{number:06d}.parquet" for number in range(num_blocks)]


def _fill(
    report: Report, blocks: Sequence[Block], num_earlier: int, params: MinHashParams | None, folder: Path, texts: Path
) -> None:
    """Makes the parts of the index that are missing."""
    report.start("deduplicate: read", sum(block.num_rows for block in blocks))
    tasks = []
    for number, (block, part) in enumerate(zip(blocks, _parts(folder, len(blocks)), strict=True)):
        if part.exists():
            report.advance(block.num_rows, takes_time=False)
        else:
            path = texts_path(texts, number) if number >= num_earlier else None
            tasks.append(IndexTask(block, number, part, params, path))
    for task, num_bytes in zip(tasks, over_shards(index_block, tasks), strict=True):
        report.advance(task.block.num_rows, num_bytes=num_bytes)


def index_block(task: IndexTask) -> int:
    """Writes a block's part of the index and returns the bytes of its texts."""
    table = task.block.read()
    texts = table.column("text").combine_chunks()
    if task.texts is not None:
        store_texts(task.texts, texts)
    sizes = np.diff(text_buffers(texts)[1])
    columns = {
        "id": pa.array((task.number << ROW_BITS) + np.arange(len(table), dtype=np.int64)),
        **{name: table.column(name) for name in NAMES},
        "digest": pa.array(content_digests(texts), pa.binary(DIGEST_BYTES)),
        "documented_bytes": pa.array(documented_bytes(texts), pa.int64()),
        "num_bytes": pa.array(sizes),
    }
    if task.params is not None:
        keys, fingerprints = sketch(texts, task.params)
        offsets = np.arange(len(table) + 1, dtype=np.int32) * keys.shape[1]
        columns["keys"] = pa.ListArray.from_arrays(offsets, keys.reshape(-1))
        columns["fingerprint"] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(fingerprints.shape[1]), len(table), [None, pa.py_buffer(np.ascontiguousarray(fingerprints))]
        )
    # Hashes do not compress.
    index = pa.table(columns)
    keep(task.part, lambda path: pq.write_table(index, path, compression="none", use_dictionary=list(NAMES)))
    return int(sizes.sum())
