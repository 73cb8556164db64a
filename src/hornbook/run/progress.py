"""Progress of long work: a live bar on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")

console = Console(stderr=True, highlight=False, emoji=False)
"""Everything that is not a command's own output goes here, so that output can be piped."""

out = Console(highlight=False, emoji=False)
"""A command's own output."""

SECONDS_BETWEEN_LINES = 15.0


class Meter:
    """Counts finished units of work and shows how it goes. Made by `meter`."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._first_done = self._num_bytes = 0
        self._started = time.monotonic()
        self._last_line = self._started
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("  {task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task(label, total=total, note="")
            self._bar.start()

    def resume_at(self, done: int) -> None:
        """Says that earlier work is already there, so that rates count only the new."""
        self.done = self._first_done = done
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def advance(self, count: int = 1, note: str = "", *, num_bytes: int = 0, takes_time: bool = True) -> None:
        """Counts `count` finished units of `num_bytes` in all; `note` is a short free text such as a loss.

        Units that took no time, because they were there before, count in no rate.
        """
        self.done += count
        self._num_bytes += num_bytes if takes_time else 0
        if not takes_time:
            self._first_done += count
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, note=note or self._rate())
            return
        now = time.monotonic()
        if now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            elapsed = now - self._started
            num_timed = self.done - self._first_done
            left = elapsed / max(1, num_timed) * max(0, self.total - self.done)
            parts = [
                f"  {self.label}: {self.done:,}/{self.total:,} {self.unit}",
                note or self._rate(),
                f"{left:.0f} s left" if num_timed else "",
            ]
            console.print(", ".join(part for part in parts if part), markup=False, soft_wrap=True)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()

    def _rate(self) -> str:
        elapsed = time.monotonic() - self._started
        if elapsed <= 0.5:
            return ""
        rate = f"{(self.done - self._first_done) / elapsed:,.0f} {self.unit}/s"
        return f"{rate}, {self._num_bytes / elapsed / 1e6:,.1f} MB/s" if self._num_bytes else rate


@contextlib.contextmanager
def meter(label: str, total: int, unit: str = "rows") -> Iterator[Meter]:
    """A meter for a block of work; closed when the block ends, also by an exception."""
    shown = Meter(label, total, unit)
    try:
        yield shown
    finally:
        shown.close()


def track(items: Iterable[Item], label: str, total: int, unit: str = "rows") -> Iterator[Item]:
    """Yields the items and shows how far it is."""
    with meter(label, total, unit) as shown:
        for item in items:
            yield item
            shown.advance()
