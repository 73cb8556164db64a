from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.blocks import SCHEMA, Block, cut_into_blocks
from hornbook.corpus.duplicates import sorted_shards
from hornbook.corpus.duplicates.file_index import ROW_BITS
from hornbook.corpus.duplicates.sorted_shards import BlockRows, ShardTask, StoredRows, write_shard, write_sorted
from hornbook.corpus.duplicates.stored_texts import StoredTexts, store_texts, texts_path
from hornbook.records import CodeFile

from ..deduplication import write_shards

ROWS = [CodeFile("x" * (number % 7) * 100 + str(number), "o", f"{number:02}.py", "MIT") for number in range(40)]
KEPT = [0, 1, 2, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 30, 39]
ENDS = (3, 4, 9, 16)


def blocks_of(folder: Path, rows_per_group: int, block_bytes: int) -> list[Block]:
    return cut_into_blocks(write_shards(folder, [ROWS[:25], ROWS[25:]], rows_per_group), block_bytes)


def ids_of(blocks: list[Block], rows: list[int]) -> np.ndarray:
    ids = [(number << ROW_BITS) + row for number, block in enumerate(blocks) for row in range(block.num_rows)]
    return np.array(ids, np.int64)[rows]


def written(path: Path, rows: BlockRows | StoredRows) -> bytes:
    write_shard(ShardTask(path, rows, 0, ENDS))
    return path.read_bytes()


def test_a_shard_has_the_same_bytes_wherever_its_rows_come_from(tmp_path: Path) -> None:
    made = []
    for number, (rows_per_group, block_bytes) in enumerate(((1024, 1), (3, 1), (4, 1500))):
        blocks = blocks_of(tmp_path / str(number), rows_per_group, block_bytes)
        ids = ids_of(blocks, KEPT)
        pieces = [(block, ids[ids >> ROW_BITS == n] & (1 << ROW_BITS) - 1) for n, block in enumerate(blocks)]
        rows = BlockRows(tuple((block, rows) for block, rows in pieces if len(rows)))
        made.append(written(tmp_path / f"{number}.parquet", rows))
    texts = pa.array([ROWS[row].text for row in KEPT], pa.large_string())
    store_texts(texts_path(tmp_path, 0), texts)
    sizes = np.array([len(text) for text in texts.to_pylist()], np.int64)
    stored = StoredTexts(tmp_path, np.zeros(len(KEPT), np.int64), np.cumsum(sizes) - sizes, sizes)
    names = pa.Table.from_pylist([{n: getattr(ROWS[r], n) for n in SCHEMA.names} for r in KEPT], SCHEMA)
    made.append(written(tmp_path / "stored.parquet", StoredRows(stored, names.drop_columns(["text"]))))
    assert len(set(made)) == 1
    shard = pq.ParquetFile(tmp_path / "0.parquet")
    assert [shard.metadata.row_group(n).num_rows for n in range(shard.num_row_groups)] == [3, 1, 5, 7]
    assert shard.read()["path"].to_pylist() == [ROWS[row].path for row in KEPT]


def test_rows_of_blocks_must_be_in_order(tmp_path: Path) -> None:
    blocks = blocks_of(tmp_path, 3, 1)
    with pytest.raises(AssertionError, match="in their own order"):
        write_sorted(None, "write", blocks, ids_of(blocks, [1, 0]), np.array([1, 1]), tmp_path)  # type: ignore[arg-type]


def test_runs_of_rows_end_with_the_row_that_fills_them() -> None:
    sizes = np.array([3, 3, 5, 20, 1, 1, 1, 1])
    assert sorted_shards._fill(sizes, 10, 100) == [3, 4, 8]
    assert sorted_shards._fill(sizes, 10, 2) == [2, 4, 6, 8]
    assert sorted_shards._fill(sizes[:0], 10, 2) == []
