"""Finds near-duplicates in an index of files: bands are grouped by the engine, candidates compared by their texts."""

from __future__ import annotations

import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hornbook.corpus.duplicates.file_index import Numbers
from hornbook.corpus.duplicates.near_duplicates import Decision, Pairs, ShingleFile, candidate_pairs, decide
from hornbook.corpus.duplicates.ranked_files import RankedFiles
from hornbook.corpus.duplicates.slices import consecutive
from hornbook.recipe import DeduplicateConfig

TEXT_BYTES = 2 << 20
"""Texts whose shingles a thread makes at once."""
_WILD = re.compile(r"[*?\[\]{}\\]")


def find_near_duplicates(
    files: RankedFiles, numbers: Numbers, config: DeduplicateConfig, shingles: Path, threads: int
) -> Decision:
    """Which files go because a better one resembles them, of those whose `numbers`, ascending, are given.

    Files of an earlier corpus stay, whatever they resemble. `shingles` is where the candidates' are put meanwhile.
    """
    nobody = Decision(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    if not len(numbers):
        return nobody
    keys, sharing = _shared_keys(files, numbers)
    candidates, local = np.unique(sharing, return_inverse=True)
    if not len(candidates):
        return nobody
    fingerprints = _fingerprints(files, candidates)
    pairs = candidate_pairs(keys, local.astype(np.int64), fingerprints, config.threshold)
    pairs = Pairs(candidates[pairs.better], candidates[pairs.worse])
    new = pairs.worse >= files.num_earlier
    pairs = Pairs(pairs.better[new], pairs.worse[new])
    with ShingleFile(shingles, config.shingle_tokens) as store:
        _add_texts(files, pairs.numbers(), store, threads)
        similarities = store.verify(pairs, threads)
    shingles.unlink()
    return decide(pairs, similarities, config.threshold)


def _shared_keys(files: RankedFiles, numbers: Numbers) -> tuple[npt.NDArray[np.uint64], Numbers]:
    """(keys, numbers) of all bands that at least two of the files have in common, by key and number."""
    import daft

    wanted = daft.from_arrow(pa.table({"id": files.ids[numbers], "number": numbers}))
    bands = daft.read_parquet([_as_pattern(part) for part in files.index.parts]).select("id", "keys")
    # Key 0 is that of texts without tokens, which resemble nothing.
    bands = bands.join(wanted, on="id").select("number", "keys").explode("keys").where("keys != 0")
    shared = bands.groupby("keys").agg(daft.col("number").count().alias("files")).where("files > 1")
    table = bands.join(shared.select("keys"), on="keys", how="semi").to_arrow()
    keys, sharing = table.column("keys").to_numpy(), table.column("number").to_numpy()
    # Rows come in no order of their own.
    order = np.lexsort((sharing, keys))
    return keys[order], sharing[order]


def _as_pattern(path: Path) -> str:
    """What Daft, which takes every path for a pattern, matches with this path alone."""
    return _WILD.sub(r"\\\g<0>", str(path))


def _fingerprints(files: RankedFiles, numbers: Numbers) -> npt.NDArray[np.uint8]:
    """(N, permutations) of files by their numbers."""
    ids = files.ids[numbers]
    order = np.argsort(ids)
    ascending = files.index.fingerprints(ids[order])
    fingerprints = np.empty_like(ascending)
    fingerprints[order] = ascending
    return fingerprints


def _add_texts(files: RankedFiles, numbers: Numbers, store: ShingleFile, threads: int) -> None:
    """Puts the shingles of files into the store, read in the order in which they lie, some megabytes at a time."""
    numbers = numbers[np.argsort(files.ids[numbers])]
    texts = files.texts(numbers)

    def add(part: slice) -> None:
        store.add(numbers[part], texts[part].read())

    with ThreadPoolExecutor(threads) as pool:
        deque(pool.map(add, consecutive(texts.sizes, TEXT_BYTES)), maxlen=0)
