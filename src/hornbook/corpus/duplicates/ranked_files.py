"""The files that removal of duplicates compares, in the order of preference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hornbook.corpus.duplicates.file_index import ROW_BITS, FileIndex, Numbers
from hornbook.corpus.duplicates.near_duplicates import preference
from hornbook.corpus.duplicates.stored_texts import StoredTexts, starts_in_blocks

OUTPUT_ORDER = ("source", "origin", "path", "digest")


@dataclass(frozen=True)
class RankedFiles:
    """A file's number is its place in the order of preference; the first `num_earlier` are an earlier corpus'."""

    index: FileIndex
    table: pa.Table
    """Its rows, best first."""
    num_earlier: int

    @classmethod
    def of(cls, index: FileIndex, num_earlier: int) -> Self:
        """The files of an index whose first `num_earlier` are in an earlier corpus."""
        files = index.describe()
        earlier = pa.array(np.arange(len(files)) < num_earlier)
        return cls(index, files.take(pa.array(preference(files.append_column("earlier", earlier)))), num_earlier)

    @cached_property
    def ids(self) -> Numbers:
        """The index's id of each."""
        ids: Numbers = self.table.column("id").to_numpy()
        return ids

    @cached_property
    def sizes(self) -> Numbers:
        """The bytes of each one's text."""
        sizes: Numbers = self.table.column("num_bytes").to_numpy()
        return sizes

    @property
    def numbers(self) -> Numbers:
        """0, 1, ..."""
        return np.arange(len(self.table))

    @cached_property
    def _starts(self) -> Numbers:
        """Where each file's text begins among the bytes of its block."""
        order = np.argsort(self.ids)
        starts = np.empty_like(order)
        starts[order] = starts_in_blocks(self.ids[order] >> ROW_BITS, self.sizes[order])
        return starts

    def texts(self, numbers: Numbers) -> StoredTexts:
        """The texts of files by their numbers."""
        return self.index.stored_texts(self.ids[numbers], self._starts[numbers], self.sizes[numbers])

    def best_of_equals(self) -> Numbers:
        """For each file the best with the same digest, which may be itself."""
        if not len(self.table):
            return self.numbers
        digests = self.table.column("digest").combine_chunks().buffers()[1]
        words = np.frombuffer(digests, np.uint64).reshape(len(self.table), -1)
        _, first, group = np.unique(words, axis=0, return_index=True, return_inverse=True)
        best: Numbers = first[group.reshape(-1)]
        return best

    def new_by_name(self) -> Numbers:
        """Those that are not in an earlier corpus, ordered by source, origin and path."""
        order: Numbers = pc.sort_indices(
            self.table, sort_keys=[(name, "ascending") for name in OUTPUT_ORDER]
        ).to_numpy()
        return order[order >= self.num_earlier].astype(np.int64)
