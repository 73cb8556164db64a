"""What every source of raw code is to the rest: shards that can be read apart, and the files in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["python", "notebook", "prose"]
"""What a file is: Python, a Jupyter notebook, or prose with blocks of code, which is not parsed as Python."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as its source has it, before it is decoded and looked at."""

    origin: str
    """Distribution, repository or site that it is part of."""
    path: str
    """Path inside the origin, with forward slashes."""
    license: str
    """SPDX expression, or empty where the source does not know."""
    content: bytes | str
    """Bytes where it is not decoded yet."""
    kind: Kind = "python"
    drop_reason: str | None = None
    """Why it is left out, where its licence, name or size says so before the content is looked at."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a source: the unit of work and of resume. Small, since it is sent to a worker process."""

    source: str
    """Name of the source in the recipe."""
    name: str
    """Unlike that of every other shard of the source, and the same in every run."""
    location: str
    start: int = 0
    stop: int = 0
    """What start and stop count is the source's own: files of a list, row groups of a Parquet file."""


class Source(Protocol):
    """Where raw code comes from. Picklable, since workers read its shards.

    What cannot be used at all raises InputError; what is wrong with one file is a `RawFile` with a drop reason.
    """

    def identity(self) -> str:
        """What the fingerprint of the corpus follows: cheap facts about the content, and no paths. Reads no content."""
        ...

    def shards(self) -> list[Shard]:
        """All shards, in the order in which they are read."""
        ...

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """Yields the files of a shard, always in the same order."""
        ...
