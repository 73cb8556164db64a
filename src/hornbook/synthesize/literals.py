"""Values written as source, the same text in every process."""

from __future__ import annotations

import ast
from typing import Any


def literal_of(value: Any) -> str:
    """As `repr` for what `ast.literal_eval` reads, but the items of a set are sorted by their text."""
    match value:
        case set():
            return f"{{{', '.join(sorted(map(literal_of, value)))}}}" if value else "set()"
        case dict():
            return f"{{{', '.join(f'{literal_of(key)}: {literal_of(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(literal_of, value))}]"
        case tuple():
            return f"({', '.join(map(literal_of, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def read_literal(text: str) -> Any:
    """The value that source stands for. Raises ValueError where it is no literal."""
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a literal: {text[:80]!r}") from error
