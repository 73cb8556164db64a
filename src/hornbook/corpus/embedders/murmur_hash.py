"""MurmurHash3 (Appleby, smhasher; 32 bits, seed 0), of which scikit-learn's `HashingVectorizer` makes features.

Parts of the loops in `tfidf_kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import inlined, load

U64: Any = np.uint64
LOW_32 = U64(0xFFFFFFFF)


@inlined
def first_of(word: Any, length: Any) -> Any:
    """The first bytes of eight, fewer than eight of them."""
    return word & ((U64(1) << U64(8 * length)) - U64(1))


@inlined
def _scrambled(block: Any) -> Any:
    """What MurmurHash3 makes of four bytes before it mixes them in; 0 of 0."""
    block = block * U64(0xCC9E2D51) & LOW_32
    return (block << U64(15) | block >> U64(17)) * U64(0x1B873593) & LOW_32


@inlined
def _mixed(hashed: Any, block: Any) -> Any:
    """MurmurHash3's state after four more bytes."""
    hashed ^= _scrambled(block)
    hashed = (hashed << U64(13) | hashed >> U64(19)) & LOW_32
    return (hashed * U64(5) + U64(0xE6546B64)) & LOW_32


@inlined
def _final(hashed: Any, tail: Any, length: Any) -> Any:
    """The hash, from its state, the bytes after it and the length of all."""
    hashed ^= _scrambled(tail)
    hashed ^= U64(length)
    hashed ^= hashed >> U64(16)
    hashed = hashed * U64(0x85EBCA6B) & LOW_32
    hashed ^= hashed >> U64(13)
    hashed = hashed * U64(0xC2B2AE35) & LOW_32
    return hashed ^ hashed >> U64(16)


@inlined
def short_hash(low: Any, high: Any, length: Any) -> Any:
    """The hash of the first bytes of sixteen, fewer than twelve, without a branch."""
    low = low if length >= 8 else first_of(low, length)
    first, second = low & LOW_32, low >> U64(32)
    one = _mixed(U64(0), first)
    state, tail = (one, second) if length >= 4 else (U64(0), first)
    if length >= 8:
        state, tail = _mixed(one, second), first_of(high, length - 8)
    return _final(state, tail, length)


@inlined
def long_hash(data: Any, start: Any, stop: Any) -> Any:
    """The hash of data[start:stop]; there are eight bytes more behind it."""
    state, at = U64(0), start
    while stop - at >= 4:
        state = _mixed(state, load(data, at) & LOW_32)
        at += 4
    return _final(state, first_of(load(data, at), stop - at), stop - start)
