"""Which files are near-duplicates of a better one: candidates, exact verification, decision.

`preference` orders all files, the best first. From there on a file's *number* is its place in that order, so that of
two numbers the smaller is the better file. `candidate_pairs` takes the keys of `minhash.sketch`; a `ShingleFile` holds
the exact sets of the candidates and says how similar each pair truly is; `decide` keeps and drops. Nothing depends on
the order that files come in or on how they are split, since numbers, buckets and similarities do not.

A file is dropped only when a file that is *kept* has at least the threshold's similarity with it. So a chain of files,
each like the next, does not swallow its far end.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hornbook.corpus.duplicates.file_bytes import read_at, write_at
from hornbook.corpus.duplicates.minhash import Bytes, Hashes, Integers, Similarities, pair_jaccard, shingle_hashes
from hornbook.corpus.duplicates.slices import consecutive
from hornbook.corpus.licenses import is_permissive_name

WITHOUT_CONDITIONS = frozenset({"0BSD", "CC0-1.0", "MIT-0", "Unlicense", "WTFPL"})
"""Licences that ask for nothing, not even attribution."""

LEADERS = 128
"""A file is compared with so many files of a bucket at most, the best ones, so that giant buckets cost linear time."""
BEST_PAIRS = 8
"""Of those that its fingerprint resembles, a file is paired with the best, which are the likeliest to be kept ..."""
SIMILAR_PAIRS = 8
"""... and with the most similar of the others, if they are more similar than all of those. In each bucket."""
SPREAD = 4.0
"""A pair is let go where its fingerprints match this many standard deviations less often than at the threshold."""
PAIRS_PER_PASS = 4_000_000
"""Pairs that are written down before repeated ones are removed; files that are alike meet in every band."""
BLOCK_BYTES = 64 * 2**20
"""Shingles that one block of pairs holds in memory, per thread; a pair that is larger alone is a block."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of files by number, without repetition, ascending by (worse, better); better[p] < worse[p]."""

    better: Integers
    worse: Integers

    def __len__(self) -> int:
        return len(self.better)

    def numbers(self) -> Integers:
        """The files that occur in them, ascending."""
        return _distinct(np.concatenate([self.better, self.worse]))


@dataclass(frozen=True)
class Decision:
    """What is dropped: numbers ascending, the kept file that each repeats, and their true similarity."""

    dropped: Integers
    kept: Integers
    jaccard: Similarities


def preference(files: pa.Table) -> Integers:
    """(N,) int64: the row at each place of the order of preference, best first, as an argsort.

    By the columns `earlier` (bool, may be missing: files of an earlier corpus come before all others),
    `documented_bytes` (more is better), `license` (one without conditions, permissive, not permissive, none stated),
    then `digest`, `source`, `origin` and `path`, so that the order is total but for rows that agree in all of these.
    """
    columns = [("documented_bytes", "descending"), ("license_rank", "ascending")]
    columns += [(name, "ascending") for name in ("digest", "source", "origin", "path")]
    ranked = files.append_column("license_rank", _license_ranks(files["license"]))
    if "earlier" in files.column_names:
        columns.insert(0, ("earlier_rank", "ascending"))
        ranked = ranked.append_column("earlier_rank", pc.invert(files["earlier"]).cast(pa.int8()))
    order: Integers = pc.sort_indices(ranked, sort_keys=columns).to_numpy().astype(np.int64)
    return order


def candidate_pairs(keys: Hashes, numbers: Integers, fingerprints: Bytes, threshold: float) -> Pairs:
    """Pairs of a band table in which keys[m] is a key of the file numbers[m]; fingerprints[n] is file n's.

    Any part of the table will do that has all rows of each of its keys, and `merge_pairs` gives the same for any parts.
    For a part that knows its own files alone, number them from 0 in order of preference and map the pairs back.
    A file is compared with the LEADERS best of each of its buckets, by fingerprint, and paired with BEST_PAIRS +
    SIMILAR_PAIRS of them at most, so that time and memory are linear in the table.
    """
    from hornbook.corpus.duplicates import shingle_set_kernels

    order = np.lexsort((numbers, keys))
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    bounds = np.stack([starts, np.append(starts[1:], len(ordered))], axis=1)
    sizes = bounds[:, 1] - bounds[:, 0]
    # Key 0 is that of texts without tokens.
    bounds = bounds[(sizes > 1) & (ordered[starts] != 0)] if len(ordered) else bounds[:0]
    num_permutations = fingerprints.shape[1]
    padding = -num_permutations % 8
    words = np.ascontiguousarray(np.pad(fingerprints, ((0, 0), (0, padding)))).view(np.uint64)
    limits = (LEADERS, _least_matches(threshold, num_permutations) + padding, BEST_PAIRS, SIMILAR_PAIRS)
    most = (bounds[:, 1] - bounds[:, 0]) * (BEST_PAIRS + SIMILAR_PAIRS)
    found, parts, ordered_numbers = merge_pairs([]), [], numbers[order]
    for part in consecutive(most, PAIRS_PER_PASS):
        better, worse = np.empty((2, int(most[part].sum())), np.int64)
        count = shingle_set_kernels.pair_buckets(ordered_numbers, bounds[part], words, limits, better, worse)
        parts.append(Pairs(better[:count].copy(), worse[:count].copy()))
        # Not each time: what was found would be sorted again as often as there are passes.
        if sum(map(len, parts)) > max(len(found), PAIRS_PER_PASS):
            found, parts = merge_pairs([found, *parts]), []
    return merge_pairs([found, *parts])


def merge_pairs(parts: Sequence[Pairs]) -> Pairs:
    """The pairs of all parts, ascending and without repetition."""
    better = np.concatenate([part.better for part in parts]) if parts else np.empty(0, np.int64)
    worse = np.concatenate([part.worse for part in parts]) if parts else np.empty(0, np.int64)
    if len(worse) and worse.max() >= 2**31:
        raise ValueError(f"a file's number is {worse.max()}; numbers lie below 2^31")
    packed = _distinct((worse << 32) | better)
    return Pairs(packed & 0xFFFFFFFF, packed >> 32)


class ShingleFile:
    """The exact shingle sets of candidates, in a file of eight bytes a shingle. A context manager.

    On disk, so that memory holds one block of pairs whatever the corpus' size and wherever two files of a pair stand.
    Threads may add, and may verify once all is added.
    """

    def __init__(self, path: Path, shingle_tokens: int = 5) -> None:
        self._shingle_tokens = shingle_tokens
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lock, self._size = threading.Lock(), 0
        self._parts: list[tuple[Integers, Integers, Integers]] = []

    def add(self, numbers: Integers, texts: pa.Array) -> None:
        """Adds the sets of texts, which are the files of these numbers. Each number is added once."""
        offsets, hashes = shingle_hashes(texts, self._shingle_tokens)
        with self._lock:
            start, self._size = self._size, self._size + len(hashes)
            self._parts.append((numbers, start + offsets[:-1], np.diff(offsets)))
        write_at(self._file, hashes.view(np.uint8), 8 * start)

    def verify(self, pairs: Pairs, threads: int = 1) -> Similarities:
        """(P,) float64: the exact similarity of each pair. Raises KeyError where a number was not added."""
        if not len(pairs):
            return np.empty(0)
        numbers, starts, sizes = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.argsort(numbers)
        numbers, starts, sizes = numbers[order], starts[order], sizes[order]
        rows = np.minimum(np.searchsorted(numbers, wanted := np.stack([pairs.better, pairs.worse])), len(numbers) - 1)
        missing = wanted[numbers[rows] != wanted]
        if len(missing):
            raise KeyError(f"file {missing[0]} is in a pair and was not added")
        blocks = consecutive(8 * sizes[rows].sum(axis=0), BLOCK_BYTES)
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(lambda block: self._verify_block(rows[:, block], starts, sizes), blocks)
            return np.concatenate(list(parts))

    def close(self) -> None:
        """Closes the file; whose it is to delete is the caller's matter."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _verify_block(self, rows: Integers, starts: Integers, sizes: Integers) -> Similarities:
        distinct, places = np.unique(rows, return_inverse=True)
        offsets = np.concatenate([[0], np.cumsum(sizes[distinct])])
        hashes = np.empty(offsets[-1], np.uint64)
        for k, row in enumerate(distinct.tolist()):
            read_at(self._file, hashes[offsets[k] : offsets[k + 1]].view(np.uint8), 8 * int(starts[row]))
        left, right = places.reshape(rows.shape)
        return pair_jaccard(offsets, hashes, left, right)


def decide(pairs: Pairs, jaccard: Similarities, threshold: float) -> Decision:
    """Best first, a file is dropped where one of its candidates is kept and at least `threshold` similar to it.

    The file that is named as kept is the most similar of those, and of equals the better.
    """
    similar = np.flatnonzero(jaccard >= threshold)
    columns = (pairs.worse[similar].tolist(), pairs.better[similar].tolist(), jaccard[similar].tolist())
    kept_for: dict[int, tuple[float, int]] = {}
    # Ascending by the worse file: what a file is compared with has been decided by then.
    for worse, better, similarity in zip(*columns, strict=True):
        if better not in kept_for and (worse not in kept_for or similarity > kept_for[worse][0]):
            kept_for[worse] = (similarity, better)
    return Decision(
        np.array(list(kept_for), np.int64),
        np.array([better for _, better in kept_for.values()], np.int64),
        np.array([similarity for similarity, _ in kept_for.values()], np.float64),
    )


def _distinct(values: Integers) -> Integers:
    """The values ascending. numpy's own `unique` hashes integers, and packed pairs collide there."""
    values = np.sort(values)
    return values[np.diff(values, prepend=-1) > 0]


def _least_matches(threshold: float, num_permutations: int) -> int:
    share = threshold + (1 - threshold) / 256
    mean, variance = num_permutations * share, num_permutations * share * (1 - share)
    return max(math.floor(mean - SPREAD * math.sqrt(variance)), 0)


def _license_ranks(licenses: pa.ChunkedArray) -> pa.Array:
    """0 asks for nothing, 1 is permissive, 2 is stated and is not, 3 is not stated."""
    names = pc.unique(licenses)
    ranks = pa.array([_license_rank(name or "") for name in names.to_pylist()], pa.int8())
    return ranks.take(pc.index_in(licenses.combine_chunks(), names))


def _license_rank(name: str) -> int:
    if name in WITHOUT_CONDITIONS:
        return 0
    return (1 if is_permissive_name(name) else 2) if name else 3
