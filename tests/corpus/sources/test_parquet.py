import os
import pickle
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.sources import RawFile, parquet
from hornbook.corpus.sources.parquet import ParquetFiles
from hornbook.errors import InputError
from hornbook.recipe import ParquetSource


def source(path: Path | str, seed: int | None = None, **fields: Any) -> ParquetFiles:
    return ParquetFiles(ParquetSource(type="parquet", path=str(path), **fields), seed)


def read(path: Path | str, **fields: Any) -> list[RawFile]:
    opened = source(path, **fields)
    return [file for shard in opened.shards() for file in pickle.loads(pickle.dumps(opened)).read(shard)]


def write(path: Path, columns: dict[str, Any], rows_per_group: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=rows_per_group)
    return path


def plain(*numbers: int) -> dict[str, Any]:
    return {"content": [f"x = {n}\n" for n in numbers], "path": [f"{n}.py" for n in numbers]}


def test_a_file_a_folder_and_a_glob(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path / f"{name}.parquet", {"content": [f"{name} = 1\n"]})
    write(tmp_path / "deep er" / "ü.parquet", {"content": ["u = 1\n"]})
    write(tmp_path / "_hidden" / "d.parquet", {"content": ["d = 1\n"]})
    (tmp_path / "README.md").write_text("no table")
    assert read(tmp_path / "b.parquet") == [RawFile("parquet", "b.parquet:0", "", "b = 1\n")]
    assert [file.path for file in read(tmp_path)] == [
        "a.parquet:0",
        "b.parquet:0",
        "c.parquet:0",
        "deep er/ü.parquet:0",
    ]
    assert [file.path for file in read(f"{tmp_path}/[ab].parquet")] == ["a.parquet:0", "b.parquet:0"]
    assert [file.path for file in read(f"{tmp_path}/*/*.parquet")] == ["_hidden/d.parquet:0", "deep er/ü.parquet:0"]


def test_a_path_that_looks_like_a_pattern(tmp_path: Path) -> None:
    write(tmp_path / "a [1] *" / "x::y#%.parquet", plain(1))
    assert [file.path for file in read(tmp_path / "a [1] *")] == ["1.py"]


def test_a_url() -> None:
    system = fsspec.filesystem("memory")
    with system.open("/hornbook-test/a.parquet", "wb") as file:
        pq.write_table(pa.table(plain(1, 2)), file)
    try:
        assert [file.path for file in read("memory://hornbook-test/*.parquet")] == ["1.py", "2.py"]
        assert [file.path for file in read("memory://hornbook-test")] == ["1.py", "2.py"]
    finally:
        system.rm("/hornbook-test", recursive=True)


def test_row_groups_are_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet", plain(*range(25)) | {"unused": [b"x" * 100] * 25}, rows_per_group=5)
    monkeypatch.setattr(parquet, "BYTES_PER_SHARD", 1)
    opened = source(tmp_path)
    shards = opened.shards()
    assert [(shard.start, shard.stop) for shard in shards] == [(n, n + 1) for n in range(5)]
    assert [file.path for file in opened.read(shards[3])] == [f"{n}.py" for n in range(15, 20)]
    without_paths = source(tmp_path, path_column="unused")
    assert [file.path for file in without_paths.read(shards[1])][:2] == ["a.parquet:5", "a.parquet:6"]
    seeded = [shard.name for shard in source(tmp_path, seed=1).shards()]
    assert seeded == [shard.name for shard in source(tmp_path, seed=1).shards()]
    assert sorted(seeded) == [shard.name for shard in shards] != seeded


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x = 1"], pa.large_string()),
        pa.array([b"x = 1"], pa.binary()),
        pa.array(["x = 1"]).dictionary_encode(),
    ],
)
def test_kinds_of_text(tmp_path: Path, column: Any) -> None:
    assert read(write(tmp_path / "a.parquet", {"content": column}))[0].content in ("x = 1", b"x = 1")


def strings(*values: bytes) -> Any:
    """A column of text that nobody has looked at, as other writers of Parquet leave it."""
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    )


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    columns = {
        "content": strings(b"# caf\xc3\xa9", b"# caf\xe9", b"\xff\x00"),
        "path": strings(b"a.py", b"\xe9.py", b"c.py"),
        "repo": strings(b"o", b"o\xe9", b"\xc3\xa9"),
        "license": pa.ListArray.from_arrays([0, 1, 2, 3], strings(b"MIT", b"MIT", b"M\xe9")),
    }
    assert read(write(tmp_path / "a.parquet", columns)) == [
        RawFile("o", "a.py", "MIT", "# café"),
        RawFile("o\ufffd", "\ufffd.py", "MIT", b"# caf\xe9"),
        RawFile("é", "c.py", "M\ufffd", b"\xff\x00"),
    ]
    # As text, so that a cookie is not asked about what Parquet says is UTF-8.
    assert isinstance(read(tmp_path / "a.parquet")[0].content, str)


@pytest.mark.parametrize(
    ("stored", "text"), [(pa.large_binary(), pa.large_string()), (pa.binary_view(), pa.string_view())]
)
def test_other_kinds_of_text_that_is_not_utf8(tmp_path: Path, stored: Any, text: Any) -> None:
    content = pa.array([b"x = 1", b"# \xe9", None], stored).view(text)
    paths = pa.array(["a.py", "b.py", None]).dictionary_encode()
    found = read(write(tmp_path / "a.parquet", {"content": content, "path": paths}))
    assert [(file.path, file.content) for file in found] == [
        ("a.py", "x = 1"),
        ("b.py", b"# \xe9"),
        ("a.parquet:2", ""),
    ]


def test_the_head_of_starcoder_before_what_is_not_utf8(tmp_path: Path) -> None:
    columns = {
        "content": strings(b"<reponame>o/r<gh_stars>1\n# caf\xe9"),
        "max_stars_repo_path": ["a.py"],
        "max_stars_repo_name": ["o/r"],
    }
    (file,) = read(write(tmp_path / "a.parquet", columns), layout="starcoderdata")
    assert file.content == b"# caf\xe9"


def test_a_column_that_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"contents": ["x"], "path": ["a.py"]})
    message = (
        r"source 'parquet': .*a\.parquet has no column 'content'. Did you mean 'contents'\? It has contents, path\."
    )
    with pytest.raises(InputError, match=message):
        source(path).shards()
    assert read(path, content_column="contents")[0].content == "x"
    with pytest.raises(InputError, match="has no column 'repo_name'"):
        source(path, content_column="contents", origin_column="repo_name").shards()


def test_a_column_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'content' of .* is int64, not text. Set content_column"):
        source(write(tmp_path / "a.parquet", {"content": [1]})).shards()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1 and then something else PAR1", b"x = 1\n" * 100])
def test_a_file_that_is_not_parquet(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(InputError, match=r"source 'parquet': .*/a\.parquet is no Parquet file: "):
        source(tmp_path).shards()


def test_a_file_that_is_damaged_inside(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"content": [os.urandom(2000).hex() for _ in range(100)]})
    data = bytearray(path.read_bytes())
    data[1000:5000] = b"\xff" * 4000
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"source 'parquet': .*/a\.parquet is damaged: "):
        read(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source 'parquet': .*nowhere does not exist"):
        source(tmp_path / "nowhere").identity()
    with pytest.raises(InputError, match=r"has no file ending in \.parquet or \.pq"):
        source(tmp_path).identity()
    with pytest.raises(InputError, match=r"has no file ending in \.parquet or \.pq"):
        source(f"{tmp_path}/*.parquet").identity()
    with pytest.raises(InputError, match="nosuch://bucket/x cannot be read: Protocol not known: nosuch"):
        source("nosuch://bucket/x").identity()
    with pytest.raises(InputError, match="have no rows"):
        source(write(tmp_path / "a.parquet", {"content": pa.array([], pa.string())})).shards()


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", plain(1))

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    # Root may read everything, so taking the permission away would show nothing there.
    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.open", refuse)
    with pytest.raises(InputError, match=r"a\.parquet cannot be read: no permission"):
        source(tmp_path).shards()


def test_a_package_that_a_url_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise ImportError("Please install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(InputError, match="s3://b/x needs a package for its kind of URL: Please install s3fs"):
        source("s3://b/x").identity()


def test_identity_follows_what_is_there_and_not_the_place(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1" / "a.parquet", plain(1)), write(tmp_path / "2" / "a.parquet", plain(1))
    os.utime(one, ns=(0, 5_000_000_000))
    os.utime(two, ns=(0, 5_000_000_000))
    before = source(one.parent).identity()
    assert source(two.parent).identity() == before
    assert source(f"{two.parent}/*.parquet").identity() == before
    write(two, plain(1, 2))
    assert source(two.parent).identity() != before
