"""Writes plain data as a message; see `codec`."""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Iterable
from typing import Any

from hornbook.evaluate.sandbox.inside.codec import (
    CHANGEABLE,
    CLASSES,
    DICTS,
    EXACT_INT,
    MADE,
    MAX_DEPTH,
    MAX_MESSAGE_BYTES,
    VIEWS,
    UncarriableError,
    to_json,
)

Export = Callable[[object], int]
"""Keeps a function or an iterator for the other side, and gives the number that it is called by."""
_BASES = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, collections.deque)


class Writer:
    """Writes values that may share parts. `known` are objects that both sides have as the first nodes."""

    def __init__(self, export: Export, known: Iterable[object] = ()) -> None:
        self._export = export
        # Kept alive, or a later object could come by the id of an earlier one.
        self.objects: list[Any] = []
        """What the nodes stand for."""
        self._converted: list[Any] = []
        self._places: dict[int, int] = {}
        self._nodes: list[Any] = []
        self._unwritten: list[int] = []
        for value in known:
            self._add(value, None)

    def write(self, value: object) -> str:
        """The message for a value."""
        root = self._item(value, 0)
        while self._unwritten:
            place = self._unwritten.pop()
            self._nodes[place] = self._content(self.objects[place])
        return to_json([root, self._nodes])

    def write_changes(self, value: object, before: list[Any]) -> str:
        """The message for a value and for what has changed in the known objects since they were the nodes `before`."""
        for place in range(len(self.objects)):
            known = self.objects[place]
            if type(known) in CHANGEABLE:
                node = self._content(known)
                # As text: 1, 1.0 and True are equal otherwise.
                if repr(node) != repr(before[place]):
                    self._nodes[place] = node
        return self.write(value)

    def _item(self, value: Any, depth: int) -> Any:
        """The item for a value."""
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str:
            if len(value) > MAX_MESSAGE_BYTES:
                raise UncarriableError(f"str, of {len(value)} characters")
            return value if value.isascii() or not _has_surrogates(value) else ["str", *map(ord, value)]
        if kind is int:
            return value if -EXACT_INT < value < EXACT_INT else ["int", hex(value)]
        place = self._places.get(id(value))
        if place is not None:
            return [place]
        if kind in CHANGEABLE:
            place = self._add(value, None)
            self._unwritten.append(place)
            return [place]
        return self._fixed(value, kind, depth)

    def _content(self, value: Any) -> list[Any]:
        """The node for something that can change."""
        kind = type(value)
        if kind is bytearray:
            return ["bytearray", value.decode("latin-1")]
        node: list[Any] = [CHANGEABLE[kind]]
        if kind in DICTS:
            for key, entry in value.items():
                node += (self._item(key, 0), self._item(entry, 0))
        else:
            if kind is collections.deque:
                node.append(value.maxlen)
            node += [self._item(entry, 0) for entry in value]
        return node

    def _fixed(self, value: Any, kind: type, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise UncarriableError(f"tuples nested more than {MAX_DEPTH} deep")
        if kind is tuple or kind is frozenset:
            node = [kind.__name__, *[self._item(entry, depth + 1) for entry in value]]
            return [self._add(value, node)]
        if kind is bytes:
            return ["bytes", value.decode("latin-1")]
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind is range or kind is slice:
            parts = (value.start, value.stop, value.step)
            return [self._add(value, [kind.__name__, *[self._item(part, depth + 1) for part in parts]])]
        if value is Ellipsis or value is NotImplemented:
            return [repr(value)]
        if kind in VIEWS:
            entries = value.mapping if kind is not type({}.values()) else dict(enumerate(value))
            return [VIEWS[kind], self._item(dict(entries), depth + 1)]
        if isinstance(value, type) and CLASSES.get(value.__name__) is value:
            return ["class", value.__name__]
        if kind.__module__ == MADE.get(kind.__name__, ("",))[0]:
            parts = MADE[kind.__name__][1](value)
            return [self._add(value, [kind.__name__, *[self._item(part, depth + 1) for part in parts]])]
        if _is_iterator(kind):
            return [self._add(value, ["iterator", self._export(value)])]
        converted = _as_plain(value)
        if converted is not None:
            return self._stand_for(value, converted[0], depth)
        if callable(value) and not isinstance(value, type):
            return [self._add(value, ["function", self._export(value)])]
        raise UncarriableError(_name_of(kind))

    def _stand_for(self, value: object, converted: Any, depth: int) -> Any:
        item = self._item(converted, depth + 1)
        if type(item) is list and type(item[0]) is int:
            # It may occur again, even in itself.
            self._places[id(value)] = item[0]
            self._converted.append(value)
        return item

    def _add(self, value: object, node: Any) -> int:
        self.objects.append(value)
        self._places[id(value)] = len(self._nodes)
        self._nodes.append(node)
        return len(self._nodes) - 1


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_iterator(kind: type) -> bool:
    return hasattr(kind, "__next__") and hasattr(kind, "__iter__")


def _as_plain(value: Any) -> tuple[Any] | None:
    """What an instance of a subclass of a plain type holds, whatever its own methods say; numpy's numbers likewise."""
    for base in _BASES:
        if isinstance(value, base):
            return (_as_base(value, base),)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and not isinstance(value.item(), numpy.generic):
        return (value.item(),)
    return None


def _as_base(value: Any, base: type) -> Any:
    if base is int or base is float or base is complex:
        return base.__pos__(value)
    if base in (str, bytes, bytearray, list, tuple):
        return base.__getitem__(value, slice(None))
    if base is dict:
        return dict(dict.items(value))
    if base is collections.deque:
        return collections.deque(collections.deque.__iter__(value), value.maxlen)
    return base(base.__iter__(value))  # type: ignore[attr-defined]


def _name_of(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "program", "tests") else f"{module}.{kind.__qualname__}"
