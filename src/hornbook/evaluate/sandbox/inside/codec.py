"""Plain data as JSON, exactly: what passes between a program's process and the judge of its tests.

A message is `[root, nodes]`. An item is None, a bool, an int that JSON keeps, a float, a str, `[n]` for node n, or
`[kind, ...]` for a scalar that JSON has no word for. A node is `[kind, item, ...]`. Every list, dict and set is a node,
so that one that occurs twice (or in itself) stays one; nodes that cannot change (tuple, frozenset) come after what
they hold. Never pickle: reading a message builds plain objects and runs no code of the writer's.
"""

from __future__ import annotations

import builtins
import collections
import json
from collections.abc import Callable
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

MAX_MESSAGE_BYTES = 16 * 2**20
MAX_DEPTH = 100
"""Of tuples in tuples; lists may be nested as deeply as they like."""
EXACT_INT = 2**53
"""Larger ones are written in hexadecimal: decimal takes long, and Python limits its digits."""
CLASSES = {name: value for name, value in vars(builtins).items() if isinstance(value, type) and value.__name__ == name}
_LISTS: dict[type, str] = {list: "list", set: "set", collections.deque: "deque"}
DICTS: dict[type, str] = {
    dict: "dict",
    collections.OrderedDict: "OrderedDict",
    collections.defaultdict: "defaultdict",
    collections.Counter: "Counter",
}
VIEWS: dict[type, str] = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
CHANGEABLE = {**_LISTS, **DICTS, bytearray: "bytearray"}
MAKERS: dict[str, Callable[[], Any]] = {name: kind for kind, name in CHANGEABLE.items()}
# Values of the standard library that a few numbers make again: where they live, and their parts.
MADE: dict[str, tuple[str, Callable[[Any], tuple[Any, ...]]]] = {
    "Decimal": ("decimal", lambda value: (str(value),)),
    "Fraction": ("fractions", lambda value: (value.numerator, value.denominator)),
    "date": ("datetime", lambda value: (value.year, value.month, value.day)),
    "timedelta": ("datetime", lambda value: (value.days, value.seconds, value.microseconds)),
}


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
_decode = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class UncarriableError(Exception):
    """A value cannot be carried; the message says of which type."""


class MalformedError(Exception):
    """A message is not one that this module writes."""
