"""Sources whose files are listed one by one before any is read: in shards, and read with bounded memory."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hornbook.corpus.cleaning.limits import max_bytes
from hornbook.corpus.cleaning.path_rules import path_drop_reason
from hornbook.corpus.sources.protocol import Kind, RawFile, Shard

FILES_PER_SHARD = 256
MOST_SHARDS = 2000
BYTES_SHOWN = 200
"""What is read of a file that is too large: enough for the first line that `drops.jsonl` shows."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that may become a row of the corpus."""

    origin: str
    path: str
    license: str
    location: str
    """Where it is on this machine."""
    drop_reason: str | None = None
    """Why its licence or what it is rules it out."""
    kind: Kind = "python"


@dataclass(frozen=True, slots=True)
class ListedShard(Shard):
    """A run of the listed files, from start to stop."""

    files: tuple[ListedFile, ...] = ()


def shards_of(source: str, files: Sequence[ListedFile], seed: int | None) -> list[Shard]:
    """The files in shards: in the order given, or, with a seed, in that of a seeded hash of their names."""
    if seed is not None:
        files = sorted(files, key=lambda file: _rank(seed, file))
    size = max(FILES_PER_SHARD, -(-len(files) // MOST_SHARDS))
    return [
        ListedShard(source, f"{start:09d}", "", start, start + len(part), tuple(part))
        for start in range(0, len(files), size)
        if (part := files[start : start + size])
    ]


def read_listed(shard: Shard, max_chars: int) -> Iterator[RawFile]:
    """The files of a shard of `shards_of`; what cannot be of at most `max_chars` characters is not read."""
    assert isinstance(shard, ListedShard), shard
    for file in shard.files:
        content, reason = b"", file.drop_reason
        if reason is None and file.kind == "python":
            reason = path_drop_reason(file.path)
        if reason is None:
            content, reason = _read_bounded(file.location, max_bytes(file.kind, max_chars))
        yield RawFile(storable(file.origin), storable(file.path), file.license, content, file.kind, reason)


def storable(text: str) -> str:
    r"""A text that UTF-8 can hold: a replacement character stands for each lone surrogate.

    Those come from bytes of a file name that are not UTF-8, and from escapes in JSON such as `\ud83d`.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _read_bounded(location: str, most_bytes: int) -> tuple[bytes, str | None]:
    try:
        # Not blocking, since opening a pipe without a writer would wait forever.
        descriptor = os.open(location, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return b"", "unreadable"
            if status.st_size > most_bytes:
                return file.read(BYTES_SHOWN), "too_large"
            # One more, so that a file that grows meanwhile is seen to be too large.
            return file.read(most_bytes + 1), None
    except OSError:
        return b"", "unreadable"


def _rank(seed: int, file: ListedFile) -> bytes:
    return hashlib.sha256(f"{seed}\0{file.origin}\0{file.path}".encode("utf-8", "surrogateescape")).digest()
