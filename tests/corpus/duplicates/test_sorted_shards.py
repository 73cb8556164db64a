from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.corpus.blocks import SCHEMA
from hornbook.corpus.duplicates import sorted_shards
from hornbook.corpus.duplicates.file_index import NAMES
from hornbook.corpus.duplicates.sorted_shards import ShardTask, StoredRows, write_shard
from hornbook.corpus.duplicates.stored_texts import StoredTexts, starts_in_blocks, store_texts, texts_path
from hornbook.records import CodeFile

ROWS = [CodeFile("x" * (number % 7) * 100 + str(number), "o", f"{number:02}.py", "MIT") for number in range(40)]
KEPT = [0, 1, 2, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 30, 39]
ENDS = (3, 4, 9, 16)


def stored(folder: Path, ends: list[int]) -> StoredTexts:
    """The texts of ROWS in blocks that end there."""
    folder.mkdir()
    starts = [0, *ends[:-1]]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        store_texts(texts_path(folder, number), pa.array([row.text for row in ROWS[start:end]], pa.large_string()))
    numbers = np.repeat(np.arange(len(ends)), np.diff([0, *ends]))
    sizes = np.array([len(row.text) for row in ROWS])
    return StoredTexts(folder, numbers, starts_in_blocks(numbers, sizes), sizes)


def test_a_shard_has_the_same_bytes_wherever_its_texts_lie(tmp_path: Path) -> None:
    names = pa.Table.from_pylist([{name: getattr(ROWS[row], name) for name in NAMES} for row in KEPT])
    schema = pa.schema([SCHEMA.field(name) for name in NAMES])
    made = []
    for number, ends in enumerate(([40], [25, 25, 40], [3, 6, 9, 12, 30, 40])):
        texts = stored(tmp_path / str(number), ends)[np.array(KEPT)]
        path = tmp_path / f"{number}.parquet"
        write_shard(ShardTask(path, StoredRows(texts, names.select(NAMES).cast(schema)), 0, ENDS))
        made.append(path.read_bytes())
    assert len(set(made)) == 1
    shard = pq.ParquetFile(tmp_path / "0.parquet")
    assert [shard.metadata.row_group(n).num_rows for n in range(shard.num_row_groups)] == [3, 1, 5, 7]
    assert shard.read().to_pylist() == [{name: getattr(ROWS[row], name) for name in SCHEMA.names} for row in KEPT]


def test_runs_of_rows_end_with_the_row_that_fills_them() -> None:
    sizes = np.array([3, 3, 5, 20, 1, 1, 1, 1])
    assert sorted_shards._fill(sizes, 10, 100) == [3, 4, 8]
    assert sorted_shards._fill(sizes, 10, 2) == [2, 4, 6, 8]
    assert sorted_shards._fill(sizes[:0], 10, 2) == []
