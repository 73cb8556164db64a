"""Files that were left out: how many for which reason, and a few of each to look at."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hornbook.corpus.sources.listed import storable
from hornbook.corpus.sources.protocol import RawFile

DROPS = "drops.jsonl"
SHOWN_PER_REASON = 20
LINE_CHARS = 120
UNSHOWN = frozenset({"secret_found"})
"""Reasons for which no line is shown, since it could be what must not get out."""


@dataclass(frozen=True, slots=True)
class ShownDrop:
    """A file that was left out, as `drops.jsonl` shows it."""

    reason: str
    source: str
    origin: str
    path: str
    first_line: str
    """The first 120 characters of the first line that is not blank; empty where the content was not read."""


class DropLog:
    """Counts the dropped files of a shard. Shows those whose names have the smallest hashes, so any order does."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.counts: dict[str, int] = {}
        self._shown: dict[str, list[tuple[str, ShownDrop]]] = {}

    def add(self, raw: RawFile, reason: str) -> None:
        """Counts one file."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self._shown.setdefault(reason, [])
        line = "" if reason in UNSHOWN else _first_line(raw.content)
        drop = ShownDrop(reason, self._source, raw.origin, raw.path, line)
        shown.append((_rank(drop), drop))
        if len(shown) >= 2 * SHOWN_PER_REASON:
            self._shown[reason] = heapq.nsmallest(SHOWN_PER_REASON, shown, key=lambda entry: entry[0])

    def shown(self) -> list[ShownDrop]:
        """The dropped files to show, at most twenty of each reason."""
        return list(pick(drop for drops in self._shown.values() for _, drop in drops))


def pick(drops: Iterable[ShownDrop]) -> Iterator[ShownDrop]:
    """Twenty of each reason at most, ordered by reason, source, origin and path."""
    by_reason: dict[str, list[ShownDrop]] = {}
    for drop in drops:
        by_reason.setdefault(drop.reason, []).append(drop)
    for reason in sorted(by_reason):
        chosen = heapq.nsmallest(SHOWN_PER_REASON, by_reason[reason], key=_rank)
        yield from sorted(chosen, key=lambda drop: (drop.source, drop.origin, drop.path))


def write_drops(path: Path, drops: Iterable[ShownDrop]) -> None:
    """Writes the files to show, one JSON object a line."""
    lines = (json.dumps(asdict(drop), ensure_ascii=False) + "\n" for drop in pick(drops))
    path.write_text("".join(lines), encoding="utf-8")


def _rank(drop: ShownDrop) -> str:
    return hashlib.sha256(f"{drop.source}\0{drop.origin}\0{drop.path}".encode()).hexdigest()


def _first_line(content: bytes | str) -> str:
    head = content[: 8 * LINE_CHARS]
    text = head if isinstance(head, str) else head.decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines())
    return storable(next((line for line in lines if line), "")[:LINE_CHARS])
