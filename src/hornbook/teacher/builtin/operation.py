"""What one operation of the grammar is: its meaning, its English and its code.

An operation is declared once: a reference callable (its meaning), templates in English, and source. The
reference is written apart from the source, so that running both finds a mistake in either.
Templates hold `{x}` (the value that flows in), `{out}` (the variable that holds the result) and slots such as
`{k}`, each bound to a literal or to an argument of the function.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from hornbook.teacher.builtin.ports import INTS, WORDS, Port


@dataclass(frozen=True)
class Slot:
    """A hole of an operation: filled with one of the literals, or with an argument of the function."""

    key: str
    literals: tuple[int | str, ...]
    argument: str
    """Name of the argument that can fill it; empty where only literals can."""
    hint: str
    description: str
    port: Port | None = None
    """Where the argument's test values come from when they are not the literals."""


LIMIT = Slot("k", (0, 2, 3, 4, 5, 6, 7, 8), "limit", "int", "The limit to compare with.")
FACTOR = Slot("k", (2, 3, 4, 5, 6, 7, 8, 9), "factor", "int", "A positive integer.")
AMOUNT = Slot("k", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10), "amount", "int", "The amount to use.")
SIZE = Slot("k", (2, 3, 4), "size", "int", "How many to take, at least 1.")
LENGTH = Slot("k", (2, 3, 4), "length", "int", "The length to compare with.")
DIGIT = Slot("k", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), "", "int", "")
LETTER = Slot("c", ("a", "e", "n", "o", "r", "s", "t"), "letter", "str", "A single letter.")
MARK = Slot("c", ("-", "+", "/", "_", "*"), "mark", "str", "A short string.")
TEAM = Slot("c", ("red", "blue", "green"), "team", "str", "A team's name.")
OTHERS = Slot("b", (), "others", "list[int]", "A second list of integers.", INTS)
EXTRA = Slot("b", (), "extra", "list[str]", "A second list of strings.", WORDS)


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of the grammar."""

    name: str
    takes: Port
    gives: Port
    stem: str
    """Its part of a function's name."""
    reference: Callable[..., object]
    """Its meaning: called with the value and then the slots' values; must not change them."""
    clauses: tuple[str, ...]
    """Imperative phrases; the first word is the verb."""
    nouns: tuple[str, ...]
    """Noun phrases around `{x}`."""
    out: tuple[str, str]
    """Names for the result: the first, and another for when that one is taken."""
    expression: str = ""
    """The result as one expression; empty where only statements can say it."""
    loop: str = ""
    """The result as statements that assign `{out}`; empty where the expression is the natural way."""
    item: tuple[str, str, str, str] | None = None
    """For the helper style: element name, helper's name, what it returns, expression that calls the helper."""
    slots: tuple[Slot, ...] = ()
    topic: str = ""
    """Operations of one topic make no sense in one function, e.g. sorting twice."""


def keep(
    name: str,
    port: Port,
    condition: str,
    reference: Callable[..., bool],
    stem: str,
    clauses: tuple[str, ...],
    nouns: tuple[str, ...] = (),
    *,
    slots: tuple[Slot, ...] = (),
    topic: str = "",
) -> Operation:
    """A filter of a list: `condition` is source over one element, `reference` decides one element."""
    element = ELEMENTS[port.name]
    return Operation(
        name, port, port, stem,
        lambda items, *values: [item for item in items if reference(item, *values)],
        clauses, nouns, ("kept", "remaining"),
        f"[{element} for {element} in {{x}} if {condition}]",
        f"{{out}} = []\nfor {element} in {{x}}:\n    if {condition}:\n        {{out}}.append({element})",
        (element, "is_wanted", condition, f"[{element} for {element} in {{x}} if is_wanted({element})]"),
        slots, topic,
    )  # fmt: skip


def change(
    name: str,
    takes: Port,
    gives: Port,
    source: str,
    reference: Callable[..., object],
    stem: str,
    clauses: tuple[str, ...],
    nouns: tuple[str, ...] = (),
    *,
    slots: tuple[Slot, ...] = (),
    topic: str = "",
) -> Operation:
    """A map over a list: `source` is an expression over one element, `reference` maps one element."""
    element = ELEMENTS[takes.name]
    return Operation(
        name, takes, gives, stem,
        lambda items, *values: [reference(item, *values) for item in items],
        clauses, nouns, ("changed", "adjusted"),
        f"[{source} for {element} in {{x}}]",
        f"{{out}} = []\nfor {element} in {{x}}:\n    {{out}}.append({source})",
        (element, "convert", source, f"[convert({element}) for {element} in {{x}}]"),
        slots, topic,
    )  # fmt: skip


def compute(
    name: str,
    takes: Port,
    gives: Port,
    expression: str,
    reference: Callable[..., object],
    stem: str,
    clauses: tuple[str, ...],
    nouns: tuple[str, ...] = (),
    *,
    out: tuple[str, str],
    loop: str = "",
    slots: tuple[Slot, ...] = (),
    topic: str = "",
) -> Operation:
    """Any other operation: an expression over `{x}`, statements that assign `{out}`, or both."""
    return Operation(
        name, takes, gives, stem, reference, clauses, nouns, out, expression,
        textwrap.dedent(loop).strip("\n"), None, slots, topic,
    )  # fmt: skip


ELEMENTS = {"ints": "number", "words": "word", "text": "char", "grid": "row", "records": "record", "pairs": "pair"}
"""What the loops over a type call its elements."""

ORDERED = ("ordered", "arranged")
PART = ("part", "section")
SERIES = ("series", "sequence")
COMBINED = ("combined", "joint")
TOTAL = ("total", "subtotal")
COUNT = ("count", "tally")
FOUND = ("found", "selected")
ANSWER = ("answer", "verdict")
STRING = ("string", "line")
MAPPING = ("mapping", "lookup")
UNIQUE = ("unique", "distinct")
ROWS = ("rows", "lines")
COUPLES = ("couples", "matches")
