import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hornbook.corpus.intake import parts
from hornbook.corpus.intake.parts import Names, Part, put_together
from hornbook.records import CodeFile, write_rows
from hornbook.run.datasets import CodeFiles


def written(folder: Path, *groups: Sequence[str], chars: int = 10) -> list[Part]:
    """A part for each group of `origin:path` names, said to have so many characters."""
    made = []
    for number, names in enumerate(groups):
        path = folder / f"made-{number}.parquet"
        rows = [CodeFile(f"{number}/{name}", *name.split(":"), license="MIT", source="here") for name in names]
        write_rows(path, CodeFile, rows, rows_per_group=2)
        made.append(Part(path, chars))
    return made


def names_of(made: CodeFiles) -> list[str]:
    return [f"{file.origin}:{file.path}" for file in made.read()]


def test_small_parts_are_joined_and_large_ones_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CHARS_PER_SHARD", 30)
    monkeypatch.setattr(parts, "LINKED_CHARS", 20)
    groups = [[f"o{part}:{n}.py" for n in range(5)] for part in range(5)]
    given = written(tmp_path, *groups)
    given[0] = Part(given[0].path, 20)
    assert put_together(given, tmp_path, 1) == Names(num_origins=5, num_renamed=0)
    made = CodeFiles(tmp_path)
    assert [shard.name for shard in made.shards()] == [f"part-0000{n}.parquet" for n in range(3)]
    assert [pq.read_metadata(shard).num_rows for shard in made.shards()] == [5, 10, 10]
    assert pq.read_metadata(made.shards()[1]).num_row_groups == 1
    assert os.path.samefile(made.shards()[0], given[0].path)
    assert names_of(made) == [name for group in groups for name in group]
    assert all(part.path.exists() for part in given)


def test_names_that_are_there_already_get_a_number(tmp_path: Path) -> None:
    given = written(tmp_path, ["a:x.py", "a:y.py", "a:x.py"], ["b:x.py", "a:x.py"], ["c:z.py"])
    assert put_together(given, tmp_path, 1) == Names(num_origins=3, num_renamed=2)
    made = CodeFiles(tmp_path)
    assert names_of(made) == ["a:x.py", "a:y.py", "a:x.py~2", "b:x.py", "a:x.py~3", "c:z.py"]
    assert [file.text for file in made.read()][2] == "0/a:x.py"


def test_a_name_with_a_number_that_is_there_is_passed_over(tmp_path: Path) -> None:
    given = written(tmp_path, ["a:x.py", "a:x.py", "a:x.py"], ["a:x.py~2", "a:x.py~4", "a:x.py~2", "b:x.py~3"])
    assert put_together(given, tmp_path, 1) == Names(num_origins=2, num_renamed=3)
    assert names_of(CodeFiles(tmp_path)) == [
        *("a:x.py", "a:x.py~3", "a:x.py~5"),
        *("a:x.py~2", "a:x.py~4", "a:x.py~2~2", "b:x.py~3"),
    ]


def test_without_hard_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    put_together(written(tmp_path, ["a:x.py"]), tmp_path, 1)
    assert names_of(CodeFiles(tmp_path)) == ["a:x.py"]


def test_a_part_without_rows(tmp_path: Path) -> None:
    assert put_together(written(tmp_path, [], ["a:x.py"]), tmp_path, 1) == Names(num_origins=1, num_renamed=0)
    assert names_of(CodeFiles(tmp_path)) == ["a:x.py"]
