from pathlib import Path

import pytest

from hornbook.records import CodeFile
from hornbook.run import datasets
from hornbook.run.datasets import CodeFiles, shard_path, write_code_files


def rows(count: int) -> list[CodeFile]:
    return [CodeFile("x" * 10, "origin", f"{number}.py", "MIT", "here") for number in range(count)]


def test_shards_end_where_they_are_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CHARS_PER_SHARD", 25)
    assert write_code_files(tmp_path, iter(rows(7))) == 7
    made = CodeFiles(tmp_path)
    assert made.shards() == [shard_path(tmp_path, number) for number in range(3)]
    assert list(made.read()) == rows(7)


def test_no_files_are_one_shard_without_rows(tmp_path: Path) -> None:
    assert write_code_files(tmp_path, []) == 0
    assert len(CodeFiles(tmp_path).shards()) == 1
    assert list(CodeFiles(tmp_path).read()) == []
