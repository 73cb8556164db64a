"""Bytes at a place of an open file, read and written whole; threads may do both at once: they share no position."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt


def write_at(file: int, content: npt.NDArray[np.uint8], position: int) -> None:
    """Writes the bytes at `position` of an open file."""
    left = content.data
    while left:
        written = os.pwrite(file, left, position)
        left, position = left[written:], position + written


def read_at(file: int, room: npt.NDArray[np.uint8], position: int) -> None:
    """Fills `room` with the bytes from `position` on. Raises OSError where the file ends before."""
    left = room.data
    while left:
        count = os.preadv(file, [left], position)
        if not count:
            raise OSError(f"a file of the stage's own ends at byte {position}; something else has cut it")
        left, position = left[count:], position + count
