"""Plain data as JSON, exactly: what passes between a program's process and the judge of its tests.

A message is `[root, nodes]`. An item is None, a bool, an int that JSON keeps, a float, a str, `[n]` for node n, or
`[kind, ...]` for a scalar that JSON has no word for. A node is `[kind, item, ...]`. Every list, dict and set is a node,
so that one that occurs twice (or in itself) stays one; nodes that cannot change (tuple, frozenset) come after what
they hold. Never pickle: reading a message builds plain objects and runs no code of the writer's.
"""

from __future__ import annotations

import builtins
import collections
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

MAX_MESSAGE_BYTES = 16 * 2**20
MAX_DEPTH = 500
"""Of tuples in tuples; lists may be nested as deeply as they like."""
_EXACT_INT = 2**53
Export = Callable[[object], int]
"""Keeps a function or an iterator for the other side, and gives the number that it is called by."""
Import = Callable[[str, int], object]
"""Stands in for a function or an iterator of the other side: its kind and number."""

_CLASSES = {name: value for name, value in vars(builtins).items() if isinstance(value, type) and value.__name__ == name}
_LISTS: dict[type, str] = {list: "list", set: "set", collections.deque: "deque"}
_DICTS: dict[type, str] = {
    dict: "dict",
    collections.OrderedDict: "OrderedDict",
    collections.defaultdict: "defaultdict",
    collections.Counter: "Counter",
}
_VIEWS: dict[type, str] = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
_CHANGEABLE = {**_LISTS, **_DICTS, bytearray: "bytearray"}
_MAKERS: dict[str, Callable[[], Any]] = {name: kind for kind, name in _CHANGEABLE.items()}
# Values of the standard library that a few numbers make again: where they live, and their parts.
_MADE: dict[str, tuple[str, Callable[[Any], tuple[Any, ...]]]] = {
    "Decimal": ("decimal", lambda value: (str(value),)),
    "Fraction": ("fractions", lambda value: (value.numerator, value.denominator)),
    "date": ("datetime", lambda value: (value.year, value.month, value.day)),
    "timedelta": ("datetime", lambda value: (value.days, value.seconds, value.microseconds)),
}
_BASES = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, collections.deque)


def to_json(value: Any) -> str:
    """A value as JSON without spaces."""
    return "".join(_encode(value, 0))


def from_json(text: str) -> Any:
    """The value of JSON that this module wrote. Raises ValueError or RecursionError for any other text."""
    try:
        value, end = _decode(text, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("more than one value")
    return value


# The parts of `json` that are written in C, made once: a program may have replaced the others, or what they call.
_encode = c_make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
_decode = json.JSONDecoder().scan_once


class UncarriableError(Exception):
    """A value cannot be carried; the message says of which type."""


class MalformedError(Exception):
    """A message is not one that this module writes."""


class Writer:
    """Writes values that may share parts. `known` are objects that both sides have as the first nodes."""

    def __init__(self, export: Export, known: Iterable[object] = ()) -> None:
        self._export = export
        # Kept alive, or a later object could come by the id of an earlier one.
        self.objects: list[Any] = []
        """What the nodes stand for."""
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
            if type(known) in _CHANGEABLE:
                node = self._content(known)
                # As text: 1, 1.0 and True are equal otherwise.
                if to_json(node) != to_json(before[place]):
                    self._nodes[place] = node
        return self.write(value)

    def _item(self, value: Any, depth: int) -> Any:
        """The item for a value."""
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str:
            return value if value.isascii() or not _has_surrogates(value) else ["str", *map(ord, value)]
        if kind is int:
            return value if -_EXACT_INT < value < _EXACT_INT else ["int", hex(value)]
        place = self._places.get(id(value))
        if place is not None:
            return [place]
        if kind in _CHANGEABLE:
            place = self._add(value, None)
            self._unwritten.append(place)
            return [place]
        return self._fixed(value, kind, depth)

    def _content(self, value: Any) -> list[Any]:
        """The node for something that can change."""
        kind = type(value)
        if kind is bytearray:
            return ["bytearray", value.decode("latin-1")]
        node: list[Any] = [_CHANGEABLE[kind]]
        if kind in _DICTS:
            for key, entry in dict.items(value):
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
        if kind in _VIEWS:
            entries = value.mapping if kind is not type({}.values()) else dict(enumerate(value))
            return [_VIEWS[kind], self._item(dict(entries), depth + 1)]
        if isinstance(value, type) and _CLASSES.get(value.__name__) is value:
            return ["class", value.__name__]
        if kind.__module__ == _MADE.get(kind.__name__, ("",))[0]:
            parts = _MADE[kind.__name__][1](value)
            return [self._add(value, [kind.__name__, *[self._item(part, depth + 1) for part in parts]])]
        if _is_iterator(kind):
            return [self._add(value, ["iterator", self._export(value)])]
        converted = _as_plain(value)
        if converted is not None:
            return self._item(converted[0], depth + 1)
        if _is_function(value):
            return [self._add(value, ["function", self._export(value)])]
        raise UncarriableError(_name_of(kind))

    def _add(self, value: object, node: Any) -> int:
        self.objects.append(value)
        self._places[id(value)] = len(self._nodes)
        self._nodes.append(node)
        return len(self._nodes) - 1


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
                if _CHANGEABLE.get(type(self.objects[place])) != kind:
                    raise MalformedError(f"a {kind} cannot become another type")
                value = self.objects[place]
            elif kind in _MAKERS:
                value = collections.deque(maxlen=node[1]) if kind == "deque" else _MAKERS[kind]()
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
        if kind in _MADE:
            return getattr(importlib.import_module(_MADE[kind][0]), kind)(*values)
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
            return _CLASSES[part]
        if kind in _VIEWS.values():
            return getattr(dict(self._value(part)), kind)()
        raise MalformedError(f"an item of kind {kind!r:.40}")


def _fill(value: Any, content: list[Any]) -> None:
    if type(value) is bytearray:
        (text,) = content
        value[:] = text.encode("latin-1")
    elif type(value) is list:
        value[:] = content
    elif type(value) in _DICTS:
        dict.clear(value)
        # Not update(), which counts in a Counter.
        for key, entry in zip(content[::2], content[1::2], strict=True):
            dict.__setitem__(value, key, entry)
    else:
        value.clear()
        entries: Iterator[Any] = iter(content)
        if type(value) is collections.deque:
            next(entries)
            value.extend(entries)
        else:
            value.update(entries)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_iterator(kind: type) -> bool:
    return hasattr(kind, "__next__") and hasattr(kind, "__iter__")


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type) and hasattr(value, "__name__")


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
        return base.__pos__(value)  # type: ignore[attr-defined]
    if base in (str, bytes, bytearray, list, tuple):
        return base.__getitem__(value, slice(None))  # type: ignore[attr-defined]
    if base is dict:
        return dict(dict.items(value))
    if base is collections.deque:
        return collections.deque(collections.deque.__iter__(value), value.maxlen)
    return base(base.__iter__(value))  # type: ignore[attr-defined]


def _name_of(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "program", "tests") else f"{module}.{kind.__qualname__}"
