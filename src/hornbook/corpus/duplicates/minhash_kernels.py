"""The compiled loops under `minhash`: they see bytes and integers alone and hold no GIL.

numba promotes as numpy does: `uint32 * uint32` is done in 64 bits and `uint64 + int64` in floating point. So all that
is hashed is uint64 here, constants too, and what is to have 32 bits is masked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.cleaning.byte_bits import bits_of
from hornbook.corpus.compiled import compiled, inlined, load, trailing_zeros

U64: Any = np.uint64

ONE = U64(1)
LENGTH_FACTOR = U64(0x9E3779B97F4A7C15)
CHUNK_FACTOR = U64(0xFF51AFD7ED558CCD)
SHINGLE_BASE = U64(0xD1342543DE82EF95)
MIX_FACTORS = (U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB))
"""Of splitmix64 (Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators)."""
LOW_32 = U64(0xFFFFFFFF)
EMPTY = np.uint32(0xFFFFFFFF)
"""A row of a signature that nothing has fallen into; hashes stay below it."""

_RANGES = ((ord("a"), ord("z")), (ord("A"), ord("Z")), (ord("0"), ord("9")), (0x80, 0xFF))
token_bits = bits_of(64, b"_", *_RANGES)
IS_TOKEN = np.array([byte == ord("_") or any(low <= byte <= high for low, high in _RANGES) for byte in range(256)])


@inlined
def mix(value: Any) -> Any:
    """Splitmix64's finaliser: a bijection after which each bit depends on all."""
    value = (value ^ (value >> U64(30))) * MIX_FACTORS[0]
    value = (value ^ (value >> U64(27))) * MIX_FACTORS[1]
    return value ^ (value >> U64(31))


@inlined
def _load_to(data: Any, index: Any, stop: Any) -> Any:
    """The bytes data[index:stop] as one integer, at most eight of them; 0 for those from `stop` on."""
    length = stop - index
    if index + 8 <= data.size:
        word = load(data, index)
        return word if length >= 8 else word & ((ONE << U64(8 * length)) - ONE)
    word = U64(0)
    for k in range(min(length, 8)):
        word |= U64(data[index + k]) << U64(8 * k)
    return word


@inlined
def _block_tokens(data: Any, start: Any, stop: Any) -> Any:
    """64 bits: which of the bytes data[start:start + 64] before `stop` belong to tokens."""
    if start + 64 <= data.size:
        bits = token_bits(data, start)
        return bits if start + 64 <= stop else bits & ((ONE << U64(stop - start)) - ONE)
    bits = U64(0)
    for k in range(stop - start):
        bits |= U64(IS_TOKEN[data[start + k]]) << U64(k)
    return bits


@inlined
def _token_hash(data: Any, start: Any, stop: Any) -> Any:
    """64 bits of data[start:stop]."""
    value = U64(stop - start) * LENGTH_FACTOR
    while stop - start > 8:
        value = (value ^ load(data, start)) * CHUNK_FACTOR
        value ^= value >> U64(29)
        start += 8
    value = (value ^ _load_to(data, start, stop)) * CHUNK_FACTOR
    return value ^ (value >> U64(29))


@compiled
def _tokenise(data: Any, start: Any, stop: Any, hashes: Any) -> Any:
    """Writes the hashes of the tokens of data[start:stop] and returns how many there are."""
    count, begin, inside, before, base = 0, start, False, U64(0), start
    while base < stop:
        block = _block_tokens(data, base, stop)
        edges = block ^ ((block << ONE) | before)
        before = block >> U64(63)
        while edges != U64(0):
            position = base + np.int64(trailing_zeros(edges))
            edges &= edges - ONE
            if inside:
                hashes[count] = _token_hash(data, begin, position)
                count += 1
            else:
                begin = position
            inside = not inside
        base += 64
    if inside:
        hashes[count] = _token_hash(data, begin, stop)
        count += 1
    return count


@compiled
def shingle(data: Any, start: Any, stop: Any, width: Any, hashes: Any) -> Any:
    """Writes the hashes of the shingles of data[start:stop], with repetition, and returns how many there are.

    `hashes` has room for one token in two bytes. A shingle's hash is a polynomial in its tokens' hashes, mixed.
    """
    count = _tokenise(data, start, stop, hashes)
    if count == 0:
        return 0
    width = min(width, count)
    oldest = U64(1)
    for _ in range(width):
        oldest *= SHINGLE_BASE
    rolled = U64(0)
    for i in range(width):
        rolled = rolled * SHINGLE_BASE + hashes[i]
    leaving = hashes[0]
    hashes[0] = mix(rolled)
    for i in range(width, count):
        rolled = rolled * SHINGLE_BASE + hashes[i] - leaving * oldest
        # Its place is taken by a shingle only now that it has left.
        leaving = hashes[i - width + 1]
        hashes[i - width + 1] = mix(rolled)
    return count - width + 1


@compiled
def _sign(shingles: Any, count: Any, signature: Any) -> None:
    """Fills a signature with the sketch of a set by fast similarity sketching (see `minhash.signatures`)."""
    size = signature.size
    rows = U64(size)
    signature[:] = EMPTY
    filled: Any = 0
    for i in range(count):
        row = np.int64(((shingles[i] >> U64(32)) * rows) >> U64(32))
        value = np.uint32(min(shingles[i] & LOW_32, LOW_32 - ONE))
        if value < signature[row]:
            filled += np.int64(signature[row] == EMPTY)
            signature[row] = value
    attempt = 1
    while filled < size:
        filled += _sign_again(shingles, count, signature, attempt)
        attempt += 1


@compiled
def _sign_again(shingles: Any, count: Any, signature: Any, attempt: Any) -> Any:
    """One more attempt at the rows that are still empty; returns how many it filled."""
    size = signature.size
    rows = U64(size)
    filled: Any = 0
    fresh = np.empty(size, np.bool_)
    for k in range(size):
        fresh[k] = signature[k] == EMPTY
    salt = U64(attempt) * LENGTH_FACTOR
    for i in range(count):
        value = mix(shingles[i] + salt)
        # Where chance has left a row empty for as many attempts as there are rows, each gets a turn of its own.
        row: Any = attempt - size if attempt >= size else np.int64(((value >> U64(32)) * rows) >> U64(32))
        if fresh[row]:
            least = np.uint32(min(value & LOW_32, LOW_32 - ONE))
            filled += np.int64(signature[row] == EMPTY)
            signature[row] = min(signature[row], least)
    return filled


@compiled
def shingle_all(data: Any, offsets: Any, width: Any, hashes: Any, starts: Any) -> None:
    """Shingles of N texts, with repetition; those of text n are hashes[starts[n]:starts[n + 1]]."""
    starts[0] = 0
    for n in range(offsets.size - 1):
        room = hashes[starts[n] :]
        starts[n + 1] = starts[n] + shingle(data, offsets[n], offsets[n + 1], width, room)


@compiled
def sign_all(data: Any, offsets: Any, width: Any, scratch: Any, signatures: Any) -> None:
    """Signatures (N, rows) of N texts; a text without tokens keeps EMPTY in all rows."""
    for n in range(offsets.size - 1):
        count = shingle(data, offsets[n], offsets[n + 1], width, scratch)
        if count:
            _sign(scratch, count, signatures[n])
        else:
            signatures[n, :] = EMPTY


@compiled
def fold_bands(signatures: Any, rows: Any, keys: Any) -> None:
    """Keys (N, bands) of signatures; 0 for a text without tokens, and for no other."""
    for n in range(keys.shape[0]):
        empty = signatures[n, 0] == EMPTY
        for band in range(keys.shape[1]):
            value = U64(band + 1) * LENGTH_FACTOR
            for row in range(band * rows, (band + 1) * rows):
                value = mix(value ^ U64(signatures[n, row]))
            keys[n, band] = U64(0) if empty else max(value, ONE)
