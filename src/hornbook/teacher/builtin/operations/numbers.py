"""Operations over one integer: digits, simple recursion, simulations."""

import math

from hornbook.teacher.builtin.operation import (
    AMOUNT,
    ANSWER,
    COUNT,
    FACTOR,
    LIMIT,
    SERIES,
    STRING,
    TOTAL,
    Operation,
    compute,
)  # fmt: skip
from hornbook.teacher.builtin.ports import BOOL, INT, INTS, TEXT

_VALUE = ("result", "outcome")


def _collatz(n: int) -> int:
    return 0 if n < 2 else 1 + _collatz(n * 3 + 1 if n & 1 else n >> 1)


OPERATIONS: tuple[Operation, ...] = (
    compute(
        "digit_sum", INT, INT, "sum(int(digit) for digit in str(abs({x})))",
        lambda n: sum(abs(n) // 10**i % 10 for i in range(30)), "digit_sum",
        ("add up the digits of the number (ignoring its sign)", "sum the digits (ignoring the sign)",
         "compute the digit sum (ignoring the sign)"),
        ("the sum of the digits of {x} (ignoring the sign)",), out=TOTAL, topic="digits",
        loop="""
        def add_digits(number):
            if number < 10:
                return number
            return number % 10 + add_digits(number // 10)

        {out} = add_digits(abs({x}))
        """,
    ),
    compute(
        "digit_count", INT, INT, "len(str(abs({x})))",
        lambda n: next(i for i in range(1, 60) if abs(n) < 10**i), "digit_count",
        ("count the digits of the number", "count how many digits the number has", "find the number of digits"),
        ("the number of digits of {x}",), out=COUNT, topic="digits",
    ),
    compute(
        "reverse_digits", INT, INT, "int(str(abs({x}))[::-1])",
        lambda n: sum(int(d) * 10**i for i, d in enumerate(str(abs(n)))), "reversed_digits",
        ("reverse the digits (dropping the sign)", "read the digits backwards as a number (dropping the sign)",
         "write the digits in reverse order as a number (dropping the sign)"),
        (), out=_VALUE, topic="digits",
    ),
    compute(
        "add_to", INT, INT, "{x} + {k}", lambda n, k: n - -k, "plus",
        ("add {k} to the number", "increase the number by {k}", "raise the number by {k}"),
        ("{k} plus {x}",), out=_VALUE, slots=(AMOUNT,),
    ),
    compute(
        "times", INT, INT, "{x} * {k}", lambda n, k: sum([n] * k), "times",
        ("multiply the number by {k}", "scale the number by {k}", "take {k} times the number"),
        ("{k} times {x}",), out=_VALUE, slots=(FACTOR,),
    ),
    compute(
        "modulo", INT, INT, "{x} % {k}", lambda n, k: n - n // k * k, "modulo",
        ("take the number modulo {k}", "compute the remainder modulo {k}", "reduce the number modulo {k}"),
        ("the remainder modulo {k} of {x}",), out=_VALUE, slots=(FACTOR,), topic="modulo",
    ),
    compute(
        "at_most", INT, INT, "min({x}, {k})", lambda n, k: k if n > k else n, "limited",
        ("cap the number at {k}", "limit the number to at most {k}", "take the smaller of the number and {k}"),
        ("the smaller of {k} and {x}",), out=_VALUE, slots=(LIMIT,),
    ),
    compute(
        "gcd", INT, INT, "", lambda n, k: math.gcd(n, k), "gcd",
        ("find the greatest common divisor of the number and {k}", "compute the greatest common divisor with {k}",
         "take the largest divisor shared with {k}"),
        ("the greatest common divisor of {k} and {x}",), out=_VALUE, slots=(FACTOR,), topic="modulo",
        loop="""
        def divisor(a, b):
            if b == 0:
                return a
            return divisor(b, a % b)

        {out} = divisor(abs({x}), {k})
        """,
    ),
    compute(
        "collatz_steps", INT, INT, "", _collatz, "collatz_steps",
        ("count the steps of halving when even or tripling plus one when odd until the number is at most 1",
         "count the Collatz steps until the number is at most 1", "find how many Collatz steps lead to at most 1"),
        ("the number of Collatz steps until at most 1 from {x}",), out=COUNT,
        loop="""
        {out} = 0
        number = {x}
        while number > 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            {out} += 1
        """,
    ),
    compute(
        "halvings", INT, INT, "", lambda n: max(n, 1).bit_length() - 1, "halvings",
        ("count how often to halve the number rounded down until it is at most 1",
         "count the halvings rounded down until the number is at most 1",
         "find how many halvings rounded down make the number at most 1"),
        (), out=COUNT,
        loop="""
        {out} = 0
        number = {x}
        while number > 1:
            number //= 2
            {out} += 1
        """,
    ),
    compute(
        "digits", INT, INTS, "[int(digit) for digit in str(abs({x}))]",
        lambda n: [abs(n) // 10**i % 10 for i in reversed(range(len(str(abs(n)))))], "digits",
        ("list the digits of the number in order (ignoring its sign)",
         "split the number into its digits (ignoring the sign)",
         "collect the digits from left to right (ignoring the sign)"),
        ("the digits of {x} (ignoring the sign)",), out=SERIES, topic="digits",
        loop="{out} = []\nfor digit in str(abs({x})):\n    {out}.append(int(digit))",
    ),
    compute(
        "count_up", INT, INTS, "list(range(1, min({x}, 20) + 1))",
        lambda n: [i for i in range(1, 21) if i <= n], "count_up",
        ("list the integers from 1 to the number (at most to 20)", "count up from 1 to the number (at most to 20)",
         "build the list from 1 to the number (at most to 20)"),
        (), out=SERIES,
    ),
    compute(
        "countdown", INT, INTS, "", lambda n: list(range(1, max(0, min(n, 20)) + 1))[::-1], "countdown",
        ("count down from the smaller of the number and 20 to 1",
         "list the numbers from the smaller of the number and 20 down to 1",
         "build the countdown from the smaller of the number and 20 to 1"),
        (), out=SERIES,
        loop="""
        {out} = []
        number = min({x}, 20)
        while number > 0:
            {out}.append(number)
            number -= 1
        """,
    ),
    compute(
        "small_divisors", INT, INTS, "[i for i in range(1, 21) if {x} % i == 0]",
        lambda n: [i for i in range(1, 21) if math.gcd(i, n) == i], "divisors",
        ("list the divisors from 1 to 20", "collect the numbers from 1 to 20 that divide the number",
         "find all numbers from 1 to 20 that divide the number"),
        ("the divisors from 1 to 20 of {x}",), out=SERIES,
        loop="{out} = []\nfor i in range(1, 21):\n    if {x} % i == 0:\n        {out}.append(i)",
    ),
    compute(
        "is_even", INT, BOOL, "{x} % 2 == 0", lambda n: not n & 1, "is_even",
        ("check whether the number is even", "test if the number is even",
         "decide whether the number is divisible by 2"),
        (), out=ANSWER, topic="modulo",
    ),
    compute(
        "exceeds", INT, BOOL, "{x} > {k}", lambda n, k: n - k > 0, "exceeds",
        ("check whether the number is greater than {k}", "test if the number is above {k}",
         "decide whether the number exceeds {k}"),
        (), out=ANSWER, slots=(LIMIT,),
    ),
    compute(
        "binary", INT, TEXT, "bin(abs({x}))[2:]", lambda n: f"{abs(n):b}", "binary",
        ("write the number in binary (without its sign)", "convert the number to binary digits (without the sign)",
         "turn the number into a binary string (without the sign)"),
        ("the binary digits of {x} (without the sign)",), out=STRING,
    ),
    compute(
        "parity_name", INT, TEXT, '"even" if {x} % 2 == 0 else "odd"', lambda n: ("even", "odd")[n & 1], "parity",
        ("name the parity as 'even' or 'odd'", "write 'even' if the number is even and 'odd' if not",
         "describe the number as 'even' or 'odd'"),
        (), out=STRING, topic="modulo",
    ),
)  # fmt: skip
