"""Removes repeated files: equal ones, and near-duplicates of a better one; within a corpus and against earlier ones.

Texts are read block by block, to index them, and laid down on disk, where those that may be near-duplicates are taken
from to be compared, and those that stay to be written. In memory are the index's rows, the blocks and row groups that
are under way, and the pairs of candidates. What was indexed and written survives a kill.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.blocks import BLOCK_BYTES, cut_into_blocks
from hornbook.corpus.duplicates.candidates import find_near_duplicates
from hornbook.corpus.duplicates.earlier import earlier_shards
from hornbook.corpus.duplicates.file_index import Numbers, indexed
from hornbook.corpus.duplicates.minhash import MinHashParams
from hornbook.corpus.duplicates.ranked_files import RankedFiles
from hornbook.corpus.duplicates.sorted_shards import SHARD_BYTES, write_shards
from hornbook.errors import RecipeError
from hornbook.recipe import DeduplicateConfig
from hornbook.run.artifact import RESUME, Facts
from hornbook.run.data_process import Report, in_data_process
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.stage import stage

DUPLICATES = "duplicates.parquet"


@stage(version=2, selects=True, loads="hornbook.corpus.loaded")
def deduplicate(*, files: CodeFiles, config: DeduplicateConfig, against: str, out: Path, machine: Machine) -> CodeFiles:
    """One file of every set of equal ones, and none that resembles a better one by `config.threshold` or more.

    Which stay, and the bytes of the output, depend on the files alone: neither on their order nor on how they are cut
    into shards, nor on the engine. They are ordered by source, origin and path. `duplicates.parquet` has each file that
    was left out, the one that stays for it, their Jaccard similarity and whether they are `exact` or `near` duplicates.
    `against` is `earlier_identity(config)`: not used, it makes the fingerprint follow the earlier corpora.
    """
    shards = tuple(files.shards())
    work = Deduplication(shards, tuple(earlier_shards(config)), config, out, machine.workers)
    return CodeFiles(out, in_data_process("deduplicate", machine, remove_duplicates, work))


@dataclass(frozen=True, slots=True)
class Deduplication:
    """What there is to do: the shards of a corpus and of earlier ones, and where the outcome goes."""

    shards: tuple[Path, ...]
    earlier: tuple[Path, ...]
    config: DeduplicateConfig
    out: Path
    threads: int
    block_bytes: int = BLOCK_BYTES
    shard_bytes: int = SHARD_BYTES


@dataclass(frozen=True)
class Verdicts:
    """For each file by its number: the file that stays for it (itself, where it does), and their similarity."""

    keeper: Numbers
    jaccard: npt.NDArray[np.float64]
    is_equal: npt.NDArray[np.bool_]
    """Whether the two are equal files."""


def remove_duplicates(report: Report, work: Deduplication) -> Facts:
    """The stage's work, in a process with an engine."""
    earlier = cut_into_blocks(work.earlier, work.block_bytes)
    blocks = [*earlier, *cut_into_blocks(work.shards, work.block_bytes)]
    params = _params(work.config) if work.config.method == "near" else None
    with indexed(report, blocks, len(earlier), params, work.out / RESUME) as index:
        files = RankedFiles.of(index, sum(block.num_rows for block in earlier))
        verdicts = _judge(files, work)
        new = files.new_by_name()
        stays = verdicts.keeper[new] == new
        kept, dropped = new[stays], new[~stays]
        _write_kept(report, files, kept, work)
    _write_duplicates(work.out / DUPLICATES, files, dropped, verdicts)
    return _facts(files, kept, dropped, verdicts)


def _params(config: DeduplicateConfig) -> MinHashParams:
    try:
        return MinHashParams(config.shingle_tokens, config.num_permutations, config.threshold)
    except ValueError as error:
        raise RecipeError(f"deduplicate: {error}") from None


def _judge(files: RankedFiles, work: Deduplication) -> Verdicts:
    best = files.best_of_equals()
    nearest, jaccard = files.numbers, np.ones(len(best))
    if work.config.method == "near":
        distinct = np.flatnonzero(best == nearest)
        shingles = work.out / RESUME / "shingles"
        decision = find_near_duplicates(files, distinct, work.config, shingles, work.threads)
        nearest[decision.dropped] = decision.kept
        jaccard[decision.dropped] = decision.jaccard
    # What goes for a file goes for its copies.
    keeper = nearest[best]
    return Verdicts(keeper, jaccard[best], keeper == best)


def _write_kept(report: Report, files: RankedFiles, kept: Numbers, work: Deduplication) -> None:
    write_shards(report, "deduplicate: write", files.table, kept, files.texts(kept), work.out, work.shard_bytes)


def _write_duplicates(path: Path, files: RankedFiles, dropped: Numbers, verdicts: Verdicts) -> None:
    kept = verdicts.keeper[dropped]
    columns: dict[str, Any] = {}
    for prefix, rows in (("", dropped), ("kept_", kept)):
        taken = files.table.take(pa.array(rows))
        columns |= {f"{prefix}{name}": taken.column(name) for name in ("source", "origin", "path")}
    columns["kept_earlier"] = pa.array(kept < files.num_earlier)
    columns["jaccard"] = pa.array(verdicts.jaccard[dropped], pa.float64())
    columns["kind"] = pa.array(np.where(verdicts.is_equal[dropped], "exact", "near"), pa.string())
    pq.write_table(pa.table(columns).combine_chunks(), path, compression="zstd")


def _facts(files: RankedFiles, kept: Numbers, dropped: Numbers, verdicts: Verdicts) -> Facts:
    """Counts of the new files; a cluster is a file that stays and the new ones that go for it."""
    stays, sizes = np.unique(verdicts.keeper[files.num_earlier :], return_counts=True)
    sizes = sizes + (stays < files.num_earlier)
    num_equal = int(verdicts.is_equal[dropped].sum())
    drops = {"exact_duplicate": num_equal, "near_duplicate": len(dropped) - num_equal}
    return Facts(
        rows={FILES: len(kept)},
        drops={reason: count for reason, count in drops.items() if count},
        metrics={"clusters": int((sizes > 1).sum()), "largest_cluster_files": int(sizes.max(initial=0))},
    )
