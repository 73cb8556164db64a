"""The types of value that flow between operations, with the inputs that exercises are tested on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

_WORDS = tuple(
    word
    for line in (
        "apple area arm at axe eel ear east eye extra noon nest north note oak otter oven on open radar river rose",
        "ran rat sun stats salt stone sea tea tree tiger ten toast bread cat dog fox level moon pear queen zebra",
    )
    for word in line.split()
)
_TEAMS = ("red", "blue", "green")
_NAMES = ("ann", "bob", "cy", "dee", "eve", "fay", "gus", "hal", "ivy", "joe")


@dataclass(frozen=True, eq=False)
class Port:
    """A type of value: how it is written in signatures and English, and how test inputs of it are drawn."""

    name: str
    hint: str
    noun: str
    """What English calls the value in the middle of a composition, as in `the resulting NOUN`."""
    description: str
    """Completes `numbers: ` in a Google docstring."""
    arguments: tuple[str, ...] = ()
    draw: Callable[[random.Random], object] = field(default=lambda rng: None, repr=False)
    edges: tuple[object, ...] = field(default=(), repr=False)
    """Inputs that every exercise over this type is tested on, the empty one first where there is one."""
    can_be_empty: bool = True


def _draw_ints(rng: random.Random) -> list[int]:
    size = rng.choice((2, 3, 4, 4, 5, 5, 6, 7))
    low = rng.choice((-9, -4, 0, 1))
    numbers = [rng.randint(low, rng.choice((8, 10, 15))) for _ in range(size)]
    if rng.random() < 0.5:
        numbers[rng.randrange(size)] = numbers[rng.randrange(size)]
    return numbers


def _draw_words(rng: random.Random) -> list[str]:
    words = [rng.choice(_WORDS) for _ in range(rng.choice((2, 3, 3, 4, 4, 5)))]
    if rng.random() < 0.4:
        words.append(rng.choice(words))
    return words


def _draw_text(rng: random.Random) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.choice((1, 2, 2, 3)))]
    if rng.random() < 0.5:
        words[0] = words[0].capitalize()
    if rng.random() < 0.4:
        words.append(str(rng.randint(1, 40)))
    return " ".join(words)


def _draw_counts(rng: random.Random) -> dict[str, int]:
    return {word: rng.randint(0, 12) for word in rng.sample(_WORDS, rng.randint(2, 4))}


def _draw_grid(rng: random.Random) -> list[list[int]]:
    height, width = rng.randint(1, 3), rng.randint(1, 3)
    return [[rng.randint(-5, 12) for _ in range(width)] for _ in range(height)]


def _draw_records(rng: random.Random) -> list[dict[str, object]]:
    names = rng.sample(_NAMES, rng.randint(2, 4))
    return [{"name": name, "team": rng.choice(_TEAMS), "score": rng.choice((2, 5, 7, 9, 12))} for name in names]


INTS = Port(
    "ints", "list[int]", "numbers", "A list of integers.", ("numbers", "values", "nums"), _draw_ints,
    ([], [4], [3, 3, 3], [-2, -7, 5, 0]),
)  # fmt: skip
WORDS = Port(
    "words", "list[str]", "words", "A list of strings.", ("words", "names", "terms"), _draw_words,
    ([], ["sun"], ["noon", "tea", "noon"]),
)  # fmt: skip
TEXT = Port(
    "text", "str", "text", "A string.", ("text", "sentence", "phrase"), _draw_text,
    ("", "a", "Noon Level", "aab 12 tt"),
)  # fmt: skip
INT = Port(
    "int", "int", "number", "An integer.", ("n", "value", "start"), lambda rng: rng.randint(2, 130),
    (0, 1, -12, 7), can_be_empty=False,
)  # fmt: skip
BOOL = Port("bool", "bool", "answer", "True or False.", can_be_empty=False)
COUNTS = Port(
    "counts", "dict[str, int]", "dictionary", "A dictionary from strings to integers.",
    ("counts", "stock", "prices"), _draw_counts, ({}, {"fox": 3}, {"tea": 4, "jam": 4, "oak": 1}),
)  # fmt: skip
GROUPS = Port("groups", "dict[str, list[str]]", "groups", "A dictionary from strings to lists of strings.")
SET = Port(
    "set", "set[int]", "set", "A set of integers.", ("members", "chosen", "ids"),
    lambda rng: set(_draw_ints(rng)), (set(), {4}, {-3, 0, 8}),
)  # fmt: skip
PAIR = Port(
    "pair", "tuple[int, int]", "pair", "A pair of integers.", ("pair", "point", "bounds"),
    lambda rng: (rng.randint(-5, 12), rng.randint(-5, 12)), ((0, 0), (4, 4), (-3, 2)), can_be_empty=False,
)  # fmt: skip
PAIRS = Port(
    "pairs", "list[tuple[int, int]]", "pairs", "A list of pairs of integers.", ("pairs", "points", "edges"),
    lambda rng: [(rng.randint(-3, 9), rng.randint(-3, 9)) for _ in range(rng.randint(2, 4))],
    ([], [(1, 2)], [(3, 3), (5, 1), (0, 1)]),
)  # fmt: skip
GRID = Port(
    "grid", "list[list[int]]", "grid", "A list of rows of integers.", ("grid", "matrix", "table"), _draw_grid,
    ([], [[5]], [[1, 2], [2, 1], [0, 4]]),
)  # fmt: skip
RECORDS = Port(
    "records", "list[dict]", "records", "Dictionaries with the keys name, team and score.",
    ("records", "players", "entries"), _draw_records, ([], [{"name": "ann", "team": "red", "score": 7}]),
)  # fmt: skip

POOL_SIZE = 160


@cache
def pool(port: Port) -> tuple[object, ...]:
    """The fixed test inputs of a type that exercises draw from, next to its edges."""
    rng = random.Random(f"pool/{port.name}")
    return tuple(port.draw(rng) for _ in range(POOL_SIZE))


def copy_value(value: object) -> object:
    """An equal value that shares nothing mutable with the given one."""
    if isinstance(value, list):
        return [copy_value(item) for item in value]
    if isinstance(value, dict):
        return {key: copy_value(item) for key, item in value.items()}
    if isinstance(value, set):
        return set(value)
    return value
