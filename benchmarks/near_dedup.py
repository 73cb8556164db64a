"""Near-duplicates: hornbook against datatrove, datasketch and a hand-written script of polars and numba, in one run.

    python benchmarks/near_dedup_truth.py /tmp/near-dedup/300 --megabytes 300
    python -m venv /tmp/near-dedup/peers
    /tmp/near-dedup/peers/bin/pip install "datatrove[io,processing]" datasketch polars numba spacy
    python benchmarks/near_dedup.py /tmp/near-dedup/300 --peers /tmp/near-dedup/peers/bin/python
    python benchmarks/near_dedup.py /tmp/near-dedup/{300,600,1200,2400}   # linear in size?

Sides: `functions` (hornbook's functions on the shards, two threads: read, sketch, pair, read again, compare, decide),
`stage` (the stage `deduplicate` by its engine: exact duplicates too, and what stays is written), and the three peers
(`near_dedup_peers.py`). Each is a process of its own; they take turns, `--repeats` times, and the median counts. Prints

- MB/s of source, reading and decompression included, and how many times a peer's that is; with several corpora also
  relative to the first one's: 1.00 where time is linear in size;
- processor time of the process and its children (polled), which other work on the machine changes less than MB/s;
- peak memory: the most that the process and its children held at once (the sum of their PSS, polled);
- recall: share of the planted pairs with a true similarity of at least 0.7 (0.85) of which not both files are kept;
- precision: share of the removed files with a true similarity of at least 0.7 with the file that is kept for them, in
  a sample, from sets of token tuples in plain Python.

With 300 MB about two minutes a repeat, nearly all of it datatrove's and datasketch's.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from near_dedup_truth import jaccard

from hornbook.corpus.deduplicate import DUPLICATES, deduplicate
from hornbook.corpus.duplicates.minhash import MinHashParams, documented_bytes, sketch
from hornbook.corpus.duplicates.near_duplicates import ShingleFile, candidate_pairs, decide, preference
from hornbook.recipe import DeduplicateConfig
from hornbook.run.datasets import CodeFiles
from hornbook.run.machine import Machine

WORKERS = 2
SIDES = ("functions", "stage", "datatrove", "datasketch", "polars")
SAMPLE = 1000
Removed = list[tuple[int, int]]


@dataclass(frozen=True)
class Run:
    """What one run of a side took, imports and what follows in the processor time included, and what it removed."""

    seconds: float
    cpu_s: float
    peak_mb: float
    removed: Removed


Item, Outcome = TypeVar("Item"), TypeVar("Outcome")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+", help="folders that near_dedup_truth.py made")
    parser.add_argument("--sides", default="", help=f"of {','.join(SIDES)}; default: hornbook's, and all with --peers")
    parser.add_argument("--peers", default="", help="the Python that has the peers")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--side", default="", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        seconds, removed = {"functions": by_functions, "stage": by_stage}[options.side](options.corpus[0])
        options.out.write_text(json.dumps({"seconds": seconds, "removed": removed}))
        return
    default = SIDES if options.peers else SIDES[:2]
    sides = options.sides.split(",") if options.sides else list(default)
    unknown = [side for side in sides if side not in SIDES]
    if unknown or (not options.peers and set(sides) - set(SIDES[:2])):
        parser.error(f"no such side: {unknown[0]!r}" if unknown else "peers need --peers PYTHON")
    first: dict[str, float] = {}
    for corpus in options.corpus:
        speeds = compare(corpus, sides, options.peers, options.repeats)
        first = first or speeds
        if len(options.corpus) > 1:
            print("  linear: " + ", ".join(f"{side} {speeds[side] / first[side]:.2f}" for side in sides), flush=True)


def compare(corpus: Path, sides: list[str], peers: str, repeats: int) -> dict[str, float]:
    """The MB/s of each side."""
    texts = read_column(corpus, "text")
    size_mb = sum(pa.compute.sum(pa.compute.binary_length(chunk)).as_py() for chunk in texts.chunks) / 1e6
    print(f"{corpus}: {size_mb:.0f} MB of source in {len(texts)} files, {WORKERS} workers")
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side in sides:
            runs[side].append(run(side, corpus, peers))
    speeds = {side: size_mb / statistics.median(made.seconds for made in runs[side]) for side in sides}
    for side in sides:
        cpu_s = statistics.median(made.cpu_s for made in runs[side])
        memory = max(made.peak_mb for made in runs[side])
        removed = runs[side][0].removed
        recalls = [f"{recall(corpus, removed, least):.3f}" for least in (0.7, 0.85)]
        print(
            f"  {side:10} {speeds[side]:7.1f} MB/s  cpu {cpu_s:6.1f} s  peak {memory:6.0f} MB  removed {len(removed)}  "
            f"recall {recalls[0]} at 0.7, {recalls[1]} at 0.85  precision {precision(texts, removed):.3f}"
        )
    for ours in SIDES[:2]:
        for peer in SIDES[2:]:
            if ours in speeds and peer in speeds:
                print(f"  {ours} / {peer}: {speeds[ours] / speeds[peer]:.2f}")
    return speeds


def run(side: str, corpus: Path, peers: str) -> Run:
    """One side in a process of its own."""
    with tempfile.TemporaryDirectory(dir=corpus) as folder:
        out = Path(folder, "out.json")
        here = Path(__file__).parent
        command = [sys.executable, str(here / "near_dedup.py"), str(corpus), "--side", side, "--out", str(out)]
        if side in SIDES[2:]:
            command = [peers, str(here / "near_dedup_peers.py"), side, str(corpus), str(out)]
        with Path(folder, "log").open("w+b") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            peak, cpu_s = 0.0, dict[int, float]()
            while process.poll() is None:
                peak = max(peak, look_at(process.pid, cpu_s))
                time.sleep(0.05)
            log.seek(0)
            if process.returncode:
                sys.exit(f"{side} failed:\n{log.read().decode()[-3000:]}")
        told = json.loads(out.read_text())
        return Run(told["seconds"], sum(cpu_s.values()), peak, [(row, kept) for row, kept in told["removed"]])


def look_at(pid: int, cpu_s: dict[int, float]) -> float:
    """Memory, in MB, of a process and all below it, and their processor time so far, by their ids, to `cpu_s`.

    What several of them share counts once. Times are looked at while they run, since a stage's process is no child of
    one that waits for it.
    """
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            times = process.cpu_times()
            cpu_s[process.pid] = times.user + times.system
            total += process.memory_full_info().pss
    except psutil.Error:
        pass
    return total / 1e6


def by_functions(corpus: Path) -> tuple[float, Removed]:
    params = MinHashParams()
    # Compiled, or read from where it is kept, before the clock runs.
    warm = pa.array(["a b c d e f g"] * 2, pa.large_string())
    with tempfile.TemporaryDirectory(dir=corpus) as folder:
        near_duplicates(params, lambda: iter([(np.arange(2), lambda: warm)]), Path(folder, "shingles"))
        start = time.perf_counter()
        removed = near_duplicates(params, lambda: row_groups(corpus), Path(folder, "shingles"))
        return time.perf_counter() - start, removed


def row_groups(corpus: Path) -> Iterator[tuple[np.ndarray, Callable[[], pa.Array]]]:
    """(row numbers, what reads their texts) of each row group."""
    start = 0
    for shard in CodeFiles(corpus).shards():
        metadata = pq.read_metadata(shard)
        for group in range(metadata.num_row_groups):
            rows = np.arange(start, start := start + metadata.row_group(group).num_rows)
            yield rows, lambda shard=shard, group=group: read_group(shard, group)


def read_group(shard: Path, group: int) -> pa.Array:
    with pq.ParquetFile(shard) as file:
        return file.read_row_group(group, columns=["text"], use_threads=False).column(0).combine_chunks()


def near_duplicates(
    params: MinHashParams, groups: Callable[[], Iterator[tuple[np.ndarray, Callable[[], pa.Array]]]], scratch: Path
) -> Removed:
    def index(item: tuple[np.ndarray, Callable[[], pa.Array]]) -> tuple[Any, Any, Any]:
        texts = item[1]()
        return *sketch(texts, params), documented_bytes(texts)

    with ThreadPoolExecutor(WORKERS) as pool:
        keys, fingerprints, documented = (
            np.concatenate(part) for part in zip(*in_order(pool, index, groups()), strict=True)
        )
        same = pa.array([""] * len(keys))
        names = ("license", "digest", "source", "origin")
        files = pa.table({"documented_bytes": documented, **dict.fromkeys(names, same), "path": np.arange(len(keys))})
        order = preference(files)
        keys, fingerprints = keys[order], fingerprints[order]
        numbers = np.repeat(np.arange(len(keys)), keys.shape[1])
        pairs = candidate_pairs(keys.reshape(-1), numbers, fingerprints, params.threshold)
        number_of = np.empty_like(order)
        number_of[order] = np.arange(len(order))
        wanted = np.isin(np.arange(len(order)), pairs.numbers())
        with ShingleFile(scratch, params.shingle_tokens) as file:

            def add(item: tuple[np.ndarray, Callable[[], pa.Array]]) -> None:
                places = np.flatnonzero(wanted[number_of[item[0]]])
                if len(places):
                    file.add(number_of[item[0][places]], item[1]().take(pa.array(places)))

            deque(in_order(pool, add, groups()), maxlen=0)
            decision = decide(pairs, file.verify(pairs, WORKERS), params.threshold)
        scratch.unlink()
    return list(zip(order[decision.dropped].tolist(), order[decision.kept].tolist(), strict=True))


def in_order(pool: ThreadPoolExecutor, function: Callable[[Item], Outcome], items: Iterable[Item]) -> Iterator[Outcome]:
    """Like `pool.map`, with few items under way at a time."""
    waiting: deque[Future[Outcome]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > 2 * WORKERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def by_stage(corpus: Path) -> tuple[float, Removed]:
    with tempfile.TemporaryDirectory(dir=corpus) as folder:
        out = Path(folder)
        start = time.perf_counter()
        machine = Machine(workers=WORKERS)
        deduplicate(files=CodeFiles(corpus), config=DeduplicateConfig(), against="", out=out, machine=machine)
        seconds = time.perf_counter() - start
        gone = pq.read_table(out / DUPLICATES, columns=["path", "kept_path"])
    row_of = {path: row for row, path in enumerate(read_column(corpus, "path").to_pylist())}
    paths = (gone.column(name).to_pylist() for name in ("path", "kept_path"))
    return seconds, [(row_of[path], row_of[kept]) for path, kept in zip(*paths, strict=True)]


def recall(corpus: Path, removed: Removed, least: float) -> float:
    row_of = {path: row for row, path in enumerate(read_column(corpus, "path").to_pylist())}
    gone = {row for row, _ in removed}
    planted = pq.read_table(corpus / "truth.parquet").to_pylist()
    pairs = [(row_of[row["original"]], row_of[row["copy"]]) for row in planted if row["jaccard"] >= least]
    return sum(original in gone or copy in gone for original, copy in pairs) / len(pairs)


def precision(texts: pa.ChunkedArray, removed: Removed) -> float:
    sample = random.Random(0).sample(removed, min(SAMPLE, len(removed)))
    similar = sum(jaccard(*(texts[row].as_py().encode() for row in pair)) >= 0.7 for pair in sample)
    return similar / max(len(sample), 1)


def read_column(corpus: Path, name: str) -> pa.ChunkedArray:
    return pa.chunked_array([pq.read_table(shard, columns=[name]).column(0) for shard in CodeFiles(corpus).shards()])


if __name__ == "__main__":
    main()
