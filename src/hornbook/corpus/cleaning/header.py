"""What a Python file says about itself before its first statement."""

from __future__ import annotations

from dataclasses import dataclass

HEADER_LINES = 60
"""Where a file states its licence and its maker, if it does."""


@dataclass(frozen=True, slots=True)
class Header:
    """The comments and the docstring at the top of a file, within its first `HEADER_LINES` lines."""

    comments: str
    """Lines that begin with `#`, as they are."""
    docstring: str
    """The docstring's lines with their quotes, or empty."""


def header_of(text: str) -> Header:
    """The header of a Python text; it need not parse."""
    comments: list[str] = []
    docstring: list[str] = []
    quotes = ""
    for line in text.split("\n", HEADER_LINES)[:HEADER_LINES]:
        bare = line.strip()
        if quotes:
            docstring.append(line)
            quotes = "" if quotes in bare else quotes
        elif bare.startswith("#"):
            comments.append(line)
        elif bare:
            opening = bare.lstrip("rRuU")[:3]
            if docstring or opening not in ('"""', "'''"):
                break
            docstring.append(line)
            quotes = "" if bare.count(opening) > 1 else opening
    return Header("\n".join(comments), "\n".join(docstring))
