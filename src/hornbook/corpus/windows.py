"""Long files in windows: parts of a bounded size, cut at line borders, for a reader that takes no more at once."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a file. Windows and lines are counted from 1."""

    text: str
    number: int
    first_line: int
    last_line: int


def cut_windows(text: str, max_chars: int) -> list[Window]:
    """The text in as few windows of at most `max_chars` as its lines allow, and of these ways the most even one.

    The windows put together are the text. A line longer than `max_chars` is cut inside; an empty text is one window.
    """
    lines = _LINE.findall(text)
    if len(text) <= max_chars:
        return [Window(text, 1, 1, max(1, len(lines)))]
    pieces = [
        (number, line[start : start + max_chars])
        for number, line in enumerate(lines, start=1)
        for start in range(0, len(line), max_chars)
    ]
    lengths = [len(piece) for _, piece in pieces]
    fewest = len(_starts(lengths, max_chars))
    bounds = range(max(lengths), max_chars)
    # The smallest bound that needs no more windows makes the longest of them as short as can be.
    found = bisect.bisect_left(bounds, True, key=lambda bound: len(_starts(lengths, bound)) <= fewest)
    starts = _starts(lengths, bounds[found] if found < len(bounds) else max_chars)
    windows = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(pieces)], strict=True), start=1):
        inside = "".join(piece for _, piece in pieces[start:end])
        windows.append(Window(inside, number, pieces[start][0], pieces[end - 1][0]))
    return windows


def choose_windows(windows: Sequence[Window], count: int) -> list[Window]:
    """All windows, or `count` of them at even distances over the file."""
    if len(windows) <= count:
        return list(windows)
    return [windows[(2 * number + 1) * len(windows) // (2 * count)] for number in range(count)]


def _starts(lengths: Sequence[int], bound: int) -> list[int]:
    """Where each window begins when every window takes as many pieces as fit into the bound."""
    starts, filled = [0], 0
    for index, length in enumerate(lengths):
        if filled + length > bound and index > starts[-1]:
            starts.append(index)
            filled = 0
        filled += length
    return starts
