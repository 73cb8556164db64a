"""The general ideas that textbook sections teach, each with the operations and the code style that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hornbook.teacher.builtin.operation import Operation
from hornbook.teacher.builtin.operations import OPERATIONS


@dataclass(frozen=True)
class Concept:
    """An idea, the ways to explain it, and where it shows."""

    name: str
    ideas: tuple[str, ...]
    shows_in: Callable[[Operation], bool]
    style: str = "comprehension"

    def operations(self) -> tuple[Operation, ...]:
        """The operations whose code shows the idea."""
        return tuple(operation for operation in OPERATIONS if self.shows_in(operation))


CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "accumulators",
        (
            "An accumulator is a variable that starts at a neutral value and grows inside a loop.",
            "Set a variable before the loop, update it inside, and return it after the loop.",
        ),
        lambda op: op.loop.startswith("{out} = 0") and "+=" in op.loop,
        "loop",
    ),
    Concept(
        "collecting results in a loop",
        (
            "Start with an empty list and append to it inside the loop.",
            "The loop looks at one element at a time, and append puts each result at the end of a new list.",
        ),
        lambda op: ".append(" in op.loop,
        "loop",
    ),
    Concept(
        "list comprehensions",
        (
            "A list comprehension builds a new list in one line: what to put in, for which element, and when.",
            "Read a comprehension from its middle: for each element, if the condition holds, put in the first part.",
        ),
        lambda op: op.expression.startswith("["),
    ),
    Concept(
        "dictionaries as counters",
        (
            "A dictionary can count: get looks up the count so far and gives 0 for a key that is new.",
            "Each key has one value, so adding to the value of a key keeps a separate count for each.",
        ),
        lambda op: ".get(" in op.loop,
        "loop",
    ),
    Concept(
        "grouping with a dictionary",
        ("setdefault gives the list of a key and puts in an empty one when the key is new.",),
        lambda op: "setdefault" in op.loop,
    ),
    Concept(
        "guards",
        (
            "A guard handles the empty case first and returns early, so that the rest can rely on having data.",
            "Check the special case at the top and return at once.",
        ),
        lambda op: op.takes.can_be_empty and bool(op.takes.arguments),
        "early_return",
    ),
    Concept(
        "helper functions",
        (
            "A small inner function gives one decision or one calculation a name.",
            "Put the rule for one element into a helper, and the main line reads like a sentence.",
        ),
        lambda op: op.item is not None,
        "helper",
    ),
    Concept(
        "recursion",
        ("A recursive function calls itself on a smaller problem until it is easy to answer.",),
        lambda op: op.loop.startswith("def "),
        "loop",
    ),
    Concept(
        "slicing",
        (
            "A slice copies part of a sequence: it starts at the first index and stops before the second.",
            "Without a start a slice begins at the beginning, and a negative index counts from the end.",
        ),
        lambda op: "{x}[" in op.expression and ":" in op.expression,
    ),
    Concept(
        "sorting with a key",
        ("sorted gives a new list; key says what to compare, and elements with equal keys keep their order.",),
        lambda op: op.expression.startswith("sorted("),
    ),
    Concept(
        "walking two lists together",
        ("zip pairs the elements at the same positions and stops at the end of the shorter list.",),
        lambda op: "zip(" in op.expression,
    ),
    Concept(
        "answers for empty input",
        ("max, min and the first element do not exist for an empty list, so the code says what to give instead.",),
        lambda op: "default=" in op.expression or " if {x} else " in op.expression,
    ),
    Concept(
        "yes or no questions",
        ("A comparison is already True or False, so it can be returned as it is.",),
        lambda op: op.gives.name == "bool",
    ),
    Concept(
        "sets",
        ("A set holds each member once and answers quickly whether a value is in it.",),
        lambda op: op.takes.name == "set" or "set({x})" in op.expression,
    ),
    Concept(
        "building strings",
        (
            "Strings cannot be changed in place, so each step makes a new one.",
            "join glues many strings together, with the string in front of it between them.",
        ),
        lambda op: op.gives.name == "text",
    ),
    Concept(
        "while loops",
        ("A while loop repeats as long as its condition holds, so something in its body must change the condition.",),
        lambda op: "while " in op.loop,
        "loop",
    ),
)
