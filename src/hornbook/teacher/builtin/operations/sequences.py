"""Operations on whole lists: order, slices, windows, running values and second lists."""

from hornbook.teacher.builtin.operation import (
    AMOUNT,
    COMBINED,
    COUPLES,
    EXTRA,
    ORDERED,
    OTHERS,
    PART,
    ROWS,
    SERIES,
    SIZE,
    UNIQUE,
    Operation,
    compute,
)  # fmt: skip
from hornbook.teacher.builtin.ports import GRID, INTS, PAIRS, SET, WORDS, Port


def _slices(port: Port) -> tuple[Operation, ...]:
    """The operations that look at positions only, over a list of any type."""
    many, one = port.noun, port.noun[:-1]
    return (
        compute(
            f"reverse_{many}", port, port, "{x}[::-1]", lambda items: list(reversed(items)), "reversed",
            (f"reverse the order of the {many}", f"put the {many} in reverse order", "reverse the list"),
            (), out=ORDERED, topic="order",
        ),
        compute(
            f"first_{many}", port, port, "{x}[:{k}]", lambda items, k: [v for i, v in enumerate(items) if i < k],
            "first", (f"take the first {{k}} {many}", f"keep only the first {{k}} {many}",
                      f"select the first {{k}} {many}"),
            (f"the first {{k}} {many} of {{x}}",), out=PART, slots=(SIZE,), topic="slice",
        ),
        compute(
            f"last_{many}", port, port, "{x}[-{k}:]",
            lambda items, k: [v for i, v in enumerate(items) if i >= len(items) - k],
            "last", (f"take the last {{k}} {many}", f"keep only the last {{k}} {many}",
                     f"select the last {{k}} {many}"),
            (f"the last {{k}} {many} of {{x}}",), out=PART, slots=(SIZE,), topic="slice",
        ),
        compute(
            f"skip_{many}", port, port, "{x}[{k}:]", lambda items, k: [v for i, v in enumerate(items) if i >= k],
            "rest", (f"skip the first {{k}} {many}", f"drop the first {{k}} {many}", f"remove the first {{k}} {many}"),
            (f"all but the first {{k}} {many} of {{x}}",), out=PART, slots=(SIZE,), topic="slice",
        ),
        compute(
            f"every_other_{many}", port, port, "{x}[::2]",
            lambda items: [v for i, v in enumerate(items) if i % 2 == 0], "alternate",
            (f"take every second {one} (the first included)", f"keep the {many} at even indices",
             f"drop the {many} at odd indices"),
            (f"the {many} at even indices of {{x}}",), out=PART, topic="slice",
        ),
        compute(
            f"distinct_{many}", port, port, "list(dict.fromkeys({x}))",
            lambda items: [v for i, v in enumerate(items) if v not in items[:i]], "distinct",
            (f"remove duplicate {many} (the first of each stays)", f"keep the first occurrence of each {one}",
             f"drop the {many} that appeared earlier in the list"),
            (), out=UNIQUE, topic="distinct",
            loop=f"""
            {{out}} = []
            for {one} in {{x}}:
                if {one} not in {{out}}:
                    {{out}}.append({one})
            """,
        ),
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    *_slices(INTS),
    *_slices(WORDS),
    compute(
        "sort_ascending", INTS, INTS, "sorted({x})", lambda xs: sorted(xs, key=lambda n: n), "sorted",
        ("sort the numbers in ascending order", "order the numbers from smallest to largest",
         "arrange the numbers in increasing order"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "sort_descending", INTS, INTS, "sorted({x}, reverse=True)", lambda xs: sorted(xs)[::-1], "descending",
        ("sort the numbers in descending order", "order the numbers from largest to smallest",
         "arrange the numbers in decreasing order"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "sort_by_size", INTS, INTS, "sorted({x}, key=abs)", lambda xs: sorted(xs, key=lambda n: n * n), "by_size",
        ("sort the numbers by absolute value (ties keep their order)",
         "order the numbers by absolute value (ties stay in order)",
         "arrange the numbers by increasing absolute value (ties keep their order)"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "rotate", INTS, INTS, "{x}[{k}:] + {x}[:{k}]",
        lambda xs, k: [*(v for i, v in enumerate(xs) if i >= k), *(v for i, v in enumerate(xs) if i < k)], "rotated",
        ("move the first {k} numbers to the end", "rotate the list so that the first {k} numbers come last",
         "shift the first {k} numbers to the end of the list"),
        (), out=ORDERED, slots=(SIZE,), topic="order",
    ),
    compute(
        "running_totals", INTS, INTS, "[sum({x}[:i + 1]) for i in range(len({x}))]",
        lambda xs: [sum(xs[: i + 1]) for i in range(len(xs))], "running_totals",
        ("compute the running totals", "replace each number with the sum of the numbers up to it",
         "build the list of running sums"),
        ("the running totals of {x}",), out=SERIES, topic="running",
        loop="""
        {out} = []
        running = 0
        for number in {x}:
            running += number
            {out}.append(running)
        """,
    ),
    compute(
        "running_maxima", INTS, INTS, "[max({x}[:i + 1]) for i in range(len({x}))]",
        lambda xs: [sorted(xs[: i + 1])[-1] for i in range(len(xs))], "running_maxima",
        ("compute the running maximum", "replace each number with the largest number up to it",
         "build the list of running maxima"),
        ("the running maxima of {x}",), out=SERIES, topic="running",
        loop="""
        {out} = []
        for number in {x}:
            if {out} and {out}[-1] > number:
                number = {out}[-1]
            {out}.append(number)
        """,
    ),
    compute(
        "differences", INTS, INTS, "[b - a for a, b in zip({x}, {x}[1:])]",
        lambda xs: [xs[i] - xs[i - 1] for i in range(1, len(xs))], "differences",
        ("take the differences of neighbors (each number minus the one before it)",
         "subtract from each number but the first the one before it",
         "compute each number but the first minus the previous one"),
        ("the differences between neighbors in {x}",), out=SERIES, topic="neighbors",
    ),
    compute(
        "neighbor_sums", INTS, INTS, "[a + b for a, b in zip({x}, {x}[1:])]",
        lambda xs: [xs[i] + xs[i - 1] for i in range(1, len(xs))], "neighbor_sums",
        ("add each two neighboring numbers", "sum every pair of adjacent numbers",
         "compute the sums of adjacent numbers"),
        ("the sums of adjacent numbers in {x}",), out=SERIES, topic="neighbors",
    ),
    compute(
        "window_sums", INTS, INTS, "[sum({x}[i:i + {k}]) for i in range(len({x}) - {k} + 1)]",
        lambda xs, k: [sum(xs[i : i + k]) for i in range(len(xs)) if i + k <= len(xs)], "window_sums",
        ("sum every window of {k} consecutive numbers", "add up each run of {k} consecutive numbers",
         "compute the sum of each {k} numbers in a row"),
        ("the sums of each {k} consecutive numbers in {x}",), out=SERIES, slots=(SIZE,), topic="window",
    ),
    compute(
        "window_maxima", INTS, INTS, "[max({x}[i:i + {k}]) for i in range(len({x}) - {k} + 1)]",
        lambda xs, k: [sorted(xs[i : i + k])[-1] for i in range(len(xs)) if i + k <= len(xs)], "window_maxima",
        ("take the largest of every window of {k} consecutive numbers",
         "find the maximum of each {k} numbers in a row", "compute the maximum of each run of {k} consecutive numbers"),
        ("the maxima of each {k} consecutive numbers in {x}",), out=SERIES, slots=(SIZE,), topic="window",
    ),
    compute(
        "weigh_by_index", INTS, INTS, "[index * number for index, number in enumerate({x})]",
        lambda xs: [xs[i] * i for i in range(len(xs))], "weighted",
        ("multiply each number by its index (counted from 0)", "scale every number by its index (counted from 0)",
         "replace each number with itself times its index (counted from 0)"),
        (), out=SERIES,
    ),
    compute(
        "append", INTS, INTS, "{x} + [{k}]", lambda xs, k: [*xs, k], "extended",
        ("append {k} at the end", "add the number {k} to the end of the list", "put {k} after the last number"),
        (), out=COMBINED, slots=(AMOUNT,),
    ),
    compute(
        "peaks", INTS, INTS, "[b for a, b, c in zip({x}, {x}[1:], {x}[2:]) if a < b > c]",
        lambda xs: [xs[i] for i in range(1, len(xs) - 1) if xs[i] > xs[i - 1] and xs[i] > xs[i + 1]], "peaks",
        ("keep the numbers greater than both neighbors", "select the numbers larger than both numbers beside them",
         "keep the inner numbers that exceed both neighbors"),
        ("the numbers greater than both neighbors in {x}",), out=SERIES, topic="neighbors",
    ),
    compute(
        "rises", INTS, INTS, "[b for a, b in zip({x}, {x}[1:]) if b > a]",
        lambda xs: [xs[i] for i in range(1, len(xs)) if xs[i] > xs[i - 1]], "rises",
        ("keep the numbers greater than the one before", "select each number that exceeds the previous one",
         "keep every number larger than its predecessor"),
        ("the numbers greater than the one before in {x}",), out=SERIES, topic="neighbors",
    ),
    compute(
        "take_while_below", INTS, INTS, "",
        lambda xs, k: xs[: next((i for i, n in enumerate(xs) if n >= k), len(xs))], "leading",
        ("take numbers from the start until one is at least {k}",
         "keep the numbers before the first that is at least {k}",
         "stop before the first number that is at least {k}"),
        ("the numbers before the first that is at least {k} in {x}",), out=SERIES,
        slots=(AMOUNT,), topic="slice",
        loop="""
        {out} = []
        for number in {x}:
            if number >= {k}:
                break
            {out}.append(number)
        """,
    ),
    compute(
        "add_others", INTS, INTS, "[a + b for a, b in zip({x}, {b})]",
        lambda xs, b: [xs[i] + b[i] for i in range(min(len(xs), len(b)))], "added",
        ("add the numbers of {b} position by position (up to the shorter list)",
         "add to each number the one of {b} at the same index (up to the shorter list)",
         "sum with {b} element by element (up to the shorter list)"),
        (), out=COMBINED, slots=(OTHERS,),
    ),
    compute(
        "multiply_others", INTS, INTS, "[a * b for a, b in zip({x}, {b})]",
        lambda xs, b: [xs[i] * b[i] for i in range(min(len(xs), len(b)))], "multiplied",
        ("multiply by the numbers of {b} position by position (up to the shorter list)",
         "multiply each number by the one of {b} at the same index (up to the shorter list)",
         "multiply with {b} element by element (up to the shorter list)"),
        (), out=COMBINED, slots=(OTHERS,),
    ),
    compute(
        "concatenate", INTS, INTS, "{x} + {b}", lambda xs, b: [*xs, *b], "with_others",
        ("append the numbers of {b}", "add the numbers of {b} at the end", "extend the list with {b}"),
        (), out=COMBINED, slots=(OTHERS,),
    ),
    compute(
        "interleave", INTS, INTS, "[number for pair in zip({x}, {b}) for number in pair]",
        lambda xs, b: [(b if i % 2 else xs)[i // 2] for i in range(2 * min(len(xs), len(b)))], "interleaved",
        ("interleave the numbers with those of {b} (up to the shorter list)",
         "alternate with the numbers of {b} (up to the shorter list)",
         "take turns with the numbers of {b} (up to the shorter list)"),
        (), out=COMBINED, slots=(OTHERS,),
    ),
    compute(
        "merge_sorted", INTS, INTS, "sorted({x} + {b})", lambda xs, b: sorted([*b, *xs]), "merged",
        ("merge with {b} into one ascending list", "combine with {b} into one list in ascending order",
         "join with {b} into one list sorted from smallest to largest"),
        (), out=COMBINED, slots=(OTHERS,), topic="order",
    ),
    compute(
        "to_set", INTS, SET, "set({x})", lambda xs: {*xs}, "set",
        ("collect the numbers into a set", "build the set of the numbers", "turn the list into a set"),
        ("the set of {x}",), out=UNIQUE, topic="distinct",
    ),
    compute(
        "chunk", INTS, GRID, "[{x}[i:i + {k}] for i in range(0, len({x}), {k})]",
        lambda xs, k: [xs[i : i + k] for i in range(len(xs)) if i % k == 0], "chunks",
        ("split the numbers into rows of {k}", "cut the list into chunks of {k}",
         "group the numbers into lists of {k}"),
        (), out=ROWS, slots=(SIZE,),
    ),
    compute(
        "pair_neighbors", INTS, PAIRS, "list(zip({x}, {x}[1:]))",
        lambda xs: [(xs[i - 1], xs[i]) for i in range(1, len(xs))], "neighbors",
        ("pair each number with the next one", "build the pairs of adjacent numbers",
         "list every number together with its successor as a pair"),
        ("the pairs of adjacent numbers in {x}",), out=COUPLES, topic="neighbors",
    ),
    compute(
        "pair_others", INTS, PAIRS, "list(zip({x}, {b}))",
        lambda xs, b: [(xs[i], b[i]) for i in range(min(len(xs), len(b)))], "paired",
        ("pair each number with the one of {b} at the same index (up to the shorter list)",
         "zip the numbers with {b} into pairs", "build the pairs with the numbers of {b} (up to the shorter list)"),
        (), out=COUPLES, slots=(OTHERS,),
    ),
    compute(
        "concatenate_words", WORDS, WORDS, "{x} + {b}", lambda xs, b: [*xs, *b], "with_extra",
        ("append the words of {b}", "add the words of {b} at the end", "extend the list with {b}"),
        (), out=COMBINED, slots=(EXTRA,),
    ),
)  # fmt: skip
