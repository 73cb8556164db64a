"""Rows of one source: (inputs, targets) of one sequence, by number, over as many epochs as are asked for.

Row number k is a pure function of the data, the section and k; each epoch has every row once in an order of its own.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.recipe import TrainConfig
from hornbook.tokens.packing import TokenArray
from hornbook.train.loss import IGNORED

Row = tuple[NDArray[np.int64], NDArray[np.int64]]


def make_rows(array: TokenArray, config: TrainConfig, padding: int, name: str) -> Rows:
    """The rows of a source as `config.packing` asks; `name` seeds their order."""
    kind = SlicedRows if config.packing == "slice" else WholeRows
    return kind(array, config, padding, name)


class Rows(ABC):
    """What both ways of packing share: shuffling and the loss mask."""

    num_rows: int
    """Rows in one epoch."""
    documents_cut = 0
    padding_share = 0.0

    def __init__(self, array: TokenArray, config: TrainConfig, padding: int, name: str) -> None:
        self._array, self._padding, self._name = array, padding, name
        self._length = config.sequence_length
        self._solution_only = config.loss_on == "solution"
        self._epoch = -1

    def __getitem__(self, number: int) -> Row:
        """Inputs and targets, each (sequence_length,) int64, of row `number` = epoch * num_rows + place."""
        epoch, place = divmod(number, self.num_rows)
        if epoch != self._epoch:
            self._start_epoch(epoch)
            self._epoch = epoch
        return self._shift(*self._row(place))

    @abstractmethod
    def _start_epoch(self, epoch: int) -> None: ...

    @abstractmethod
    def _row(self, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """At most sequence_length + 1 tokens, and which of them count when predicted."""

    def _shift(self, tokens: NDArray[Any], counts: NDArray[np.bool_]) -> Row:
        # As int64 first: -100 has no place among unsigned tokens.
        tokens = tokens.astype(np.int64)
        filled = len(tokens) - 1
        inputs = np.full(self._length, self._padding, dtype=np.int64)
        targets = np.full(self._length, IGNORED, dtype=np.int64)
        inputs[: filled + 1] = tokens[: self._length]
        targets[:filled] = np.where(counts[1:], tokens[1:].astype(np.int64), IGNORED)
        return inputs, targets

    def _random(self, epoch: int) -> np.random.Generator:
        digest = hashlib.sha256(f"rows/{self._name}/{epoch}".encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


class SlicedRows(Rows):
    """Windows cut from the one long array, each beginning where the last one's targets end (section 2.3)."""

    def __init__(self, array: TokenArray, config: TrainConfig, padding: int, name: str) -> None:
        super().__init__(array, config, padding, name)
        # The last window may be short: its rest is padding, so every token is predicted once in an epoch.
        self.num_rows = max(1, -(-(len(array.tokens) - 1) // self._length))
        self.padding_share = 1 - (len(array.tokens) - 1) / (self.num_rows * self._length)

    def _start_epoch(self, epoch: int) -> None:
        self._order = self._random(epoch).permutation(self.num_rows)

    def _row(self, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        start = int(self._order[place]) * self._length
        tokens = np.asarray(self._array.tokens[start : start + self._length + 1])
        if not self._solution_only:
            return tokens, np.ones(len(tokens), dtype=bool)
        indices = np.arange(start, start + len(tokens))
        document = np.searchsorted(self._array.documents, indices, side="right") - 1
        return tokens, indices >= self._array.loss_starts[document]


class WholeRows(Rows):
    """Rows filled with whole documents; what is left of a row is padding.

    The lengths are packed once, best fit by decreasing length; each epoch then deals the documents of one length to
    the places of that length, the order inside a row and the order of the rows anew. So every epoch has the same
    number of rows, and the same documents rarely meet twice.
    """

    def __init__(self, array: TokenArray, config: TrainConfig, padding: int, name: str) -> None:
        super().__init__(array, config, padding, name)
        room = self._length + 1
        lengths = np.diff(array.documents)
        self.documents_cut = int((lengths > room).sum())
        self._lengths = np.minimum(lengths, room)
        self._row_of_place = pack_lengths(self._lengths, room)
        # Documents by length: the k-th of these places takes the k-th of the documents sorted the same way.
        self._places = np.argsort(self._lengths, kind="stable")
        self.num_rows = max(1, int(self._row_of_place.max(initial=-1)) + 1)
        self.padding_share = 1 - int(self._lengths.sum() - self.num_rows) / (self.num_rows * self._length)

    def _start_epoch(self, epoch: int) -> None:
        random = self._random(epoch)
        dealt = np.lexsort((random.random(len(self._lengths)), self._lengths))
        rows = random.permutation(self.num_rows)[self._row_of_place[self._places]]
        by_row = np.lexsort((random.random(len(dealt)), rows))
        self._documents = dealt[by_row]
        self._bounds = np.searchsorted(rows[by_row], np.arange(self.num_rows + 1))

    def _row(self, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        documents = self._documents[self._bounds[place] : self._bounds[place + 1]]
        tokens, counts = [], []
        for document in documents:
            start = int(self._array.documents[document])
            end = start + int(self._lengths[document])
            tokens.append(np.asarray(self._array.tokens[start:end]))
            first = int(self._array.loss_starts[document]) if self._solution_only else start
            counts.append(np.arange(start, end) >= first)
        return np.concatenate(tokens), np.concatenate(counts)


def pack_lengths(lengths: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """The row of each length such that no row holds more than `room`: best fit, longest first."""
    row_of = np.zeros(len(lengths), dtype=np.int64)
    open_rows: list[list[int]] = [[] for _ in range(room + 1)]
    open_bits = 0  # bit r is set where some row has r left; the smallest that fits is the lowest set bit from there
    num_rows = 0
    for index in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[index])
        fitting = open_bits >> length
        if fitting:
            left = length + (fitting & -fitting).bit_length() - 1
            row = open_rows[left].pop()
            if not open_rows[left]:
                open_bits &= ~(1 << left)
        else:
            left, row = room, num_rows
            num_rows += 1
        row_of[index] = row
        left -= length
        if left:
            open_rows[left].append(row)
            open_bits |= 1 << left
    return row_of
