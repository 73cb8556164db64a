"""What one look at every byte of a text says of it, for the rules that read more only where that may find something."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """Counts over a text, and what may be in it."""

    longest_line: int
    """In characters."""
    num_lines: int
    """Lines that are not blank."""
    num_dense: int
    """Bytes that are not blank."""
    num_letters: int
    """Those of them that are letters; other scripts' characters count as such."""
    num_like_data: int
    """Those of them on lines that begin like a literal or a bracket."""
    may_have_key: bool
    """Whether a run of characters looks as if made by chance."""
    may_have_email: bool
    """Whether an at sign stands between what a name ends with and what a domain begins with."""
    may_have_ip: bool
    """Whether digits stand between dots or colons as they do in an IP address of the public network."""
