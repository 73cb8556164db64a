"""Filters and maps over a list of integers."""

from hornbook.teacher.builtin.operation import AMOUNT, DIGIT, FACTOR, LIMIT, OTHERS, Operation, change, keep
from hornbook.teacher.builtin.ports import INTS, WORDS

OPERATIONS: tuple[Operation, ...] = (
    keep(
        "keep_even", INTS, "number % 2 == 0", lambda n: not n & 1, "evens",
        ("keep the even numbers", "drop the odd numbers", "select only the even numbers"),
        ("the even numbers in {x}",), topic="parity",
    ),
    keep(
        "keep_odd", INTS, "number % 2 == 1", lambda n: bool(n & 1), "odds",
        ("keep the odd numbers", "drop the even numbers", "select only the odd numbers"),
        ("the odd numbers in {x}",), topic="parity",
    ),
    keep(
        "keep_positive", INTS, "number > 0", lambda n: abs(n) == n and n != 0, "positives",
        ("keep the positive numbers", "keep the numbers above zero", "drop the zeros and the negative numbers"),
        ("the positive numbers in {x}",), topic="sign",
    ),
    keep(
        "keep_negative", INTS, "number < 0", lambda n: abs(n) != n, "negatives",
        ("keep the negative numbers", "keep the numbers below zero", "select only the negative numbers"),
        ("the negative numbers in {x}",), topic="sign",
    ),
    keep(
        "keep_above", INTS, "number > {k}", lambda n, k: n - k > 0, "large",
        ("keep the numbers greater than {k}", "drop the numbers less than or equal to {k}",
         "select the numbers above {k}"),
        ("the numbers greater than {k} in {x}",), slots=(LIMIT,),
    ),
    keep(
        "keep_below", INTS, "number < {k}", lambda n, k: k - n > 0, "small",
        ("keep the numbers less than {k}", "drop the numbers greater than or equal to {k}",
         "select the numbers below {k}"),
        ("the numbers less than {k} in {x}",), slots=(LIMIT,),
    ),
    keep(
        "keep_at_least", INTS, "number >= {k}", lambda n, k: not n < k, "minimum",
        ("keep the numbers that are at least {k}", "drop the numbers less than {k}",
         "select the numbers greater than or equal to {k}"),
        ("the numbers that are at least {k} in {x}",), slots=(LIMIT,),
    ),
    keep(
        "keep_multiples", INTS, "number % {k} == 0", lambda n, k: n == n // k * k, "multiples",
        ("keep the multiples of {k}", "keep the numbers divisible by {k}", "drop the numbers not divisible by {k}"),
        ("the multiples of {k} in {x}",), slots=(FACTOR,),
    ),
    keep(
        "drop_equal", INTS, "number != {k}", lambda n, k: bool(n - k), "without",
        ("drop the numbers equal to {k}", "remove every {k}", "keep the numbers different from {k}"),
        ("the numbers different from {k} in {x}",), slots=(AMOUNT,),
    ),
    keep(
        "keep_last_digit", INTS, "abs(number) % 10 == {k}", lambda n, k: str(n)[-1] == str(k), "ending",
        ("keep the numbers whose last digit is {k}", "keep the numbers ending in the digit {k}",
         "select the numbers with last digit {k}"),
        ("the numbers ending in the digit {k} in {x}",), slots=(DIGIT,),
    ),
    keep(
        "keep_shared", INTS, "number in {b}", lambda n, b: b.count(n) > 0, "shared",
        ("keep the numbers that are also in {b}", "drop the numbers that are not in {b}",
         "select the numbers that appear in {b}"),
        ("the numbers that are also in {b} from {x}",), slots=(OTHERS,),
    ),
    keep(
        "drop_shared", INTS, "number not in {b}", lambda n, b: b.count(n) == 0, "unshared",
        ("drop the numbers that are also in {b}", "keep the numbers that are not in {b}",
         "remove the numbers that appear in {b}"),
        ("the numbers that are not in {b} from {x}",), slots=(OTHERS,),
    ),
    change(
        "square", INTS, INTS, "number * number", lambda n: n**2, "squared",
        ("square each number", "multiply each number by itself", "replace each number with its square"),
        ("the squares of {x}",), topic="power",
    ),
    change(
        "cube", INTS, INTS, "number ** 3", lambda n: n * n * n, "cubed",
        ("cube each number", "raise each number to the third power", "replace each number with its cube"),
        ("the cubes of {x}",), topic="power",
    ),
    change(
        "multiply", INTS, INTS, "number * {k}", lambda n, k: sum([n] * k), "scaled",
        ("multiply each number by {k}", "scale every number by {k}", "replace each number with {k} times itself"),
        ("{k} times each number in {x}",), slots=(FACTOR,),
    ),
    change(
        "add", INTS, INTS, "number + {k}", lambda n, k: n - -k, "raised",
        ("add {k} to each number", "increase every number by {k}", "raise each number by {k}"),
        ("{k} plus each number in {x}",), slots=(AMOUNT,), topic="shift",
    ),
    change(
        "subtract", INTS, INTS, "number - {k}", lambda n, k: -(k - n), "lowered",
        ("subtract {k} from each number", "decrease every number by {k}", "lower each number by {k}"),
        (), slots=(AMOUNT,), topic="shift",
    ),
    change(
        "negate", INTS, INTS, "-number", lambda n: 0 - n, "negated",
        ("negate each number", "flip the sign of each number", "replace each number with its negative"),
        ("the negatives of {x}",), topic="negate",
    ),
    change(
        "absolute", INTS, INTS, "abs(number)", lambda n: max(n, -n), "absolute",
        ("take the absolute value of each number", "replace each number with its absolute value",
         "drop the sign of each number"),
        ("the absolute values of {x}",), topic="sign",
    ),
    change(
        "remainder", INTS, INTS, "number % {k}", lambda n, k: n - n // k * k, "remainders",
        ("take each number modulo {k}", "replace each number with its remainder modulo {k}",
         "reduce every number modulo {k}"),
        ("the remainders modulo {k} of {x}",), slots=(FACTOR,),
    ),
    change(
        "floor_divide", INTS, INTS, "number // {k}", lambda n, k: (n - n % k) // k, "divided",
        ("divide each number by {k} rounded down", "floor-divide every number by {k}",
         "replace each number with its floor division by {k}"),
        (), slots=(FACTOR,),
    ),
    change(
        "cap", INTS, INTS, "min(number, {k})", lambda n, k: k if n > k else n, "capped",
        ("cap each number at {k}", "replace the numbers greater than {k} with {k}",
         "limit every number to at most {k}"),
        (), slots=(LIMIT,),
    ),
    change(
        "distance", INTS, INTS, "abs(number - {k})", lambda n, k: max(n, k) - min(n, k), "distances",
        ("take the distance of each number to {k}", "replace each number with its distance from {k}",
         "measure how far each number is from {k}"),
        ("the distances to {k} of {x}",), slots=(AMOUNT,), topic="shift",
    ),
    change(
        "last_digit", INTS, INTS, "abs(number) % 10", lambda n: int(str(n)[-1]), "last_digits",
        ("take the last digit of each number", "replace each number with its last digit",
         "reduce every number to its last digit"),
        ("the last digits of {x}",),
    ),
    change(
        "replace_negatives", INTS, INTS, "{k} if number < 0 else number", lambda n, k: n if n >= 0 else k, "repaired",
        ("replace the negative numbers with {k}", "put {k} in place of each negative number",
         "change every negative number to {k}"),
        (), slots=(AMOUNT,), topic="sign",
    ),
    change(
        "to_string", INTS, WORDS, "str(number)", lambda n: f"{n}", "strings",
        ("convert each number to a string", "turn every number into a string", "write each number as a string"),
        ("the strings of {x}",),
    ),
)  # fmt: skip
