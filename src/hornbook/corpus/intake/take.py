"""Takes files from sources, shard by shard and in order, until what each may give is reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.intake.read_shard import Limit, ShardOutcome, read_shard
from hornbook.corpus.intake.shares import share_out
from hornbook.corpus.sources import Source
from hornbook.corpus.sources.listed import ListedShard
from hornbook.recipe import CollectConfig, SourceSection
from hornbook.run.progress import Meter
from hornbook.run.workers import in_workers

FIRST_LISTED_SHARDS = 8
"""How many shards are read to learn how much one gives, where only a part of a source is wanted: of listed files, whose
shards are small. Of other sources it is one, which may be all that is wanted."""


class Intake:
    """One source on the way into the corpus."""

    def __init__(self, section: SourceSection, source: Source, config: CollectConfig, folder: Path) -> None:
        self.name, self.weight = section.name, section.weight
        self.taken: list[ShardOutcome] = []
        self.shards = source.shards()
        self._source, self._config, self._folder = source, config, folder
        self._most_files = section.max_files or None
        self._most_chars = section.max_total_chars or None
        self._is_exhausted = False

    @property
    def num_files(self) -> int:
        """Files taken so far."""
        return sum(outcome.num_files for outcome in self.taken)

    @property
    def num_chars(self) -> int:
        """Characters taken so far."""
        return sum(outcome.num_chars for outcome in self.taken)

    @property
    def most_more(self) -> int | None:
        """How many more files it can give, as far as is known; None where nothing limits it."""
        if self._is_exhausted:
            return 0
        return None if self._most_files is None else self._most_files - self.num_files

    def take(self, num_files: int | None, workers: int, shown: IntakeMeter) -> None:
        """Reads on until so many files are taken in all, or as many as there are; None sets no limit."""
        limit = Limit(self._most_files if num_files is None else num_files, self._most_chars)
        if self.taken and self.taken[-1].is_full:
            # It ended at an earlier limit; where that was not this one, its shard is read once more.
            self.taken.pop()
        while len(self.taken) < len(self.shards):
            left = limit.less(self.num_files, self.num_chars)
            first = len(self.taken)
            chosen = self.shards[first : first + self._shards_wanted(left)]
            tasks = ((self._source, shard, self._config, left, self._folder) for shard in chosen)
            for outcome in in_workers(read_shard, tasks, workers):
                if not (self.taken and self.taken[-1].is_full):
                    self.taken.append(self._cut(outcome, first, limit))
                    shown.advance(self.taken[-1])
            if self.taken[-1].is_full:
                break
        # Its own limits do not move, so that it gives no more than this however much is asked of it.
        self._is_exhausted = num_files is None or self.num_files < num_files

    def _shards_wanted(self, left: Limit) -> int:
        """How many shards may hold what is left: no dependence on workers, so that any number reads the same."""
        if left == Limit():
            return len(self.shards)
        if not self.num_files:
            return FIRST_LISTED_SHARDS if isinstance(self.shards[0], ListedShard) else 1 + len(self.taken)
        wanted = []
        if left.files is not None:
            wanted.append(1 + left.files * len(self.taken) // self.num_files)
        if left.chars is not None:
            wanted.append(1 + left.chars * len(self.taken) // self.num_chars)
        return min(wanted)

    def _cut(self, outcome: ShardOutcome, first: int, limit: Limit) -> ShardOutcome:
        """The outcome, or that of the same shard with what is left by now, where it has more than that."""
        if len(self.taken) == first:
            return outcome
        left = limit.less(self.num_files, self.num_chars)
        over = left.is_met_by(outcome.num_files) or not left.admits(outcome.num_files, outcome.num_chars)
        if not over and not outcome.is_full:
            return outcome
        return read_shard(self._source, self.shards[len(self.taken)], self._config, left, self._folder)


class IntakeMeter:
    """Shows files and megabytes a second, and how far it is: in files where so many are wanted, else in shards."""

    def __init__(self, meter: Meter, counts_files: bool) -> None:
        self._meter, self._counts_files = meter, counts_files
        self._started = time.monotonic()
        self._num_files = self._num_bytes = 0

    def advance(self, outcome: ShardOutcome) -> None:
        """Counts a shard; what an earlier run has read counts in no rate."""
        if outcome.is_new:
            self._num_files += outcome.num_tried
            self._num_bytes += outcome.num_bytes
        elapsed = max(1e-9, time.monotonic() - self._started)
        note = f"{self._num_files / elapsed:,.0f} files/s, {self._num_bytes / elapsed / 1e6:,.1f} MB/s"
        done = outcome.num_files if self._counts_files else 1
        self._meter.advance(done, note, takes_time=outcome.is_new)


def take_all(intakes: Sequence[Intake], max_files: int, workers: int, shown: IntakeMeter) -> None:
    """Takes all that the sources may give, or `max_files` of them shared out by weight.

    What a source turns out not to have is shared out among the others by weight, on top of what they have given: shares
    of a smaller rest are not always larger for all (the Alabama paradox), so what was taken is never shared out again.
    """
    if not max_files:
        for intake in intakes:
            intake.take(None, workers, shown)
        return
    weights = [intake.weight for intake in intakes]
    while True:
        left = max_files - sum(intake.num_files for intake in intakes)
        shares = share_out(left, weights, [intake.most_more for intake in intakes])
        if not any(shares):
            return
        for intake, share in zip(intakes, shares, strict=True):
            if share:
                intake.take(intake.num_files + share, workers, shown)
