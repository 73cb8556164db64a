"""Batches: number n is a pure function of the data, the recipe's section and n, so resuming needs only the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.errors import InputError, RecipeError
from hornbook.recipe import TrainConfig
from hornbook.run.distributed import World
from hornbook.tokens.packing import Split, TokenArray, TokenizedCorpus
from hornbook.train.loss import IGNORED
from hornbook.train.rows import make_rows

GOLDEN_RATIO = 0.6180339887498949
"""Its multiples modulo 1 fill [0, 1) evenly, so any stretch of sequences has the mixture's shares."""
ROWS_PER_COUNT = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Sequences of one step."""

    inputs: Tensor
    """(batch, sequence_length) int64 token ids."""
    targets: Tensor
    """(batch, sequence_length) int64: the next token, or -100 where no loss sees it."""

    @property
    def num_targets(self) -> int:
        """Positions that the loss sees."""
        return int((self.targets != IGNORED).sum())

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; to a GPU through pinned memory, so that the host does not wait."""
        if device.type == "cpu":
            return self
        inputs, targets = (part.pin_memory().to(device, non_blocking=True) for part in (self.inputs, self.targets))
        return Batch(inputs, targets)

    def share(self, world: World) -> Batch:
        """The rows of one process of a world, which must divide their number."""
        rows = len(self.inputs) // world.size
        own = slice(world.rank * rows, (world.rank + 1) * rows)
        return Batch(self.inputs[own], self.targets[own])

    def split(self, size: int) -> list[Batch]:
        """Micro-batches of `size` sequences."""
        return [
            Batch(i, t) for i, t in zip(torch.split(self.inputs, size), torch.split(self.targets, size), strict=True)
        ]


class TrainingBatches:
    """Sequences of several sources, mixed by weight, each source shuffled anew in every epoch."""

    def __init__(self, tokens: TokenizedCorpus, config: TrainConfig) -> None:
        arrays = load_arrays(tokens, config, "train")
        self._batch_size, self._last_step = config.batch_size, config.last_step
        self._sources = [
            make_rows(array, config, tokens.eos_token_id, name=f"{config.seed}/{source}")
            for source, array in arrays.items()
        ]
        shares = mixture_shares({source: len(array.tokens) for source, array in arrays.items()}, config.mixture)
        self.shares = dict(zip(arrays, shares, strict=True))
        self._bounds = np.cumsum(shares)
        self._offset = float(np.random.default_rng([config.seed, 1]).random())
        self._counts = self._count_rows(config.num_batches)

    @property
    def documents_cut(self) -> int:
        """Documents longer than a sequence, whose end no step sees (`whole` packing)."""
        return sum(source.documents_cut for source in self._sources)

    @property
    def padding_share(self) -> float:
        """Share of the positions of an epoch that is padding, over the mixture."""
        return float(sum(s * r.padding_share for s, r in zip(self.shares.values(), self._sources, strict=True)))

    def epochs(self) -> dict[str, float]:
        """How often each source is seen in all steps; batches that are left out change nothing about the shares."""
        return {
            name: float(total) / rows.num_rows
            for name, total, rows in zip(self.shares, self._counts[self._last_step], self._sources, strict=True)
        }

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`, from 0 to before `config.num_batches`."""
        chosen = self._choose(number * self._batch_size, self._batch_size)
        positions = self._counts[number].copy()
        rows = []
        for source in chosen:
            rows.append(self._sources[source][int(positions[source])])
            positions[source] += 1
        return stack(rows)

    def _choose(self, start: int, count: int) -> NDArray[np.int64]:
        """The source of each of `count` sequences of the run, from number `start`."""
        points = (self._offset + GOLDEN_RATIO * np.arange(start, start + count)) % 1.0
        return np.minimum(np.searchsorted(self._bounds, points, side="right"), len(self._bounds) - 1)

    def _count_rows(self, steps: int) -> NDArray[np.int64]:
        """(steps + 1, sources): how many sequences of each source come before each step."""
        counts = np.zeros((steps + 1, len(self._sources)), dtype=np.int64)
        steps_at_once = max(1, ROWS_PER_COUNT // self._batch_size)
        for first in range(0, steps, steps_at_once):
            last = min(steps, first + steps_at_once)
            chosen = self._choose(first * self._batch_size, (last - first) * self._batch_size)
            for source in range(len(self._sources)):
                counts[first + 1 : last + 1, source] = (chosen == source).reshape(last - first, -1).sum(axis=1)
        return counts.cumsum(axis=0)


def validation_batches(tokens: TokenizedCorpus, config: TrainConfig, size: int) -> dict[str, list[Batch]]:
    """The same few sequences of each source's validation split every time; a source without one is left out.

    They come `size` at a time. The last batch is filled up with blank sequences, so that all have one shape.
    """
    batches: dict[str, list[Batch]] = {}
    for source, array in load_arrays(tokens, config, "valid").items():
        if not len(array.tokens):
            continue
        rows = make_rows(array, config, tokens.eos_token_id, name=f"valid/{source}")
        taken = [rows[index] for index in range(min(rows.num_rows, config.validation_sequences))]
        blank = (np.full_like(taken[0][0], tokens.eos_token_id), np.full_like(taken[0][1], IGNORED))
        taken += [blank] * (-len(taken) % size)
        batches[source] = [stack(taken[start : start + size]) for start in range(0, len(taken), size)]
    return batches


def load_arrays(tokens: TokenizedCorpus, config: TrainConfig, split: Split) -> dict[str, TokenArray]:
    """The arrays of the sources in the mixture; all of them where it is empty.

    Raises RecipeError for a mixture of unknown sources, InputError for training data that is empty.
    """
    known = tokens.sources()
    unknown = sorted(set(config.mixture) - set(known))
    if unknown:
        raise RecipeError(f"mixture names the source {unknown[0]!r}; there are {', '.join(known) or 'none'}")
    names = [source for source in known if source in config.mixture] if config.mixture else known
    arrays = {source: tokens.array(source, split) for source in names}
    if split == "train":
        if not config.mixture:
            arrays = {source: array for source, array in arrays.items() if len(array.tokens) > 1}
        if not arrays:
            raise InputError(f"{tokens.folder}: no tokens to train on")
        for source, array in arrays.items():
            if len(array.tokens) < 2:
                raise InputError(f"{tokens.folder}: source {source!r} has no tokens to train on")
    return arrays


def mixture_shares(num_tokens: Mapping[str, int], mixture: Mapping[str, float]) -> NDArray[np.float64]:
    """Share of the sequences of each source, in the order of `num_tokens`; by tokens where the mixture is empty."""
    weights = np.array([mixture.get(source, 0.0) if mixture else count for source, count in num_tokens.items()], float)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def stack(rows: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Batch:
    """Rows of (inputs, targets) as one batch."""
    inputs, targets = zip(*rows, strict=True)
    return Batch(torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(targets)))
