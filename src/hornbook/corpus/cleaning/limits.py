"""How large a raw file may be, in bytes, before it is read."""

from __future__ import annotations

from hornbook.corpus.sources.protocol import Kind

MAX_BYTES_PER_CHAR = 4
NOTEBOOK_BYTES_PER_CHAR = 64
"""What a notebook may have of outputs and JSON for each character that its code may have."""


def max_bytes(kind: Kind, max_chars: int) -> int:
    """How many bytes a file may have before it is read, where its text may have so many characters."""
    return max_chars * (NOTEBOOK_BYTES_PER_CHAR if kind == "notebook" else MAX_BYTES_PER_CHAR)
