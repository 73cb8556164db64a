"""The grammar's operations, one module per kind of value."""

from hornbook.teacher.builtin.operation import Operation
from hornbook.teacher.builtin.operations import (
    dicts,
    grids,
    lists,
    numbers,
    records,
    reductions,
    sequences,
    texts,
    tuples,
    words,
)

OPERATIONS: tuple[Operation, ...] = (
    *lists.OPERATIONS,
    *sequences.OPERATIONS,
    *reductions.OPERATIONS,
    *words.OPERATIONS,
    *texts.OPERATIONS,
    *numbers.OPERATIONS,
    *dicts.OPERATIONS,
    *tuples.OPERATIONS,
    *grids.OPERATIONS,
    *records.OPERATIONS,
)
BY_NAME: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS}
