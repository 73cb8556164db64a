"""Python out of a row: its tree, or nothing where it is none; and the code blocks of a text."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

_BLOCK = re.compile(
    r"^ {0,3}(?P<fence>`{3,})[ \t]*(?P<language>[^`\n]*)\n(?P<code>.*?)^ {0,3}(?P=fence)`*[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_PYTHON = ("python", "py")


def parse(source: str) -> ast.Module | None:
    """The tree of a source, None where it does not parse; the compiler's warnings are not ours to show."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def python_of(text: str) -> tuple[str, int]:
    """The Python of a row that may be a post: the text where it parses or has no block that does, else its blocks.

    And how many of its blocks say that they are Python and do not parse, as `fenced_python`.
    """
    if "```" not in text or parse(text) is not None:
        return text, 0
    source, num_unparsed = fenced_python(text)
    return (text if source.isspace() else source), num_unparsed


def fenced_python(text: str) -> tuple[str, int]:
    """The Python blocks of a text on the lines where they stand, all others blank; and how many blocks do not parse.

    A block is fenced by three backticks or more. One that names no language is Python where it parses, which output and
    other languages seldom do. Those that do not parse are blank too; counted are those that say that they are Python.
    """
    lines = [""] * (text.count("\n") + 1)
    num_unparsed = 0
    for block in _BLOCK.finditer(text):
        language = block["language"].lower()
        if language.strip() and not language.startswith(_PYTHON):
            continue
        # A fence may be indented, and its block with it.
        source = textwrap.dedent(block["code"])
        if parse(source) is None:
            num_unparsed += bool(language.strip())
            continue
        first = text.count("\n", 0, block.start("code"))
        code = source.split("\n")[:-1]
        lines[first : first + len(code)] = code
    return "\n".join(lines), num_unparsed
