"""For the compiled loops here: which of many bytes are of a class, as the bits of one integer.

Vector instructions compare 16 or 64 bytes at once, and the bits then say how many there are and where the next one is,
without a look at each byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, unused-ignore]
from numba.core import cgutils, types
from numba.extending import intrinsic

PADDING = 128
"""Bytes behind a text, so that bits may be asked for at its last byte and a little later."""

_struct_of: Any = cgutils.create_struct_proxy
_WORD = ir.IntType(64)


def padded(data: bytes) -> np.ndarray:
    """A text in UTF-8 as the loops take it: uint8, [num_bytes + PADDING], with 0 behind the text."""
    return np.frombuffer(data + bytes(PADDING), dtype=np.uint8)


def bits_of(width: int, chars: bytes = b"", *ranges: tuple[int, int]) -> Any:
    """A function (data, index) -> uint64: bit n is set where data[index + n] is one of the chars or in a range.

    Ranges include both ends. width is 16, 32 or 64, the number of bytes. Nothing is checked: data (uint8) has to reach
    to index + width.
    """
    chosen = _merged([*((char, char) for char in chars), *ranges])

    def typed(context: Any, data: Any, index: Any) -> Any:
        return types.uint64(data, index), generate

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), width)
        array = _struct_of(signature.args[0])(context, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        loaded = builder.load(pointer, align=1, typ=vector)
        found = None
        for low, high in chosen:
            above = builder.sub(loaded, ir.Constant(vector, [low] * width))
            within = builder.icmp_unsigned("<=", above, ir.Constant(vector, [high - low] * width))
            found = within if found is None else builder.or_(found, within)
        bits = builder.bitcast(found, ir.IntType(width))
        return bits if width == 64 else builder.zext(bits, _WORD)

    return intrinsic(typed)


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes in as few ranges as there can be, since each costs three instructions."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    return merged


def _num_ones(context: Any, value: Any) -> Any:
    """How many bits are set."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


def _first_one(context: Any, value: Any) -> Any:
    """The place of the lowest bit that is set, or 64."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _ones_at_top(context: Any, value: Any) -> Any:
    """How many of the highest bits are set, up to the first that is not."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(builder.not_(arguments[0]), ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


num_ones: Any = intrinsic(_num_ones)
first_one: Any = intrinsic(_first_one)
ones_at_top: Any = intrinsic(_ones_at_top)
