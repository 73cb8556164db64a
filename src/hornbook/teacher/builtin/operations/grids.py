"""Operations over a list of rows of integers."""

from itertools import chain

from hornbook.teacher.builtin.operation import (
    COUNT,
    FACTOR,
    LIMIT,
    ROWS,
    SERIES,
    TOTAL,
    Operation,
    change,
    compute,
    keep,
)  # fmt: skip
from hornbook.teacher.builtin.ports import GRID, INT, INTS

OPERATIONS: tuple[Operation, ...] = (
    compute(
        "flatten", GRID, INTS, "[number for row in {x} for number in row]",
        lambda g: [*chain(*g)], "flattened",
        ("flatten the rows into one list", "join all rows into one list",
         "collect the numbers of all rows in one list"),
        ("the numbers of all rows of {x}",), out=SERIES,
        loop="{out} = []\nfor row in {x}:\n    for number in row:\n        {out}.append(number)",
    ),
    change(
        "row_sums", GRID, INTS, "sum(row)", lambda r: sum(r[::-1]), "row_sums",
        ("sum each row", "replace each row with its sum", "add up the numbers of every row"),
        ("the row sums of {x}",),
    ),
    change(
        "row_maxima", GRID, INTS, "max(row)", lambda r: sorted(r)[-1], "row_maxima",
        ("take the largest number of each row", "replace each row with its maximum", "find the maximum of every row"),
        ("the row maxima of {x}",),
    ),
    change(
        "row_heads", GRID, INTS, "row[0]", lambda r: next(iter(r)), "row_heads",
        ("take the first number of each row", "replace each row with its first number",
         "collect the first number of every row"),
        ("the first numbers of each row of {x}",),
    ),
    change(
        "reverse_rows", GRID, GRID, "row[::-1]", lambda r: list(reversed(r)), "mirrored",
        ("reverse each row", "put the numbers of each row in reverse order", "mirror every row from left to right"),
        (), topic="order",
    ),
    change(
        "sort_rows", GRID, GRID, "sorted(row)", lambda r: sorted(r, key=lambda n: n), "sorted_rows",
        ("sort each row in ascending order", "order the numbers of each row from smallest to largest",
         "arrange every row in increasing order"),
        (), topic="order",
    ),
    keep(
        "keep_rows", GRID, "sum(row) > {k}", lambda r, k: sum(r) - k > 0, "heavy_rows",
        ("keep the rows whose sum is greater than {k}", "drop the rows whose sum is at most {k}",
         "select the rows with a sum above {k}"),
        ("the rows whose sum is greater than {k} in {x}",), slots=(LIMIT,),
    ),
    compute(
        "scale_grid", GRID, GRID, "[[number * {k} for number in row] for row in {x}]",
        lambda g, k: [[sum([n] * k) for n in r] for r in g], "scaled",
        ("multiply every number of the grid by {k}", "scale each number in the rows by {k}",
         "replace every number of the rows with {k} times itself"),
        (), out=ROWS, slots=(FACTOR,),
    ),
    compute(
        "transpose", GRID, GRID, "[list(column) for column in zip(*{x})]",
        lambda g: [[r[i] for r in g] for i in range(min(map(len, g), default=0))], "transposed",
        ("transpose the grid (up to its shortest row)", "turn the columns into rows (up to the shortest row)",
         "swap rows and columns (up to the shortest row)"),
        (), out=ROWS,
    ),
    compute(
        "column_sums", GRID, INTS, "[sum(column) for column in zip(*{x})]",
        lambda g: [sum(r[i] for r in g) for i in range(min(map(len, g), default=0))], "column_sums",
        ("sum each column (up to the shortest row)", "add up the columns (up to the shortest row)",
         "compute the sum of every column (up to the shortest row)"),
        ("the column sums of {x} (up to the shortest row)",), out=SERIES,
        loop="{out} = []\nfor column in zip(*{x}):\n    {out}.append(sum(column))",
    ),
    compute(
        "grid_total", GRID, INT, "sum(sum(row) for row in {x})", lambda g: sum(n for r in g for n in r), "grid_total",
        ("add up all numbers of the grid", "sum the numbers of all rows", "compute the total of all rows"),
        ("the sum of all numbers of {x}",), out=TOTAL,
        loop="{out} = 0\nfor row in {x}:\n    {out} += sum(row)",
    ),
    compute(
        "count_rows", GRID, INT, "len({x})", lambda g: sum(1 for _ in g), "row_count",
        ("count the rows", "count how many rows there are", "take the number of rows"),
        ("the number of rows of {x}",), out=COUNT,
    ),
)  # fmt: skip
