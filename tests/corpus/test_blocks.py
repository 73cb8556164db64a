from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.blocks import SCHEMA, cut_into_blocks, keep
from hornbook.errors import ArtifactError, InputError
from hornbook.records import CodeFile

from .deduplication import write_shards

ROWS = [CodeFile("x" * 1000 + str(number), "o", f"{number}.py", "MIT") for number in range(25)]


def test_blocks_are_full_row_groups_and_have_every_row_once(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "in, with a blank", [ROWS[:18], [], ROWS[18:]], rows_per_group=4)
    blocks = cut_into_blocks(shards, block_bytes=8000)
    assert [block.num_rows for block in blocks] == [8, 8, 2, 7]
    assert [path for block in blocks for path in block.read(["path"])["path"].to_pylist()] == [r.path for r in ROWS]


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "part-00000.parquet"
    broken.write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"part-00000\.parquet: not a Parquet file that can be read"):
        cut_into_blocks([broken])
    pq.write_table(pa.table({"text": ["x"]}), broken)
    with pytest.raises(InputError, match=r"part-00000\.parquet: has no column 'license'"):
        cut_into_blocks([broken])
    (shard,) = write_shards(tmp_path / "in", [ROWS])
    (block,) = cut_into_blocks([shard])
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(ArtifactError, match=r"part-00000\.parquet: cannot be read"):
        block.read()


def test_other_types_of_text_are_read_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    columns = {name: pa.array(["x"], pa.string()) for name in SCHEMA.names}
    pq.write_table(pa.table(columns), path)
    (block,) = cut_into_blocks([path])
    assert block.read().schema.equals(SCHEMA)
    pq.write_table(pa.table(columns | {"license": [3]}), path)
    with pytest.raises(InputError, match=r"part-00000\.parquet: column 'license' is int64, not text"):
        cut_into_blocks([path])
    pq.write_table(pa.table(columns | {"origin": pa.array([None], pa.string())}), path)
    (block,) = cut_into_blocks([path])
    with pytest.raises(InputError, match=r"part-00000\.parquet: column 'origin' has a row without a value"):
        block.read()


def test_a_file_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        keep(tmp_path / "part", fail)
    assert not (tmp_path / "part").exists()
    keep(tmp_path / "part", lambda path: path.write_bytes(b"whole") and None)
    assert (tmp_path / "part").read_bytes() == b"whole"
