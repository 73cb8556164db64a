"""Operations over a set of integers, a pair and a list of pairs."""

import math

from hornbook.teacher.builtin.operation import (
    COUNT,
    FOUND,
    LIMIT,
    ORDERED,
    OTHERS,
    TOTAL,
    UNIQUE,
    Operation,
    change,
    compute,
    keep,
)  # fmt: skip
from hornbook.teacher.builtin.ports import INT, INTS, PAIR, PAIRS, SET

_SWAPPED = ("swapped", "flipped")

OPERATIONS: tuple[Operation, ...] = (
    compute(
        "sort_set", SET, INTS, "sorted({x})", lambda s: sorted(n for n in s), "sorted",
        ("sort the set into an ascending list", "list the members in ascending order",
         "arrange the members in a list from smallest to largest"),
        ("the sorted list of {x}",), out=ORDERED, topic="order",
    ),
    compute(
        "set_size", SET, INT, "len({x})", lambda s: sum(1 for _ in s), "size",
        ("count the members of the set", "count how many members there are", "take the size of the set"),
        ("the size of {x}",), out=COUNT,
    ),
    compute(
        "unite", SET, SET, "{x} | set({b})", lambda s, b: {*s, *b}, "united",
        ("add the numbers of {b} to the set", "form the union with {b}", "unite the set with {b}"),
        ("the union with {b} of {x}",), out=UNIQUE, slots=(OTHERS,),
    ),
    compute(
        "intersect", SET, SET, "{x} & set({b})", lambda s, b: {n for n in b if n in s}, "common",
        ("keep the members that are also in {b}", "form the intersection with {b}", "intersect the set with {b}"),
        ("the intersection with {b} of {x}",), out=UNIQUE, slots=(OTHERS,),
    ),
    compute(
        "exclude", SET, SET, "{x} - set({b})", lambda s, b: {n for n in s if n not in b}, "excluded",
        ("remove the numbers of {b} from the set", "drop the members that are in {b}",
         "keep the members that are not in {b}"),
        ("the members that are not in {b} of {x}",), out=UNIQUE, slots=(OTHERS,),
    ),
    compute(
        "keep_members", SET, SET, "{number for number in {x} if number > {k}}",
        lambda s, k: set(filter(lambda n: n - k > 0, s)), "large_members",
        ("keep the members greater than {k}", "drop the members that are at most {k}", "select the members above {k}"),
        ("the members greater than {k} of {x}",), out=UNIQUE, slots=(LIMIT,),
        loop="{out} = set()\nfor number in {x}:\n    if number > {k}:\n        {out}.add(number)",
    ),
    compute(
        "sum_members", SET, INT, "sum({x})", lambda s: sum(sorted(s)), "member_sum",
        ("add up the members of the set", "sum the members", "compute the sum of the members"),
        ("the sum of the members of {x}",), out=TOTAL,
        loop="{out} = 0\nfor number in {x}:\n    {out} += number",
    ),
    compute(
        "pair_sum", PAIR, INT, "{x}[0] + {x}[1]", lambda p: sum(p), "pair_sum",
        ("add the two numbers of the pair", "sum the pair", "compute the sum of the pair"),
        ("the sum of the two numbers of {x}",), out=TOTAL,
    ),
    compute(
        "pair_gap", PAIR, INT, "abs({x}[0] - {x}[1])", lambda p: max(p) - min(p), "gap",
        ("take the absolute difference of the pair", "compute the distance between the two numbers of the pair",
         "measure how far apart the two numbers of the pair are"),
        ("the absolute difference of the two numbers of {x}",), out=FOUND,
    ),
    compute(
        "pair_product", PAIR, INT, "{x}[0] * {x}[1]", lambda p: math.prod(p), "pair_product",
        ("multiply the two numbers of the pair", "take the product of the pair", "compute the product of the pair"),
        ("the product of the two numbers of {x}",), out=TOTAL,
    ),
    compute(
        "swap_pair", PAIR, PAIR, "({x}[1], {x}[0])", lambda p: tuple(reversed(p)), "swapped",
        ("swap the two numbers of the pair", "exchange the two numbers of the pair", "put the pair in reverse order"),
        ("the swapped pair of {x}",), out=_SWAPPED, topic="order",
    ),
    change(
        "pair_sums", PAIRS, INTS, "pair[0] + pair[1]", lambda p: sum(p), "pair_sums",
        ("add the two numbers of each pair", "replace each pair with its sum", "sum every pair"),
        ("the sums of each pair in {x}",),
    ),
    change(
        "pair_products", PAIRS, INTS, "pair[0] * pair[1]", lambda p: p[1] * p[0], "pair_products",
        ("multiply the two numbers of each pair", "replace each pair with its product",
         "take the product of every pair"),
        ("the products of each pair in {x}",),
    ),
    change(
        "pair_maxima", PAIRS, INTS, "max(pair)", lambda p: p[0] if p[0] > p[1] else p[1], "pair_maxima",
        ("take the larger number of each pair", "replace each pair with its larger number",
         "keep the larger number of every pair"),
        ("the larger numbers of each pair in {x}",),
    ),
    change(
        "second_items", PAIRS, INTS, "pair[1]", lambda p: p[-1], "seconds",
        ("take the second number of each pair", "replace each pair with its second number",
         "keep the second number of every pair"),
        ("the second numbers of each pair in {x}",),
    ),
    change(
        "swap_each", PAIRS, PAIRS, "(pair[1], pair[0])", lambda p: p[::-1], "swapped",
        ("swap the two numbers of each pair", "reverse every pair", "exchange the two numbers of each pair"),
        (), topic="order",
    ),
    keep(
        "keep_rising_pairs", PAIRS, "pair[0] < pair[1]", lambda p: p[1] - p[0] > 0, "rising",
        ("keep the pairs whose first number is less than the second",
         "drop the pairs whose first number is at least the second",
         "select the pairs with the first number below the second"),
        ("the pairs with the first number below the second in {x}",),
    ),
    compute(
        "sort_by_second", PAIRS, PAIRS, "sorted({x}, key=lambda pair: pair[1])",
        lambda ps: [p for n in sorted({p[1] for p in ps}) for p in ps if p[1] == n], "by_second",
        ("sort the pairs by their second number (ties keep their order)",
         "order the pairs by increasing second number (ties stay in order)",
         "arrange the pairs by their second number (ties keep their order)"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "count_pairs", PAIRS, INT, "len({x})", lambda ps: sum(1 for _ in ps), "pair_count",
        ("count the pairs", "count how many pairs there are", "take the number of pairs"),
        (), out=COUNT,
    ),
)  # fmt: skip
