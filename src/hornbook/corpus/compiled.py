"""How loops are compiled by numba, for the stages that look at every byte of the corpus.

Import a module that has such loops where they are needed, not at the top of another: numba takes a moment to load.
What a loop has of another file, a part or a constant, is kept with its machine code, and numba looks for changes in the
loop's own file alone. So a loop has nothing of other files than those in `PARTS`, whose changes are seen here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir  # type: ignore[import-untyped, unused-ignore]
from numba.core import cgutils, types
from numba.extending import intrinsic

Loop = TypeVar("Loop", bound=Callable[..., Any])

PARTS = (
    "compiled.py",
    "cleaning/byte_bits.py",
    "cleaning/grammar.py",
    "cleaning/literal_kernel.py",
    "cleaning/token_kinds.py",
    "embedders/murmur_hash.py",
)
"""The files that loops of other files have something of."""
PARTS_DIGEST = hashlib.sha256(b"".join((Path(__file__).parent / part).read_bytes() for part in PARTS)).digest()


def compiled(loop: Loop) -> Loop:
    """The loop as machine code that holds no GIL, compiled when it is first called.

    What was compiled is kept in `__pycache__` beside the loop's file or, where that cannot be written, in numba's
    folder for the user; `NUMBA_CACHE_DIR` moves it. Where no folder can be written, each process compiles for itself.
    """
    made: Any
    try:
        made = numba.njit(nogil=True, cache=True)(loop)
        kept = made._cache._cache_file
        # Numba has no public way to say that other files count as well.
        kept._source_stamp = kept._source_stamp, PARTS_DIGEST
    except RuntimeError:
        # What numba raises when it finds no folder that it may write: a read-only install and no home.
        made = numba.njit(nogil=True)(loop)
    compiled_loop: Loop = made
    return compiled_loop


def inlined(loop: Loop) -> Loop:
    """A part of loops, put into each place that calls it.

    A call would hand over every array field by field and count its holders in atomic operations, which often takes
    longer than the part. So holders are not counted in it, and it may make no array. A file with one for loops of
    another file is in `PARTS`.
    """
    # Numba's own stubs leave out `_nrt`, by which holders are counted or not.
    options: dict[str, Any] = {"nogil": True, "forceinline": True, "_nrt": False}
    inlined_loop: Loop = numba.njit(**options)(loop)
    return inlined_loop


_struct_of: Any = cgutils.create_struct_proxy


def _load_llvm(context: Any, data: Any, index: Any) -> Any:
    """Eight bytes from data[index] on as one integer, the first lowest; unaligned and unchecked."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array = _struct_of(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        word = ir.IntType(64)
        return builder.load(builder.bitcast(pointer, word.as_pointer()), align=1, typ=word)

    return types.uint64(data, index), generate


def _store_llvm(context: Any, data: Any, index: Any, value: Any) -> Any:
    """Writes the eight bytes of an integer, the lowest first, to data[index] and on; unaligned and unchecked."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array = _struct_of(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(data, index, types.uint64), generate


def _trailing_zeros_llvm(context: Any, value: Any) -> Any:
    """How many of the lowest bits of an integer other than 0 are 0."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


load: Any = intrinsic(_load_llvm)
store: Any = intrinsic(_store_llvm)
trailing_zeros: Any = intrinsic(_trailing_zeros_llvm)
