"""Near-duplicates by datatrove, by datasketch, and by a script of polars and numba; `near_dedup.py` runs it.

    python benchmarks/near_dedup_peers.py datatrove CORPUS OUT.json

Imports nothing of hornbook, so that it runs in an environment of the peers' own. All take words of the same pattern,
shingles of five, and 21 bands of 6 rows, use two processes or threads, and write `seconds` (reading included, imports
and compilation not) and `removed`: [row, the row that is kept for it], rows numbered over all shards in order. None of
them looks at the texts again, so that what they remove is what the bands say: datatrove and polars keep one file of
each connected component, datasketch the first of those that share a band with it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

TOKEN = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+")
SHINGLE_TOKENS, BANDS, ROWS, WORKERS = 5, 21, 6, 2
Removed = list[tuple[int, int]]


def main() -> None:
    side, corpus, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shards = sorted((corpus / "files").glob("part-*.parquet"))
    seconds, removed = {"datatrove": datatrove, "datasketch": datasketch, "polars": polars_and_numba}[side](shards)
    out.write_text(json.dumps({"seconds": seconds, "removed": removed}))


class Words:
    """datatrove's tokenizers are for prose: spaCy's rules would be slower here, and its words others than ours."""

    def word_tokenize(self, text: str) -> list[str]:
        return TOKEN.findall(text)


def datatrove(shards: list[Path]) -> tuple[float, Removed]:
    import pyarrow.parquet as pq
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.utils.text import TextNormConfig

    plain = TextNormConfig(*(False,) * 7)
    config = MinhashConfig(n_grams=SHINGLE_TOKENS, num_buckets=BANDS, hashes_per_bucket=ROWS, norm_config=plain)
    with tempfile.TemporaryDirectory() as folder:
        reader = ParquetReader(str(shards[0].parent), id_key="path", read_metadata=False)
        signature = MinhashDedupSignature(f"{folder}/signatures", config)
        signature.word_tokenizer = Words()
        buckets = MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)
        cluster = MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config, save_cluster_id=True)
        start = time.perf_counter()
        for number, (steps, tasks) in enumerate(
            (([reader, signature], len(shards)), ([buckets], BANDS), ([cluster], 1))
        ):
            logs = f"{folder}/logs-{number}"
            LocalPipelineExecutor(steps, tasks=tasks, workers=WORKERS, logging_dir=logs, start_method="fork").run()
        seconds = time.perf_counter() - start
        starts = [0]
        for shard in shards:
            starts.append(starts[-1] + pq.read_metadata(shard).num_rows)
        return seconds, _clusters(Path(folder, "removed"), starts)


def _clusters(folder: Path, starts: list[int]) -> Removed:
    kept: dict[int, int] = {}
    removed = []
    for number, start in enumerate(starts[:-1]):
        gone = set(_integers(folder / f"{number:06d}.remove"))
        named = _integers(folder / f"{number:06d}.clusters")
        for row, cluster in zip(named[::2], named[1::2], strict=True):
            if row in gone:
                removed.append((start + row, cluster))
            else:
                kept[cluster] = start + row
    return [(row, kept[cluster]) for row, cluster in removed]


def _integers(path: Path) -> list[int]:
    import numpy as np

    return np.fromfile(path, "<u4").tolist() if path.exists() else []


def datasketch(shards: list[Path]) -> tuple[float, Removed]:
    import pyarrow.parquet as pq
    from datasketch import MinHash, MinHashLSH

    groups = [(shard, group) for shard in shards for group in range(pq.read_metadata(shard).num_row_groups)]
    start = time.perf_counter()
    lsh = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    removed, row = [], count()
    with ProcessPoolExecutor(WORKERS) as pool:
        for rows in pool.map(_sketches, groups):
            for hashvalues, scheme in rows:
                number = next(row)
                minhash = MinHash(hashvalues=hashvalues, scheme=scheme)
                found = lsh.query(minhash)
                if found:
                    removed.append((number, min(found)))
                else:
                    lsh.insert(number, minhash)
    return time.perf_counter() - start, removed


def _sketches(group: tuple[Path, int]) -> list[tuple[Any, str]]:
    import pyarrow.parquet as pq
    from datasketch import MinHash

    rows = []
    for text in pq.ParquetFile(group[0]).read_row_group(group[1], columns=["text"]).column(0).to_pylist():
        words = TOKEN.findall(text)
        shingles = {" ".join(words[i : i + SHINGLE_TOKENS]) for i in range(max(len(words) - SHINGLE_TOKENS + 1, 1))}
        minhash = MinHash(num_perm=BANDS * ROWS)
        minhash.update_batch([shingle.encode() for shingle in shingles])
        rows.append((minhash.hashvalues, minhash.scheme))
    return rows


def polars_and_numba(shards: list[Path]) -> tuple[float, Removed]:
    """What one writes by hand: a loop over the bytes for the keys, polars for the buckets, a union-find."""
    import numba
    import numpy as np
    import polars as pl

    numba.set_num_threads(min(WORKERS, numba.config.NUMBA_NUM_THREADS))
    sign = _numba_loop()
    rng = np.random.default_rng(0)
    factors = rng.integers(1, 2**32, BANDS * ROWS, np.uint32) | np.uint32(1)
    shifts = rng.integers(0, 2**32, BANDS * ROWS, np.uint32)
    # Compiled for arrays that cannot be written, as Arrow's are.
    offsets = np.frombuffer(np.array([0, 8]).tobytes(), np.int64)
    sign(np.frombuffer(bytes(8), np.uint8), offsets, factors, shifts, np.empty((1, BANDS), np.uint64))
    start = time.perf_counter()
    tables, kinds = [], (np.int64, np.uint8)
    for shard in shards:
        texts = pl.read_parquet(shard, columns=["text"])["text"].to_arrow().cast("large_string")
        offsets, data = (np.frombuffer(buffer, kind) for buffer, kind in zip(texts.buffers()[1:], kinds, strict=True))
        offsets.flags.writeable = data.flags.writeable = False
        keys = np.empty((len(texts), BANDS), np.uint64)
        sign(data, offsets, factors, shifts, keys)
        tables.append(keys)
    keys = np.concatenate(tables)
    parents = list(range(len(keys)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for band in range(BANDS):
        frame = pl.DataFrame({"key": keys[:, band]}).with_row_index("row")
        buckets = frame.group_by("key").agg("row").filter(pl.col("row").list.len() > 1)
        for rows in buckets["row"].to_list():
            first = root(rows[0])
            for row in rows[1:]:
                other = root(row)
                first, other = min(first, other), max(first, other)
                parents[other] = first
    removed = [(row, root(row)) for row in range(len(keys)) if root(row) != row]
    return time.perf_counter() - start, removed


def _numba_loop() -> Any:
    import numba
    import numpy as np

    word_byte = np.array([bool(re.match(rb"[A-Za-z0-9_\x80-\xff]", bytes([byte]))) for byte in range(256)])
    basis, prime, golden = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15)

    @numba.njit(parallel=True, nogil=True)
    def sign(data: Any, offsets: Any, factors: Any, shifts: Any, keys: Any) -> None:
        for n in numba.prange(offsets.size - 1):
            least = np.full(factors.size, 0xFFFFFFFF, np.uint32)
            words = np.zeros(SHINGLE_TOKENS, np.uint64)
            num_words, value, inside = 0, basis, False
            for i in range(offsets[n], offsets[n + 1] + 1):
                byte = data[i] if i < offsets[n + 1] else np.uint8(32)
                if word_byte[byte]:
                    value = (value ^ np.uint64(byte)) * prime
                    inside = True
                elif inside:
                    words[num_words % SHINGLE_TOKENS] = value
                    num_words, value, inside = num_words + 1, basis, False
                    if num_words >= SHINGLE_TOKENS:
                        shingle = np.uint64(0)
                        for k in range(num_words, num_words + SHINGLE_TOKENS):
                            shingle = (shingle ^ words[k % SHINGLE_TOKENS]) * golden
                        hashed = np.uint32(shingle >> np.uint64(32))
                        for k in range(factors.size):
                            least[k] = min(least[k], np.uint32(hashed * factors[k] + shifts[k]))
            for band in range(keys.shape[1]):
                key = np.uint64(band)
                for k in range(band * ROWS, (band + 1) * ROWS):
                    key = (key ^ np.uint64(least[k])) * golden
                    key ^= key >> np.uint64(29)
                keys[n, band] = key

    return sign


if __name__ == "__main__":
    os.environ.setdefault("DATATROVE_COLORIZE_LOGS", "0")
    main()
