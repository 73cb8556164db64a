"""The rows of shards put together to the shards of the artifact, with a name of its own for every file."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hornbook.records import writing_options
from hornbook.run.datasets import CHARS_PER_SHARD, FILES, ROWS_PER_GROUP, shard_path
from hornbook.run.workers import in_workers

Digests = NDArray[np.uint64]
LINKED_CHARS = 16 << 20
"""A part of so many characters is a shard as it is: writing it again would cost a third of what making it did."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one shard."""

    path: Path
    num_chars: int


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of all files say."""

    num_origins: int
    num_renamed: int


def put_together(parts: Sequence[Part], folder: Path, workers: int) -> Names:
    """Writes the shards of a `CodeFiles` artifact from parts that are left where they are.

    A file with the origin and path of an earlier one gets `~2`, `~3`, ... after its path, the first that no file has,
    since stages tell files apart by these. Small parts are joined, by so many processes. Holds a digest of 8 bytes for
    each file, the names of the files that get another, and in each process a row group.
    """
    (folder / FILES).mkdir()
    read = [_digests(part.path) for part in parts]
    names = [digests for digests, _ in read]
    origins = np.unique(np.concatenate([of_origins for _, of_origins in read]))
    numbers = _numbers(parts, names)
    joins = []
    for number, group in enumerate(_groups(parts)):
        target = shard_path(folder, number)
        if len(group) == 1 and not (numbers[group[0]] > 1).any():
            _link(parts[group[0]].path, target)
        else:
            joins.append(([(parts[place].path, numbers[place]) for place in group], target))
    # One is joined here, without a process that would have to start for it.
    for _ in in_workers(_join, joins, workers if len(joins) > 1 else 1):
        pass
    return Names(len(origins), int(sum((part > 1).sum() for part in numbers)))


def _digests(path: Path) -> tuple[Digests, Digests]:
    """A digest of each row's name, (rows,), and one of each origin, (origins,)."""
    names: list[bytes] = []
    origins: set[str] = set()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["origin", "path"]):
            columns = batch.to_pydict()
            pairs = zip(columns["origin"], columns["path"], strict=True)
            names += [_digest(f"{origin}\0{name}") for origin, name in pairs]
            origins.update(columns["origin"])
    return _keys(names), _keys([_digest(origin) for origin in origins])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _key(text: str) -> int:
    return int.from_bytes(_digest(text), "big")


def _keys(digests: Sequence[bytes]) -> Digests:
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def _numbers(parts: Sequence[Part], names: Sequence[Digests]) -> list[NDArray[np.int64]]:
    """For each row of each part what stands after its path, 1 for nothing."""
    numbers = _occurrences(names)
    given: set[int] = set()
    last: dict[int, int] = {}
    known = np.unique(np.concatenate(names))
    for part, digests, of_part in zip(parts, names, numbers, strict=True):
        repeated = np.flatnonzero(of_part > 1)
        if not len(repeated):
            continue
        with pq.ParquetFile(part.path) as file:
            rows = file.read(columns=["origin", "path"]).take(pa.array(repeated)).to_pylist()
        for place, row in zip(repeated.tolist(), rows, strict=True):
            name = int(digests[place])
            number = last.get(name, 1) + 1
            while (digest := _key(f"{row['origin']}\0{row['path']}~{number}")) in given or _has(known, digest):
                number += 1
            given.add(digest)
            last[name] = of_part[place] = number
    return numbers


def _has(ascending: Digests, digest: int) -> bool:
    place = int(np.searchsorted(ascending, np.uint64(digest)))
    return place < len(ascending) and int(ascending[place]) == digest


def _occurrences(names: Sequence[Digests]) -> list[NDArray[np.int64]]:
    """For each row of each part, how often its name has occurred by then: 1 for the first."""
    joined = np.concatenate(names)
    order = np.argsort(joined, kind="stable")
    ordered = joined[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    numbers = np.empty(len(joined), dtype=np.int64)
    numbers[order] = np.arange(len(ordered)) - np.repeat(starts, lengths) + 1
    return np.split(numbers, np.cumsum([len(part) for part in names])[:-1])


def _groups(parts: Sequence[Part]) -> Iterator[list[int]]:
    """Runs of parts that make a shard each: a large part alone, of small ones as many as come together."""
    group: list[int] = []
    num_chars = 0
    for place, part in enumerate(parts):
        if part.num_chars >= LINKED_CHARS:
            if group:
                yield group
            yield [place]
            group, num_chars = [], 0
            continue
        group.append(place)
        num_chars += part.num_chars
        if num_chars >= CHARS_PER_SHARD // 2:
            yield group
            group, num_chars = [], 0
    if group:
        yield group


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Not every file system has hard links. The part stays, in case of a kill.
        shutil.copyfile(source, target)


def _join(parts: Sequence[tuple[Path, NDArray[np.int64]]], target: Path) -> None:
    schema = pq.read_schema(parts[0][0])
    waiting = schema.empty_table()
    with pq.ParquetWriter(target, schema, **writing_options(schema)) as writer:
        for table in _row_groups(parts):
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) >= ROWS_PER_GROUP:
                writer.write_table(waiting.slice(0, ROWS_PER_GROUP).combine_chunks())
                waiting = waiting.slice(ROWS_PER_GROUP)
        if len(waiting):
            writer.write_table(waiting.combine_chunks())


def _row_groups(parts: Sequence[tuple[Path, NDArray[np.int64]]]) -> Iterator[pa.Table]:
    for path, numbers in parts:
        with pq.ParquetFile(path) as file:
            done = 0
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                yield _renamed(table, numbers[done : done + len(table)])
                done += len(table)


def _renamed(table: pa.Table, numbers: NDArray[np.int64]) -> pa.Table:
    if not (numbers > 1).any():
        return table
    paths = [
        name if number == 1 else f"{name}~{number}"
        for name, number in zip(table.column("path").to_pylist(), numbers.tolist(), strict=True)
    ]
    place = table.schema.get_field_index("path")
    return table.set_column(place, table.schema.field(place), pa.array(paths, type=table.schema.field(place).type))
