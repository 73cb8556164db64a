"""Digests of normalised texts: equal for files that are equal but for newlines and blanks that mean nothing."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hornbook.corpus.duplicates.slices import consecutive

DIGEST_BYTES = 16
ROOM_BYTES = 1 << 20
"""Texts that are normalised at once: what the processor's caches hold."""


def content_digests(texts: pa.Array) -> list[bytes]:
    """A digest of `DIGEST_BYTES` for each text of a `large_string` array.

    Texts have equal digests where they differ in newlines, in ASCII blanks at the ends of lines, or in blank lines at
    both ends alone. Python's lock is let go nearly all of the time.
    """
    from hornbook.corpus.duplicates import digest_kernel

    data, offsets = text_buffers(texts)
    digests: list[bytes] = []
    for part in consecutive(np.diff(offsets), ROOM_BYTES):
        bounds = offsets[part.start : part.stop + 1]
        room, ends = np.empty(bounds[-1] - bounds[0], np.uint8), np.empty(len(bounds) - 1, np.int64)
        digest_kernel.normalise_all(data, bounds, room, ends)
        starts, view = bounds[:-1] - bounds[0], room.data
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            digests.append(hashlib.sha256(view[start:end]).digest()[:DIGEST_BYTES])
    return digests


def text_buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(bytes, offsets (N + 1,)) of a `large_string` array without a copy: text i is bytes[offsets[i]:offsets[i+1]]."""
    assert pa.types.is_large_string(texts.type), texts.type
    _, offsets, data = texts.buffers()
    if offsets is None or not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    found = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), found
