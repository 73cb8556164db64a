"""Rows on disk: written all at once or one by one, the bytes are the same."""

from pathlib import Path

import pytest

from hornbook.errors import ArtifactError
from hornbook.records import Exercise, RowWriter, Subtopic, TextbookSection, read_rows, write_rows

ROWS = [Subtopic(f"topic {number % 3}", f"name {number}") for number in range(10)]


@pytest.mark.parametrize("count", [0, 1, 4, 8, 10])
def test_one_by_one_gives_the_bytes_of_all_at_once(tmp_path: Path, count: int) -> None:
    assert write_rows(tmp_path / "a.parquet", Subtopic, iter(ROWS[:count]), rows_per_group=4) == count
    with RowWriter(tmp_path / "b.parquet", Subtopic, rows_per_group=4) as writer:
        for row in ROWS[:count]:
            writer.add(row)
    assert writer.count == count
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert list(read_rows(tmp_path / "b.parquet", Subtopic)) == ROWS[:count]


def test_an_error_on_the_way_adds_no_half_group(tmp_path: Path) -> None:
    def write() -> None:
        with RowWriter(tmp_path / "r.parquet", Subtopic, rows_per_group=4) as writer:
            for row in ROWS[:6]:
                writer.add(row)
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert list(read_rows(tmp_path / "r.parquet", Subtopic)) == ROWS[:4]


def test_an_exercise_keeps_its_verdict(tmp_path: Path) -> None:
    rows = [Exercise("t", "f", "p", "s", "c", ("a", "b"), "loop"), Exercise("u", "f", "p", "s", "c", (), "", "agreed")]
    write_rows(tmp_path / "e.parquet", Exercise, rows)
    assert list(read_rows(tmp_path / "e.parquet", Exercise)) == rows
    assert [row.verdict for row in rows] == ["computed", "agreed"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "s.parquet", Subtopic, ROWS)
    with pytest.raises(ArtifactError, match="column 'audience' of TextbookSection is missing"):
        list(read_rows(tmp_path / "s.parquet", TextbookSection))
