"""Reads messages; see `codec`."""

from __future__ import annotations

import builtins
import collections
import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hornbook.evaluate.sandbox.inside.codec import (
    CHANGEABLE,
    CLASSES,
    DICTS,
    MADE,
    MAKERS,
    VIEWS,
    MalformedError,
)

Import = Callable[[str, int], object]
"""Stands in for a function or an iterator of the other side: its kind and number."""


class Reader:
    """Reads messages of a Writer, or of somebody who would like to be one. Raises MalformedError."""

    def __init__(self, imported: Import, known: Iterable[object] = ()) -> None:
        self._imported = imported
        self.objects: list[Any] = list(known)

    def read(self, message: Any) -> Any:
        """The value of a message, as `json.loads` gave it."""
        try:
            root, nodes = message
            self._build(nodes)
            return self._value(root)
        except MalformedError:
            raise
        except (TypeError, ValueError, LookupError, RecursionError, ArithmeticError, AttributeError) as error:
            raise MalformedError(f"{type(error).__name__}: {error}") from None

    def _build(self, nodes: list[list[Any]]) -> None:
        known = len(self.objects)
        changeable: list[tuple[Any, list[Any]]] = []
        for place, node in enumerate(nodes):
            if node is None and place < known:
                continue
            kind = node[0]
            if place < known:
                if CHANGEABLE.get(type(self.objects[place])) != kind:
                    raise MalformedError(f"a {kind} cannot become another type")
                value = self.objects[place]
            elif kind in MAKERS:
                value = collections.deque(maxlen=node[1]) if kind == "deque" else MAKERS[kind]()
                self.objects.append(value)
            else:
                self.objects.append(self._make_fixed(kind, node[1:]))
                continue
            changeable.append((value, node))
        # All of them are there now, so that they may hold one another; what they hold before any of them changes.
        contents = [[self._value(item) for item in node[1:]] for _, node in changeable]
        for (value, _), content in zip(changeable, contents, strict=True):
            _fill(value, content)

    def _make_fixed(self, kind: str, items: list[Any]) -> object:
        if kind in ("iterator", "function"):
            (number,) = items
            if type(number) is not int:
                raise MalformedError(f"{kind} {number!r}")
            return self._imported(kind, number)
        values = [self._value(item) for item in items]
        if kind == "tuple":
            return tuple(values)
        if kind == "frozenset":
            return frozenset(values)
        if kind in ("range", "slice"):
            return (range if kind == "range" else slice)(*values)
        if kind in MADE:
            return getattr(importlib.import_module(MADE[kind][0]), kind)(*values)
        raise MalformedError(f"a node of kind {kind!r:.40}")

    def _value(self, item: Any) -> Any:
        if type(item) is not list:
            if type(item) is dict:
                raise MalformedError("an object of JSON")
            return item
        kind, *parts = item
        if type(kind) is int:
            if kind < 0 or parts:
                raise MalformedError(f"node {kind}")
            return self.objects[kind]
        if kind == "str":
            return "".join(map(chr, parts))
        if kind in ("Ellipsis", "NotImplemented"):
            return getattr(builtins, kind)
        if kind == "complex":
            real, imaginary = parts
            return complex(float(real), float(imaginary))
        (part,) = parts
        if kind == "int":
            return int(part, 16)
        if kind == "bytes":
            return part.encode("latin-1")
        if kind == "class":
            return CLASSES[part]
        if kind in VIEWS.values():
            # Of the dict itself, which may be filled later.
            return getattr(self._dict(part), kind)()
        raise MalformedError(f"an item of kind {kind!r:.40}")

    def _dict(self, item: Any) -> dict[Any, Any]:
        found = self._value(item)
        if type(found) is not dict:
            raise MalformedError("a view of something else than a dict")
        return found


def _fill(value: Any, content: list[Any]) -> None:
    if type(value) is bytearray:
        (text,) = content
        value[:] = text.encode("latin-1")
    elif type(value) is list:
        value[:] = content
    elif type(value) in DICTS:
        value.clear()
        # Not update(), which counts in a Counter.
        for key, entry in zip(content[::2], content[1::2], strict=True):
            value[key] = entry
    else:
        value.clear()
        entries: Iterator[Any] = iter(content)
        if type(value) is collections.deque:
            next(entries)
            value.extend(entries)
        else:
            value.update(entries)
