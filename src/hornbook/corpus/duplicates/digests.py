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
    starts = offsets - offsets[0]
    normalised, ends = np.empty(starts[-1], np.uint8), np.empty(len(texts), np.int64)
    digest_kernel.normalise_all(data, offsets, normalised, ends)
    view = normalised.data
    return [
        hashlib.sha256(view[start:end]).digest()[:DIGEST_BYTES]
        for start, end in zip(starts[:-1].tolist(), ends.tolist(), strict=True)
    ]


def text_buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(bytes, offsets (N + 1,)) of a `large_string` array without a copy: text i is bytes[offsets[i]:offsets[i+1]]."""
    assert pa.types.is_large_string(texts.type), texts.type
    _, offsets, data = texts.buffers()
    if offsets is None or not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    found = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), found
