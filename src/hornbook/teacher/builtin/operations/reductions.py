"""Operations that reduce a list of integers to one value."""

import math

from hornbook.teacher.builtin.operation import (
    AMOUNT,
    ANSWER,
    COUNT,
    FOUND,
    LIMIT,
    MARK,
    OTHERS,
    STRING,
    TOTAL,
    Operation,
    compute,
)  # fmt: skip
from hornbook.teacher.builtin.ports import BOOL, INT, INTS, PAIR, TEXT

OPERATIONS: tuple[Operation, ...] = (
    compute(
        "sum", INTS, INT, "sum({x})", lambda xs: xs[0] + sum(xs[1:]) if xs else 0, "sum",
        ("add up the numbers", "sum the numbers", "compute the sum of the numbers"),
        ("the sum of {x}", "the total of {x}"), out=TOTAL,
        loop="""
        {out} = 0
        for number in {x}:
            {out} += number
        """,
    ),
    compute(
        "product", INTS, INT, "", lambda xs: math.prod(xs) % 1000, "product",
        ("multiply the numbers modulo 1000", "compute the product of the numbers modulo 1000",
         "take the product of the numbers modulo 1000"),
        ("the product modulo 1000 of {x}",), out=TOTAL,
        loop="""
        {out} = 1
        for number in {x}:
            {out} = {out} * number % 1000
        """,
    ),
    compute(
        "largest", INTS, INT, "max({x}, default=0)", lambda xs: sorted(xs)[-1] if xs else 0, "largest",
        ("find the largest number (0 if there are none)", "take the maximum (0 if the list is empty)",
         "pick the greatest number (0 if there are none)"),
        ("the largest number in {x} (0 if there are none)", "the maximum of {x} (0 if it is empty)"), out=FOUND,
    ),
    compute(
        "smallest", INTS, INT, "min({x}, default=0)", lambda xs: sorted(xs)[0] if xs else 0, "smallest",
        ("find the smallest number (0 if there are none)", "take the minimum (0 if the list is empty)",
         "pick the least number (0 if there are none)"),
        ("the smallest number in {x} (0 if there are none)", "the minimum of {x} (0 if it is empty)"), out=FOUND,
    ),
    compute(
        "spread", INTS, INT, "max({x}) - min({x}) if {x} else 0",
        lambda xs: max((a - b for a in xs for b in xs), default=0), "spread",
        ("subtract the smallest number from the largest (0 if there are none)",
         "compute the largest number minus the smallest (0 if there are none)",
         "find the gap between the largest and the smallest number (0 if there are none)"),
        ("the largest minus the smallest number in {x} (0 if there are none)",), out=FOUND,
    ),
    compute(
        "length", INTS, INT, "len({x})", lambda xs: sum(1 for _ in xs), "count",
        ("count the numbers", "count how many numbers there are", "take the length of the list"),
        ("the count of {x}", "the length of {x}"), out=COUNT,
        loop="""
        {out} = 0
        for number in {x}:
            {out} += 1
        """,
    ),
    compute(
        "count_above", INTS, INT, "sum(1 for number in {x} if number > {k})",
        lambda xs, k: len([n for n in xs if not n <= k]), "count_large",
        ("count the numbers greater than {k}", "count how many numbers are above {k}",
         "find how many numbers exceed {k}"),
        ("the count of numbers greater than {k} in {x}",), out=COUNT, slots=(LIMIT,),
        loop="""
        {out} = 0
        for number in {x}:
            if number > {k}:
                {out} += 1
        """,
    ),
    compute(
        "count_equal", INTS, INT, "{x}.count({k})", lambda xs, k: len([n for n in xs if n == k]), "occurrences",
        ("count the occurrences of {k}", "count how many numbers equal {k}", "find how often {k} appears"),
        ("the number of times {k} appears in {x}",), out=COUNT, slots=(AMOUNT,),
        loop="""
        {out} = 0
        for number in {x}:
            if number == {k}:
                {out} += 1
        """,
    ),
    compute(
        "count_even", INTS, INT, "sum(1 for number in {x} if number % 2 == 0)",
        lambda xs: len([n for n in xs if not n & 1]), "count_even",
        ("count the even numbers", "count how many numbers are even", "find how many numbers are even"),
        ("the count of even numbers in {x}",), out=COUNT, topic="parity",
        loop="""
        {out} = 0
        for number in {x}:
            if number % 2 == 0:
                {out} += 1
        """,
    ),
    compute(
        "count_distinct", INTS, INT, "len(set({x}))", lambda xs: len(dict.fromkeys(xs)), "count_distinct",
        ("count the distinct numbers", "count how many different numbers there are",
         "find how many distinct numbers there are"),
        ("the count of distinct numbers in {x}",), out=COUNT, topic="distinct",
    ),
    compute(
        "first_item", INTS, INT, "{x}[0] if {x} else 0", lambda xs: next(iter(xs), 0), "first",
        ("take the first number (0 if there are none)", "pick the first number (0 if the list is empty)",
         "select the first number (0 if there are none)"),
        ("the first number of {x} (0 if there are none)",), out=FOUND,
    ),
    compute(
        "last_item", INTS, INT, "{x}[-1] if {x} else 0", lambda xs: next(reversed(xs), 0), "last",
        ("take the last number (0 if there are none)", "pick the last number (0 if the list is empty)",
         "select the last number (0 if there are none)"),
        ("the last number of {x} (0 if there are none)",), out=FOUND,
    ),
    compute(
        "average", INTS, INT, "sum({x}) // len({x}) if {x} else 0",
        lambda xs: (sum(xs) - sum(xs) % len(xs)) // len(xs) if xs else 0, "average",
        ("compute the average rounded down (0 if there are no numbers)",
         "take the mean rounded down (0 if the list is empty)",
         "find the average rounded down (0 if there are none)"),
        ("the average rounded down of {x} (0 if there are none)",), out=TOTAL,
    ),
    compute(
        "lower_median", INTS, INT, "sorted({x})[(len({x}) - 1) // 2] if {x} else 0",
        lambda xs: sorted(xs)[: (len(xs) + 1) // 2][-1] if xs else 0, "median",
        ("find the lower median (0 if there are no numbers)", "take the lower median (0 if the list is empty)",
         "pick the lower of the middle numbers in sorted order (0 if there are none)"),
        ("the lower median of {x} (0 if there are none)",), out=FOUND,
    ),
    compute(
        "index_of_largest", INTS, INT, "{x}.index(max({x})) if {x} else -1",
        lambda xs: max(range(len(xs)), key=lambda i: (xs[i], -i), default=-1), "index_of_largest",
        ("find the index of the first largest number (-1 if there are none)",
         "take the index of the first maximum (-1 if the list is empty)",
         "compute the first index of the largest number (-1 if there are none)"),
        ("the index of the first largest number in {x} (-1 if there are none)",), out=FOUND,
    ),
    compute(
        "alternating_sum", INTS, INT, "sum({x}[::2]) - sum({x}[1::2])",
        lambda xs: sum(-n if i % 2 else n for i, n in enumerate(xs)), "alternating_sum",
        ("subtract the sum of the numbers at odd indices from the sum of those at even indices",
         "compute the alternating sum (plus first)", "take the sum with alternating signs (plus first)"),
        ("the alternating sum of {x} (plus first)",), out=TOTAL,
        loop="""
        {out} = 0
        for index, number in enumerate({x}):
            if index % 2 == 0:
                {out} += number
            else:
                {out} -= number
        """,
    ),
    compute(
        "dot_product", INTS, INT, "sum(a * b for a, b in zip({x}, {b}))",
        lambda xs, b: sum(xs[i] * b[i] for i in range(min(len(xs), len(b)))), "dot_product",
        ("compute the dot product with {b} (up to the shorter list)",
         "sum the products with the numbers of {b} at the same index (up to the shorter list)",
         "take the dot product with {b} (up to the shorter list)"),
        (), out=TOTAL, slots=(OTHERS,),
        loop="""
        {out} = 0
        for a, b in zip({x}, {b}):
            {out} += a * b
        """,
    ),
    compute(
        "longest_run", INTS, INT, "",
        lambda xs: max((j - i for i in range(len(xs)) for j in range(i + 1, len(xs) + 1) if len(set(xs[i:j])) == 1),
                       default=0), "longest_run",
        ("find the length of the longest run of equal numbers",
         "measure the length of the longest run of equal numbers",
         "count the numbers in the longest run of equal numbers"),
        ("the length of the longest run of equal numbers in {x}",), out=COUNT,
        loop="""
        {out} = 0
        streak = 0
        previous = None
        for number in {x}:
            streak = streak + 1 if number == previous else 1
            previous = number
            {out} = max({out}, streak)
        """,
    ),
    compute(
        "level", INTS, INT, "",
        lambda xs: sum(xs) - min(0, *(sum(xs[:i]) for i in range(len(xs) + 1)), 0), "level",
        ("simulate a level that starts at 0 and adds each number but never falls below 0",
         "simulate a level from 0 that adds each number and stays at 0 when it would fall below",
         "track a level from 0 that adds each number but never goes below 0"),
        (), out=TOTAL,
        loop="""
        {out} = 0
        for number in {x}:
            {out} = max({out} + number, 0)
        """,
    ),
    compute(
        "first_above", INTS, INT, "next((number for number in {x} if number > {k}), -1)",
        lambda xs, k: [*(n for n in xs if n > k), -1][0], "first_large",
        ("find the first number greater than {k} (-1 if there is none)",
         "take the first number above {k} (-1 if there is none)",
         "pick the first number that exceeds {k} (-1 if there is none)"),
        ("the first number greater than {k} in {x} (-1 if there is none)",), out=FOUND, slots=(LIMIT,),
        loop="""
        {out} = -1
        for number in {x}:
            if number > {k}:
                {out} = number
                break
        """,
    ),
    compute(
        "any_negative", INTS, BOOL, "any(number < 0 for number in {x})",
        lambda xs: min(xs, default=0) < 0, "has_negative",
        ("check whether any number is negative", "test if at least one number is below zero",
         "decide whether there is a negative number"),
        ("whether any number is negative in {x}",), out=ANSWER, topic="sign",
    ),
    compute(
        "all_positive", INTS, BOOL, "all(number > 0 for number in {x})",
        lambda xs: not [n for n in xs if n < 1], "all_positive",
        ("check whether all numbers are positive", "test if every number is above zero",
         "decide whether no number is zero or negative"),
        ("whether all numbers are positive in {x}",), out=ANSWER, topic="sign",
    ),
    compute(
        "is_ascending", INTS, BOOL, "{x} == sorted({x})",
        lambda xs: not any(xs[i - 1] > xs[i] for i in range(1, len(xs))), "is_ascending",
        ("check whether the numbers are in ascending order", "test if no number is less than the one before it",
         "decide whether the numbers never decrease"),
        ("whether there is no decrease in {x}",), out=ANSWER, topic="order",
    ),
    compute(
        "has_duplicates", INTS, BOOL, "len(set({x})) < len({x})", lambda xs: any(xs.count(n) > 1 for n in xs),
        "has_duplicates",
        ("check whether any number appears twice or more", "test if there are duplicate numbers",
         "decide whether some number occurs more than once"),
        ("whether there are duplicates in {x}",), out=ANSWER, topic="distinct",
    ),
    compute(
        "contains", INTS, BOOL, "{k} in {x}", lambda xs, k: xs.count(k) > 0, "contains",
        ("check whether {k} is among the numbers", "test if {k} appears", "decide whether some number equals {k}"),
        ("whether {k} appears in {x}",), out=ANSWER, slots=(AMOUNT,),
    ),
    compute(
        "extremes", INTS, PAIR, "(min({x}), max({x})) if {x} else (0, 0)",
        lambda xs: (sorted(xs)[0], sorted(xs)[-1]) if xs else (0, 0), "extremes",
        ("pair the smallest with the largest number ((0, 0) if there are none)",
         "take the pair of the minimum and the maximum ((0, 0) if the list is empty)",
         "build the pair (smallest, largest) ((0, 0) if there are no numbers)"),
        ("the pair of the minimum and the maximum of {x} ((0, 0) if it is empty)",), out=("ends", "borders"),
    ),
    compute(
        "join_numbers", INTS, TEXT, "{c}.join(str(number) for number in {x})",
        lambda xs, c: "".join(f"{c}{n}" for n in xs)[len(c):], "joined",
        ("join the numbers into a string with {c} between them", "write the numbers in one string separated by {c}",
         "concatenate the numbers into a string, putting {c} between them"),
        (), out=STRING, slots=(MARK,),
    ),
)  # fmt: skip
