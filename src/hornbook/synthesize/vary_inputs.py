"""Further inputs for a function from those that its author wrote: each value is changed within its type."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from typing import Any

from hornbook.synthesize.literals import literal_of

MAX_TRIED = 20
"""Times as many inputs are tried as are wanted, before fewer are enough."""
MAX_CHARS = 200
"""Of the source of one input."""


def vary_inputs(stated: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Up to `count` inputs that are none of the stated ones and all different, as the source of a call's arguments.

    `stated` is source as well, of literals alone. Types and the number of arguments stay as they are; a whole number
    that is not negative stays so, as do the lengths of the inner lists of a rectangle.
    """
    calls = [_parse(arguments) for arguments in stated]
    known, varied = set(stated), list[str]()
    for _ in range(MAX_TRIED * count if calls else 0):
        if len(varied) == count:
            break
        positional, keywords = draw.choice(calls)
        changed = _write([_vary(value, draw) for value in positional], {k: _vary(v, draw) for k, v in keywords.items()})
        if changed not in known and len(changed) <= MAX_CHARS:
            known.add(changed)
            varied.append(changed)
    return varied


def _parse(arguments: str) -> tuple[list[Any], dict[str, Any]]:
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call), arguments
    keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return [ast.literal_eval(value) for value in call.args], keywords


def _write(positional: Sequence[Any], keywords: dict[str, Any]) -> str:
    named = [f"{name}={literal_of(value)}" for name, value in keywords.items()]
    return ", ".join([*map(literal_of, positional), *named])


def _vary(value: Any, draw: random.Random) -> Any:
    """The value changed a little, or, one time in four, as it is."""
    vary = _VARIATIONS.get(type(value))
    return value if vary is None or draw.random() < 0.25 else vary(value, draw)


def _vary_int(value: int, draw: random.Random) -> int:
    changed = draw.choice((value + 1, value - 1, value + draw.randint(2, 9), value * 2, value // 2, 0, 1))
    return abs(changed) if value >= 0 else changed


def _vary_float(value: float, draw: random.Random) -> float:
    changed = draw.choice((value + 1, value * 2, value / 2, value + 0.5, 0.0))
    return round(changed, 4)


def _vary_str(value: str, draw: random.Random) -> str:
    middle = len(value) // 2
    # Letters and words change places: what is in a text of a certain form mostly stays in it.
    words = value.split(" ")
    draw.shuffle(words)
    return draw.choice((value[::-1], value[1:], value[:-1], value + value[:1], value[middle:] + value[:middle],
                        " ".join(words), value.swapcase()))  # fmt: skip


def _vary_list(value: list[Any], draw: random.Random) -> list[Any]:
    if len({len(item) if isinstance(item, list) else None for item in value} - {None}) == 1:
        return [[_vary(cell, draw) for cell in row] if isinstance(row, list) else row for row in value]
    changed = list(value)
    if changed:
        place = draw.randrange(len(changed))
        kind = draw.randrange(5)
        if kind == 0:
            del changed[place]
        elif kind == 1:
            changed.append(changed[place])
        elif kind == 2:
            changed.reverse()
        else:
            changed[place] = _vary(changed[place], draw)
    return changed


def _vary_tuple(value: tuple[Any, ...], draw: random.Random) -> tuple[Any, ...]:
    return tuple(_vary(item, draw) for item in value)


def _vary_set(value: set[Any], draw: random.Random) -> set[Any]:
    items = sorted(value, key=repr)
    # What an empty set is of, nobody sees.
    kept = items if len(items) < 2 or draw.random() < 0.5 else items[1:]
    return {_vary(item, draw) for item in kept}


def _vary_dict(value: dict[Any, Any], draw: random.Random) -> dict[Any, Any]:
    items = list(value.items())
    if items and draw.random() < 0.25:
        del items[draw.randrange(len(items))]
    return {key: _vary(item, draw) for key, item in items}


_VARIATIONS: dict[type, Callable[[Any, random.Random], Any]] = {
    bool: lambda value, draw: not value,
    int: _vary_int,
    float: _vary_float,
    str: _vary_str,
    list: _vary_list,
    tuple: _vary_tuple,
    set: _vary_set,
    dict: _vary_dict,
}
