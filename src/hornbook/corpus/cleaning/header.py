"""What a Python file says about itself before its first statement."""

from __future__ import annotations

import re
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


_FIRST = "#\"'rRuU"
"""What a comment or a docstring begins with."""
_FIRST_COMMENTS = re.compile(rf"(?:#[^\n]*\n){{1,{HEADER_LINES}}}")
_NONE = Header("", "")


def header_of(text: str) -> Header:
    """The header of a Python text; it need not parse."""
    first = text[:1]
    if first not in _FIRST and not first.isspace():
        return _NONE
    # Many at once where a text begins with them, then line by line, since most lines are behind the header.
    found = _FIRST_COMMENTS.match(text)
    comments = found[0][:-1].split("\n") if found else []
    docstring: list[str] = []
    quotes = ""
    stop = found.end() - 1 if found else -1
    for _ in range(HEADER_LINES - len(comments)):
        start, stop = stop + 1, text.find("\n", stop + 1)
        line = text[start : stop if stop >= 0 else None]
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
        if stop < 0:
            break
    return Header("\n".join(comments), "\n".join(docstring))
