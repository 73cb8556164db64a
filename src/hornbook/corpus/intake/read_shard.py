"""One shard of a source, read and cleaned: what a worker does, and what it leaves behind so that it is done once."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hornbook.corpus.intake.drops import DropLog, ShownDrop
from hornbook.corpus.sources import Shard, Source
from hornbook.corpus.sources.listed import storable
from hornbook.recipe import CollectConfig
from hornbook.records import CodeFile, RowWriter
from hornbook.run.datasets import ROWS_PER_GROUP


@dataclass(frozen=True, slots=True)
class Limit:
    """How much may still be taken; None where nothing is limited."""

    files: int | None = None
    chars: int | None = None

    def less(self, files: int, chars: int) -> Limit:
        """What is left after so much was taken."""
        return Limit(
            None if self.files is None else self.files - files, None if self.chars is None else self.chars - chars
        )

    def is_met_by(self, files: int) -> bool:
        """Whether so many files are all that may be taken."""
        return self.files is not None and files >= self.files

    def admits(self, files: int, chars: int) -> bool:
        """Whether so much may be taken."""
        return (self.files is None or files <= self.files) and (self.chars is None or chars <= self.chars)


@dataclass(frozen=True)
class ShardOutcome:
    """What came of a shard. Its rows are in `<key>.parquet`, this beside it in `<key>.json`."""

    key: str
    num_files: int
    num_chars: int
    num_tried: int
    num_bytes: int
    is_full: bool
    """Whether reading ended at the limit; there may be more."""
    drops: dict[str, int]
    shown: tuple[ShownDrop, ...]
    notes: dict[str, int]
    """Files by what was done to them, as `clean` notes it."""
    is_new: bool = True
    """Whether it was read now and not in an earlier run that was cut short."""


def read_shard(source: Source, shard: Shard, config: CollectConfig, limit: Limit, folder: Path) -> ShardOutcome:
    """Reads and cleans a shard up to the limit, or takes over what an earlier run left of it in the folder.

    Holds a row group at a time. What a kill leaves has no `.json` and is written anew.
    """
    key = _key(shard, limit)
    earlier = _earlier(folder, key)
    if earlier is not None:
        return earlier
    from hornbook.corpus.cleaning.clean import Dropped, clean

    rows = folder / f"{key}.parquet"
    log, notes = DropLog(shard.source), Counter[str]()
    num_chars = num_bytes = 0
    is_full = limit.is_met_by(0)
    with RowWriter(rows, CodeFile, ROWS_PER_GROUP) as writer:
        for raw in () if is_full else source.read(shard):
            num_bytes += len(raw.content)
            outcome = clean(raw, config)
            if isinstance(outcome, Dropped):
                log.add(replace(raw, origin=storable(raw.origin), path=storable(raw.path)), outcome.reason)
                continue
            if not limit.admits(writer.count + 1, num_chars + len(outcome.text)):
                is_full = True
                break
            origin, path, license = map(storable, (raw.origin, raw.path, outcome.license))
            writer.add(CodeFile(outcome.text, origin, path, license, shard.source))
            num_chars += len(outcome.text)
            if outcome.notes:
                notes.update(outcome.notes)
            if limit.is_met_by(writer.count):
                is_full = True
                break
    made = ShardOutcome(
        key=key,
        num_files=writer.count,
        num_chars=num_chars,
        num_tried=writer.count + sum(log.counts.values()),
        num_bytes=num_bytes,
        is_full=is_full,
        drops=log.counts,
        shown=tuple(log.shown()),
        notes=dict(notes),
    )
    _leave(folder, made)
    return made


def _key(shard: Shard, limit: Limit) -> str:
    identity = json.dumps([shard.source, shard.name, limit.files, limit.chars])
    return f"{shard.source}-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"


def _earlier(folder: Path, key: str) -> ShardOutcome | None:
    try:
        said = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        # ValueError: a power cut left half of it.
        return None
    shown = tuple(ShownDrop(**drop) for drop in said.pop("shown"))
    return ShardOutcome(**{**said, "shown": shown, "is_new": False})


def _leave(folder: Path, made: ShardOutcome) -> None:
    """Writes the outcome after its rows are on the disk, whole or not at all."""
    descriptor = os.open(folder / f"{made.key}.parquet", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary = folder / f"{made.key}.new"
    temporary.write_text(json.dumps(asdict(made)), encoding="utf-8")
    temporary.replace(folder / f"{made.key}.json")
