"""Where widgets are in their window: `pack`, `grid` and `place` worked out with every widget one unit large.

Source: the manual pages pack(n), grid(n) and place(n) of Tk.
"""

from __future__ import annotations

from typing import Any

from hornbook.evaluate.tasks.stand_ins.tkinter_base import Misc

PLACE_SCALE = 100.0
"""Units across a window for `relx` and `rely` of `place`."""


def positions(window: Misc) -> dict[Misc, tuple[float, float]]:
    """The middle of every widget that is shown in a window: (units from the left, units from the top)."""
    found: dict[Misc, tuple[float, float]] = {}
    width, height = _size(window)
    _lay_out(window, 0.0, 0.0, width, height, found)
    return found


def _managed(master: Misc, manager: str) -> list[Misc]:
    return [child for child in master.children if child.manager == manager]


def _size(widget: Misc) -> tuple[float, float]:
    """The room that a widget asks for."""
    packed, gridded = _managed(widget, "pack"), _managed(widget, "grid")
    if gridded:
        columns, rows = _tracks(gridded)
        return sum(columns.values()), sum(rows.values())
    if not packed:
        return 1.0, 1.0
    width = height = 0.0
    for child in reversed(packed):
        across, down = _size(child)
        if _side(child) in ("left", "right"):
            width, height = width + across, max(height, down)
        else:
            width, height = max(width, across), height + down
    return width, height


def _side(child: Misc) -> str:
    return str(child.place_options.get("side", "top"))


def _cell(child: Misc, axis: str) -> tuple[int, int]:
    """First track and number of tracks."""
    return int(child.place_options.get(axis, 0)), int(child.place_options.get(f"{axis}span", 1))


def _tracks(children: list[Misc]) -> tuple[dict[int, float], dict[int, float]]:
    """Sizes of the columns and rows that hold something; others take no room, as in Tk."""
    columns: dict[int, float] = {}
    rows: dict[int, float] = {}
    for child in children:
        for tracks, axis, size in ((columns, "column", _size(child)[0]), (rows, "row", _size(child)[1])):
            first, count = _cell(child, axis)
            for track in range(first, first + count):
                tracks[track] = max(tracks.get(track, 0.0), size / count)
    return columns, rows


def _lay_out(
    master: Misc, x: float, y: float, width: float, height: float, found: dict[Misc, tuple[float, float]]
) -> None:
    left, top, right, bottom = x, y, x + width, y + height
    for child in _managed(master, "pack"):
        across, down = _size(child)
        if _side(child) == "left":
            box = (left, top, left + across, bottom)
            left += across
        elif _side(child) == "right":
            box = (right - across, top, right, bottom)
            right -= across
        elif _side(child) == "bottom":
            box = (left, bottom - down, right, bottom)
            bottom -= down
        else:
            box = (left, top, right, top + down)
            top += down
        _put(child, box, _anchor(child.place_options.get("anchor", "center")), found)
    gridded = _managed(master, "grid")
    columns, rows = _tracks(gridded)
    for child in gridded:
        spans = []
        for tracks, axis, start in ((columns, "column", x), (rows, "row", y)):
            first, count = _cell(child, axis)
            before = sum(size for track, size in tracks.items() if track < first)
            spans.append((start + before, start + before + sum(tracks[track] for track in range(first, first + count))))
        (x_low, x_high), (y_low, y_high) = spans
        _put(child, (x_low, y_low, x_high, y_high), (0.5, 0.5), found)
    for child in _managed(master, "place"):
        options = child.place_options
        across, down = _size(child)
        shift_x, shift_y = _anchor(options.get("anchor", "nw"))
        at_x = x + float(options.get("x", 0)) + PLACE_SCALE * float(options.get("relx", 0)) - shift_x * across
        at_y = y + float(options.get("y", 0)) + PLACE_SCALE * float(options.get("rely", 0)) - shift_y * down
        _put(child, (at_x, at_y, at_x + across, at_y + down), (0.5, 0.5), found)


def _anchor(value: Any) -> tuple[float, float]:
    """The share of the free room that is left of a widget, and above it."""
    text = str(value)
    if text == "center":
        return 0.5, 0.5
    across = 0.0 if "w" in text else 1.0 if "e" in text else 0.5
    return across, 0.0 if "n" in text else 1.0 if "s" in text else 0.5


def _put(
    child: Misc,
    box: tuple[float, float, float, float],
    share: tuple[float, float],
    found: dict[Misc, tuple[float, float]],
) -> None:
    width, height = _size(child)
    x = box[0] + share[0] * max(0.0, box[2] - box[0] - width)
    y = box[1] + share[1] * max(0.0, box[3] - box[1] - height)
    found[child] = (x + width / 2, y + height / 2)
    _lay_out(child, x, y, width, height, found)
