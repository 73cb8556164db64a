"""Python out of a row: its tree, or nothing where it is none; and the code blocks of a text."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

_BLOCK = re.compile(r"^ {0,3}```(?:python|py)[^\n]*\n(.*?)^ {0,3}```[ \t]*$", re.MULTILINE | re.DOTALL)


def parse(source: str) -> ast.Module | None:
    """The tree of a source, None where it does not parse; the compiler's warnings are not ours to show."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def fenced_python(text: str) -> tuple[str, int]:
    """The Python blocks of a text on the lines where they stand, all others blank; and how many blocks do not parse.

    Those that do not parse are blank too.
    """
    lines = [""] * (text.count("\n") + 1)
    num_unparsed = 0
    for block in _BLOCK.finditer(text):
        # A fence may be indented, and its block with it.
        source = textwrap.dedent(block[1])
        if parse(source) is None:
            num_unparsed += 1
            continue
        first = text.count("\n", 0, block.start(1))
        code = source.split("\n")[:-1]
        lines[first : first + len(code)] = code
    return "\n".join(lines), num_unparsed
