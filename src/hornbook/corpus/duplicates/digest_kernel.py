"""The compiled loop that leaves out of texts what does not count for their digests.

Import this where it is needed, not at the top of a module (see `compiled`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled

NEWLINE, RETURN = ord("\n"), ord("\r")


@compiled
def normalise_all(data: Any, offsets: Any, out: Any, ends: Any) -> Any:
    """Text i goes to out[offsets[i] - offsets[0] : ends[i]], without what `content_digests` does not see."""
    first = offsets[0]
    for row in range(len(offsets) - 1):
        start = offsets[row] - first
        # `end`: what is written. `solid`: what of it is sure to stay, up to the last byte that is no blank.
        end = solid = start
        for place in range(offsets[row], offsets[row + 1]):
            byte = data[place]
            if byte > 32:
                out[end] = byte
                end += 1
                solid = end
                continue
            if byte == RETURN:
                if place + 1 < offsets[row + 1] and data[place + 1] == NEWLINE:
                    continue
                byte = np.uint8(NEWLINE)
            if byte == NEWLINE:
                # Blanks at the end of the line go, and at the very beginning the line itself.
                kept = solid
                while kept < end and out[kept] == NEWLINE:
                    kept += 1
                end = kept
                if solid == start:
                    end = start
                    continue
                out[end] = byte
                end += 1
            else:
                out[end] = byte
                end += 1
                if byte < 9 or 13 < byte < 28:
                    solid = end
        ends[row] = solid
