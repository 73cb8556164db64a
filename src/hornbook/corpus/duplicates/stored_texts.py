"""Texts laid down as plain bytes, so that any of them can be read alone, in any order, for next to nothing.

Of a compressed Parquet file a whole row group has to be decoded for one row. So what is read to be indexed or predicted
is laid down once, and candidates and the output are taken from there. As the files are not synced, only the work that
wrote them may read them; a try that goes on after a kill starts with an empty folder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hornbook.corpus.blocks import Block
from hornbook.corpus.duplicates.digests import text_buffers
from hornbook.corpus.duplicates.file_bytes import read_at
from hornbook.corpus.duplicates.minhash import Integers
from hornbook.run.engine import over_shards


def texts_path(folder: Path, number: int) -> Path:
    """Where the texts of the block of that number lie."""
    return folder / f"block-{number:06d}.texts"


def store_texts(path: Path, texts: pa.Array) -> None:
    """Writes the bytes of a `large_string` array, one text after the other. The file is there when it is whole."""
    data, offsets = text_buffers(texts)
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(data[offsets[0] : offsets[-1]].data)
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class StoreTask:
    """A block, and where its texts are laid down."""

    block: Block
    texts: Path


def lay_down(tasks: Iterable[StoreTask]) -> None:
    """Stores the texts of those blocks whose texts are not there yet, over the engine."""
    deque(over_shards(store_block, [task for task in tasks if not task.texts.exists()]), maxlen=0)


def store_block(task: StoreTask) -> None:
    """Lays down the texts of a block."""
    store_texts(task.texts, task.block.read(["text"]).column(0).combine_chunks())


def starts_in_blocks(blocks: Integers, sizes: Integers) -> Integers:
    """(N,): where each text begins in its block, by the blocks' numbers, which ascend, and the sizes of all texts."""
    before = np.cumsum(sizes) - sizes
    return before - before[np.searchsorted(blocks, blocks)]


@dataclass(frozen=True, slots=True)
class StoredTexts:
    """Where texts lie: for each its block's number, its first byte in that block's file, and its size in bytes."""

    folder: Path
    blocks: Integers
    starts: Integers
    sizes: Integers

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, rows: slice | Integers) -> StoredTexts:
        return StoredTexts(self.folder, self.blocks[rows], self.starts[rows], self.sizes[rows])

    def read(self) -> pa.Array:
        """The texts as a `large_string` array. Raises OSError where a block's are not there."""
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.sizes, out=offsets[1:])
        room = np.empty(offsets[-1], np.uint8)
        for number in np.unique(self.blocks).tolist():
            rows = np.flatnonzero(self.blocks == number)
            with texts_path(self.folder, number).open("rb", buffering=0) as file:
                for first, last in self._runs(rows):
                    read_at(file.fileno(), room[offsets[first] : offsets[last + 1]], int(self.starts[first]))
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(room))

    def _runs(self, rows: Integers) -> list[tuple[int, int]]:
        """(first, last) of the rows of a block that follow one another, in its file too: each is read at once."""
        follows = (np.diff(rows) == 1) & (self.starts[rows[1:]] == (self.starts + self.sizes)[rows[:-1]])
        breaks = np.flatnonzero(~follows)
        firsts, lasts = rows[np.append(0, breaks + 1)], rows[np.append(breaks, len(rows) - 1)]
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
