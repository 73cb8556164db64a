import importlib.util
import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.sources import RawFile
from hornbook.corpus.sources.huggingface import HubDataset
from hornbook.errors import InputError, MissingDependencyError
from hornbook.recipe import HuggingFaceSource

from .trees import write_jsonl

pytest.importorskip("datasets", reason="the extra 'huggingface' is not installed")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def source(path: Path | str, seed: int | None = None, **fields: Any) -> HubDataset:
    return HubDataset(HuggingFaceSource(type="huggingface", path=str(path), **fields), seed)


def read(path: Path | str, **fields: Any) -> list[RawFile]:
    opened = source(path, **fields)
    return [file for shard in opened.shards() for file in pickle.loads(pickle.dumps(opened)).read(shard)]


def stack(folder: Path) -> Path:
    """A folder as bigcode/the-stack has it on the hub: a folder for each language, a few Parquet files in each."""
    for language in ("Python", "Java"):
        (folder / "data" / language.lower()).mkdir(parents=True)
        for part in range(3):
            rows = {
                "content": [f"x = {part}{n}\n" for n in range(4)],
                "max_stars_repo_path": [f"{part}/{n}.py" for n in range(4)],
                "max_stars_repo_name": ["a/b"] * 4,
                "max_stars_repo_licenses": [["MIT"]] * 4,
                "lang": [language] * 4,
            }
            name = f"train-{part:05}-of-00003.parquet"
            pq.write_table(pa.table(rows), folder / "data" / language.lower() / name)
    return folder


def test_a_local_folder_in_the_hubs_layout(tmp_path: Path) -> None:
    files = read(stack(tmp_path / "stack"), layout="the-stack", data_dir="data/python")
    assert len(files) == 12
    assert files[5] == RawFile("a/b", "1/1.py", "MIT", "x = 11\n")
    opened = source(tmp_path / "stack", layout="the-stack", data_dir="data/python")
    assert [(shard.start, shard.stop) for shard in opened.shards()] == [(0, 3), (1, 3), (2, 3)]


def test_json_lines_in_splits(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"content": "x = 1\n"}])
    write_jsonl(tmp_path / "test.jsonl", [{"content": "x = 2\n"}, {"content": None}])
    assert [file.content for file in read(tmp_path)] == ["x = 1\n"]
    files = read(tmp_path, split="test")
    assert [(file.path, file.drop_reason) for file in files] == [("000000:0", None), ("000000:1", "no_text")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"split": "dev"}, "split 'dev' cannot be opened .*Bad split: dev"),
        ({"data_dir": "data/rust"}, "split 'train' cannot be opened"),
        ({"data_dir": "data/python", "config_name": "odd"}, "split 'train' cannot be opened"),
        ({"data_dir": "data/python", "content_column": "code"}, "no column 'code'"),
        ({"data_dir": "data/python", "layout": "the-stack-v2"}, "no column 'path'"),
    ],
)
def test_what_is_not_there(tmp_path: Path, fields: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=f"source 'huggingface': .*{message}"):
        source(stack(tmp_path), **fields).shards()


def test_a_name_that_the_hub_does_not_give(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no way out")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", unreachable)
    with pytest.raises(InputError, match=r"some/name is no folder, and the hub gives no .*ConnectionError: no way out"):
        source("some/name").identity()
    commit = "0123456789" * 4
    assert source(f"some/name@{commit}").identity() == f"some/name@{commit}"


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hornbook\[huggingface\]'"):
        source(tmp_path).identity()


def test_a_file_that_is_damaged_inside(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl.gz", [{"content": f"x = {n}\n" * 9} for n in range(30_000)])
    whole = (tmp_path / "train.jsonl.gz").read_bytes()
    (tmp_path / "train.jsonl.gz").write_bytes(whole[:-1000])
    with pytest.raises(InputError, match=r"source 'huggingface': .* (cannot be read after row|cannot be opened)"):
        read(tmp_path)


def test_identity_follows_the_folder(tmp_path: Path) -> None:
    stack(tmp_path)
    before = source(tmp_path).identity()
    assert source(tmp_path).identity() == before
    os.utime(tmp_path / "data/python/train-00000-of-00003.parquet", ns=(0, 1))
    assert source(tmp_path).identity() != before
