import gzip
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.cleaning.clean import Dropped, clean
from hornbook.corpus.sources import RawFile, jsonl
from hornbook.corpus.sources.jsonl import JsonlFiles
from hornbook.errors import InputError
from hornbook.recipe import CollectConfig, JsonlSource

from .trees import write_jsonl

MAX_CHARS = 1000


def source(path: Path | str, seed: int | None = None, max_chars: int = MAX_CHARS, **fields: Any) -> JsonlFiles:
    return JsonlFiles(JsonlSource(type="jsonl", path=str(path), **fields), max_chars, seed)


def read(path: Path | str, **fields: Any) -> list[RawFile]:
    opened = source(path, **fields)
    return [file for shard in opened.shards() for file in pickle.loads(pickle.dumps(opened)).read(shard)]


ROWS = [{"content": f"x = {n}\n", "path": f"{n}.py", "repo": "a/b", "license": "MIT"} for n in range(3)]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.ndjson", "rows.json.gz"])
def test_rows(tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / name, ROWS)
    assert read(tmp_path) == [RawFile("a/b", f"{n}.py", "MIT", f"x = {n}\n") for n in range(3)]


def test_files_are_shards(tmp_path: Path) -> None:
    for name in ("c ü", "a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"content": name}])
    assert [file.path for file in read(tmp_path)] == ["a.jsonl:1", "b.jsonl:1", "c ü.jsonl:1"]
    assert [shard.name for shard in source(f"{tmp_path}/[ab].jsonl").shards()] == ["a.jsonl", "b.jsonl"]
    orders = [[shard.name for shard in source(tmp_path, seed=seed).shards()] for seed in range(4)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


@pytest.mark.parametrize("shard_bytes", [61, 64, 500, 1000])
def test_a_long_file_is_read_in_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard_bytes: int) -> None:
    rows = [{"content": "x" * (n * n % 37)} for n in range(30)] + [b"\n", {"content": "y" * 70_000}, {"content": "z"}]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    whole = read(tmp_path)
    monkeypatch.setattr(jsonl, "BYTES_PER_SHARD", shard_bytes)
    parts = read(tmp_path)
    assert [(file.content, file.drop_reason) for file in parts] == [(file.content, file.drop_reason) for file in whole]
    assert len({file.path for file in parts}) == 32
    data = (tmp_path / "rows.jsonl").read_bytes()
    for file in parts:
        place = int(file.path.removeprefix("rows.jsonl@"))
        assert data[place : place + 12] == b'{"content": '


def test_several_members_of_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"content": "a"}\n') + gzip.compress(b'{"content": "b"}\n')
    (tmp_path / "rows.jsonl.gz").write_bytes(whole)
    assert [file.content for file in read(tmp_path)] == ["a", "b"]


def test_rows_that_are_no_files_are_counted_by_their_line(tmp_path: Path) -> None:
    lines = [
        {"content": "good"},
        b"\n",
        b"{broken\n",
        ["a", "list"],
        "a string",
        b"12\n",
        {"text": "of another column"},
        {"content": None},
        {"content": ["x"]},
        b'{"content": "\xff\xfe"}\n',
        b"[" * 100_000 + b"\n",
        b'{"content": "the last one has no end"}',
    ]
    write_jsonl(tmp_path / "rows.jsonl", lines)
    assert [(file.path, file.drop_reason) for file in read(tmp_path)] == [
        ("rows.jsonl:1", None),
        ("rows.jsonl:3", "invalid_json"),
        ("rows.jsonl:4", "not_an_object"),
        ("rows.jsonl:5", "not_an_object"),
        ("rows.jsonl:6", "not_an_object"),
        ("rows.jsonl:7", "no_text"),
        ("rows.jsonl:8", "no_text"),
        ("rows.jsonl:9", "no_text"),
        ("rows.jsonl:10", "invalid_json"),
        ("rows.jsonl:11", "too_large"),
        ("rows.jsonl:12", None),
    ]


def test_a_row_nested_too_deep(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [b"[" * 50_000 + b"\n", {"content": "good"}])
    assert [file.drop_reason for file in read(tmp_path)] == ["invalid_json", None]


def test_half_of_a_character_is_a_drop_and_no_crash(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [b'{"content": "x = \\"\\ud800\\"  # and more", "license": "MIT"}\n'])
    (file,) = read(tmp_path)
    assert clean(file, CollectConfig(min_chars=1)) == Dropped("not_utf8")


def test_a_line_that_is_too_long_is_not_held(tmp_path: Path) -> None:
    with (tmp_path / "rows.jsonl").open("wb") as file:
        file.write(b'{"content": "')
        file.truncate(30 << 20)
        file.seek(0, 2)
        file.write(b'"}\n' + json.dumps({"content": "good"}).encode() + b"\n")
    tracemalloc.start()
    files = read(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(file.path, file.drop_reason) for file in files] == [("rows.jsonl:1", "too_large"), ("rows.jsonl:2", None)]
    assert peak < 8 << 20


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.jsonl.zst"])
def test_a_truncated_file(tmp_path: Path, name: str) -> None:
    path = write_jsonl(tmp_path / name, [{"content": f"x = {n}\n" * 5} for n in range(30_000)])
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=rf"source 'jsonl': .*/{name} is damaged after line \d+: Truncated") as raised:
        read(tmp_path)
    number = int(str(raised.value).split("after line ")[1].split(":")[0])
    assert 1000 < number < 30_000


def test_a_file_that_is_not_compressed_as_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(b'{"content": "x"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl\.gz is damaged after line 0"):
        read(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no file ending in \.jsonl or "):
        source(tmp_path).shards()
    (tmp_path / "a.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="are empty"):
        source(tmp_path).shards()
