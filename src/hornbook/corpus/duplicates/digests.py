"""Digests of normalised texts: equal for files that are equal but for newlines and blanks that mean nothing."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

DIGEST_BYTES = 16


def content_digests(texts: pa.Array) -> list[bytes]:
    """A digest of `DIGEST_BYTES` for each text of a `large_string` array.

    Texts have equal digests where they differ in newlines, in ASCII blanks at the ends of lines, or in blank lines at
    both ends alone. Python's lock is let go nearly all of the time.
    """
    from hornbook.corpus.duplicates import digest_kernel

    data, offsets = text_buffers(texts)
    bounds = np.empty((len(texts), 2), np.int64)
    digest_kernel.plain_all(data, offsets, bounds)
    room = np.empty(int(np.diff(offsets).max(initial=0)), np.uint8)
    digests: list[bytes] = []
    for row, (start, stop) in enumerate(bounds.tolist()):
        if start >= 0:
            seen = data[start:stop]
        else:
            seen = room[: digest_kernel.normalise(data, offsets[row], offsets[row + 1], room)]
        digests.append(hashlib.sha256(seen.data).digest()[:DIGEST_BYTES])
    return digests


def text_buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(bytes, offsets (N + 1,)) of a `large_string` array without a copy: text i is bytes[offsets[i]:offsets[i+1]]."""
    assert pa.types.is_large_string(texts.type), texts.type
    if not len(texts):
        texts = pa.array([""], pa.large_string())[:0]
    _, offsets, data = texts.buffers()
    found = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data or b"", np.uint8)
    # Some of Arrow's buffers may be written and some not, and each kind would be compiled for.
    content.flags.writeable = found.flags.writeable = False
    return content, found
