"""The compiled loops over sets of shingles and over the fingerprints of candidates (see `minhash_kernels`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.corpus.compiled import compiled

U64: Any = np.uint64
ONE = U64(1)
SEVEN_BITS, EIGHTH_BITS, LOW_BITS = U64(0x7F7F7F7F7F7F7F7F), U64(0x8080808080808080), U64(0x0101010101010101)


@compiled
def _distinct(hashes: Any, start: Any, stop: Any, table: Any, out: Any) -> Any:
    """Writes the distinct values of hashes[start:stop] to `out`, ascending, and returns how many there are.

    Open addressing by the highest bits leaves them in order but for those that were pushed on by a neighbour, so that
    an insertion sort has next to nothing left to do; equal values meet in the table, however many there are.
    `table` is zero, before and after.
    """
    bits = 1
    while (1 << bits) < 2 * (stop - start):
        bits += 1
    shift: Any = U64(64 - bits)
    count: Any = 0
    for i in range(start, stop):
        value = max(hashes[i], ONE)
        place = np.int64(value >> shift)
        while table[place] != U64(0) and table[place] != value:
            place += 1
        count += np.int64(table[place] == U64(0))
        table[place] = value
    k: Any = 0
    taken: Any = 0
    while taken < count:
        # Written whether it is a value or not, and the next one over it where it is not: no branch to foresee.
        value = table[k]
        table[k] = U64(0)
        out[taken] = value
        taken += np.int64(value != U64(0))
        k += 1
    for k in range(1, count):
        value, to = out[k], k
        while to > 0 and out[to - 1] > value:
            out[to] = out[to - 1]
            to -= 1
        out[to] = value
    return count


@compiled
def distinct_all(hashes: Any, starts: Any, table: Any, offsets: Any) -> None:
    """Makes each row of `hashes` distinct and ascending, in place and without gaps: `offsets` are the rows' new bounds.

    `table` is zero and has room for five times the longest row, and two more.
    """
    offsets[0] = 0
    for n in range(starts.size - 1):
        offsets[n + 1] = offsets[n] + _distinct(hashes, starts[n], starts[n + 1], table, hashes[offsets[n] :])


@compiled
def common(a: Any, b: Any) -> Any:
    """How many values two ascending arrays without repetition share."""
    i: Any = 0
    j: Any = 0
    shared: Any = 0
    while i < a.size and j < b.size:
        shared += np.int64(a[i] == b[j])
        # Both steps are taken from the values before either index moves: no branch to foresee.
        forward, backward = np.int64(a[i] <= b[j]), np.int64(b[j] <= a[i])
        i += forward
        j += backward
    return shared


@compiled
def common_all(offsets: Any, hashes: Any, left: Any, right: Any, shared: Any) -> None:
    """`common` of rows left[p] and right[p], for all p."""
    for p in range(left.size):
        a, b = left[p], right[p]
        shared[p] = common(hashes[offsets[a] : offsets[a + 1]], hashes[offsets[b] : offsets[b + 1]])


@compiled
def _matches(fingerprints: Any, a: Any, b: Any) -> Any:
    """How many bytes rows a and b of words of eight bytes have in common."""
    total: Any = U64(0)
    for k in range(fingerprints.shape[1]):
        differ = fingerprints[a, k] ^ fingerprints[b, k]
        # The eighth bit of a byte stays 0 where the byte is.
        differ |= (differ & SEVEN_BITS) + SEVEN_BITS
        total += (((~differ & EIGHTH_BITS) >> U64(7)) * LOW_BITS) >> U64(56)
    return np.int64(total)


@compiled
def _pair(numbers: Any, start: Any, at: Any, fingerprints: Any, limits: Any, out: Any) -> Any:
    """Writes the files that numbers[at] is paired with, of those of its bucket from `start` on; returns how many."""
    leaders, least_matches, num_best, num_similar = limits
    all_match = 8 * fingerprints.shape[1]
    matches_of = np.empty(num_best + num_similar, np.int64)
    taken: Any = 0
    most: Any = 0
    for j in range(start, min(at, start + leaders)):
        matches = _matches(fingerprints, numbers[at], numbers[j])
        if matches < least_matches:
            continue
        if taken < num_best:
            out[taken] = numbers[j]
            taken += 1
            most = max(most, matches)
            if taken == num_best and most == all_match:
                break
        elif matches > most and (taken < out.size or matches > matches_of[taken - 1]):
            place = min(taken, out.size - 1)
            taken = place + 1
            while place > num_best and matches_of[place - 1] < matches:
                out[place], matches_of[place] = out[place - 1], matches_of[place - 1]
                place -= 1
            out[place], matches_of[place] = numbers[j], matches
    return taken


@compiled
def pair_buckets(numbers: Any, bounds: Any, fingerprints: Any, limits: Any, better: Any, worse: Any) -> Any:
    """Writes the pairs of buckets numbers[bounds[b, 0]:bounds[b, 1]], each ascending; returns how many there are.

    `fingerprints` (N, words) are uint64, eight bytes in each. `limits`: leaders a file is compared with, fingerprints
    that must match, pairs it keeps of the best of those, and of others that are more similar than all of the best.
    """
    partners = np.empty(limits[2] + limits[3], np.int64)
    count: Any = 0
    for b in range(bounds.shape[0]):
        start, stop = bounds[b]
        for at in range(start + 1, stop):
            for k in range(_pair(numbers, start, at, fingerprints, limits, partners)):
                better[count], worse[count] = partners[k], numbers[at]
                count += 1
    return count
