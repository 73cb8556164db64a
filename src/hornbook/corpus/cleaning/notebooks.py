"""From a Jupyter notebook to one Python text: code as it is, prose as comments, no outputs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from hornbook.corpus.cleaning.syntax import parses

_COMMENT_WIDTH = 100
_CODE_MAGICS = frozenset({"capture", "memit", "prun", "python", "python3", "time", "timeit"})
"""Cell magics whose cell is Python; below any other one is another language or the text of a file."""
_LINE_MAGIC = re.compile(
    r"(?P<indent>[ \t]*)(?:[\w.,\[\]'\" ]+=[ \t]*)?"
    r"(?:%{1,2}[A-Za-z]|!{1,2}[ \t]*[^=\s]|\?{1,2}\w|\w[\w.]*\?{1,2}[ \t]*$)"
)
_INLINE_IMAGE = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]+?(?=[\"')\s>]|$)")


class NotebookError(Exception):
    """A notebook cannot be converted; `reason` is the drop reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def notebook_source(text: str) -> str:
    """The Python text of a notebook (nbformat 3 or 4).

    Cells follow each other with a blank line between; prose is wrapped as comments, without inlined images. Magics and
    shell lines become comments, and so do cells of another language (`%%bash`). Outputs are left out.
    Raises NotebookError: `notebook_broken` where it is not a notebook's JSON, `notebook_not_python` where its kernel is
    another language's.
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotebookError("notebook_broken", f"not JSON: {error}") from None
    cells = _cells(notebook)
    language = _language(notebook)
    if not language.startswith(("python", "ipython")):
        raise NotebookError("notebook_not_python", f"its language is {language!r}")
    parts = [part for cell in cells if (part := _cell_text(cell))]
    return "\n\n".join(parts) + "\n" if parts else ""


def _cells(notebook: Any) -> list[Any]:
    if isinstance(notebook, dict):
        cells = notebook.get("cells")
        sheets = notebook.get("worksheets")
        if cells is None and isinstance(sheets, list):
            # nbformat 3 has its cells in worksheets.
            cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _listed(sheet.get("cells"))]
        if isinstance(cells, list):
            return cells
    raise NotebookError("notebook_broken", "neither 'cells' nor 'worksheets' is a list")


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for section, key in (("language_info", "name"), ("kernelspec", "language"), ("kernelspec", "name")):
        part = metadata.get(section)
        if isinstance(part, dict) and isinstance(part.get(key), str) and part[key]:
            return str(part[key]).lower()
    # Old notebooks name no language, and were Python's.
    return "python"


def _cell_text(cell: Any) -> str:
    if not isinstance(cell, dict):
        raise NotebookError("notebook_broken", f"a cell is a {type(cell).__name__}, not an object")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError("notebook_broken", "a cell's source is neither text nor a list of lines")
    source = source.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()
    if not source:
        return ""
    return _code(source) if cell.get("cell_type") == "code" else _comment(_INLINE_IMAGE.sub("", source))


def _comment(text: str) -> str:
    lines: list[str] = []
    for line in _listed_lines(text):
        lines.extend(textwrap.wrap(line, _COMMENT_WIDTH, break_on_hyphens=False) if line.strip() else [""])
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _code(source: str) -> str:
    # A line that begins with % or ! may stand in a string or go on an expression, so what is Python stays as it is.
    if parses(source):
        return source
    lines = source.split("\n")
    first = next(line for line in lines if line.strip()).strip()
    if first.startswith("%%") and first[2:].split(" ", 1)[0] not in _CODE_MAGICS:
        return "\n".join(f"# {line}".rstrip() for line in lines)
    return "\n".join(_without_magics(lines))


def _without_magics(lines: list[str]) -> Iterator[str]:
    goes_on = False
    for line in lines:
        found = _LINE_MAGIC.match(line)
        if not found and not goes_on:
            yield line
            continue
        # An indented line may be all that its block has.
        indent = found["indent"] if found else ""
        yield f"{indent}pass  # {line.strip()}" if indent else f"# {line.strip()}"
        goes_on = line.endswith("\\")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed_lines(text: str) -> list[str]:
    r"""Lines by `\n` and by what else ends a comment for Python or an editor."""
    return [part for line in text.split("\n") for part in (line.splitlines() or [""])]
