import json
import shutil
from pathlib import Path

import pytest

from hornbook.corpus.duplicates.earlier import earlier_identity, earlier_shards
from hornbook.errors import ArtifactError, InputError
from hornbook.recipe import DeduplicateConfig
from hornbook.run.artifact import MANIFEST, describe_files
from hornbook.run.fingerprint import canonical
from tests.corpus.deduplication import FEW, write_shards


def against(*folders: Path) -> DeduplicateConfig:
    return DeduplicateConfig(against=tuple(map(str, folders)))


def manifest_of(folder: Path, finished_at: str = "") -> None:
    (folder / MANIFEST).write_text(json.dumps({"files": describe_files(folder), "finished_at": finished_at}))


def test_identity_follows_what_is_in_the_shards_and_not_where_they_lie(tmp_path: Path) -> None:
    write_shards(tmp_path / "one", [FEW[:3], FEW[3:]])
    assert earlier_identity(DeduplicateConfig()) == ""
    identity = earlier_identity(against(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "a copy, ümlaut")
    assert earlier_identity(against(tmp_path / "a copy, ümlaut")) == identity
    manifest_of(tmp_path / "one")
    assert earlier_identity(against(tmp_path / "one")) == identity
    write_shards(tmp_path / "other", [FEW[:3], FEW[4:]])
    assert earlier_identity(against(tmp_path / "other")) != identity
    write_shards(tmp_path / "turned", [FEW[3:], FEW[:3]])
    assert earlier_identity(against(tmp_path / "turned")) != identity
    assert canonical(against(tmp_path / "one")) == canonical(against(tmp_path / "other"))


def test_a_run_is_its_last_deduplicated_files(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "run" / "deduplicate" / "abc", [FEW])
    (tmp_path / "run" / "run.json").write_text('{"hornbook_run": "nano"}')
    with pytest.raises(InputError, match=r"deduplicate\.against: the run .*run has not deduplicated any files yet"):
        earlier_shards(against(tmp_path / "run"))
    manifest_of(tmp_path / "run" / "deduplicate" / "abc", finished_at="2026-01-02")
    write_shards(tmp_path / "run" / "deduplicate" / "older", [FEW[1:]])
    manifest_of(tmp_path / "run" / "deduplicate" / "older", finished_at="2026-01-01")
    assert earlier_shards(against(tmp_path / "run")) == list(shards)
    # The last whole run is of older files: a later one ended with `--until deduplicate`.
    (tmp_path / "run" / "latest.json").write_text('{"deduplicate": "deduplicate/older"}')
    assert earlier_shards(against(tmp_path / "run")) == list(shards)
    shutil.rmtree(tmp_path / "run" / "deduplicate" / "older")
    assert earlier_shards(against(tmp_path / "run")) == list(shards)


def test_files_made_under_another_name_of_the_stage_are_found(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "run" / "deduplicate_other" / "abc", [FEW])
    manifest_of(tmp_path / "run" / "deduplicate_other" / "abc", finished_at="2026-01-02")
    (tmp_path / "run" / "run.json").write_text('{"hornbook_run": "nano"}')
    (tmp_path / "run" / "latest.json").write_text('{"deduplicate": "deduplicate_other/abc"}')
    assert earlier_shards(against(tmp_path / "run")) == list(shards)


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"deduplicate\.against '.*missing': is no run's folder, and there is no files/"
    ):
        earlier_identity(against(tmp_path / "missing"))
    write_shards(tmp_path / "one", [FEW])
    manifest_of(tmp_path / "one")
    write_shards(tmp_path / "two", [FEW])
    (tmp_path / "two" / "files" / "part-00000.parquet").rename(tmp_path / "one" / "files" / "part-00001.parquet")
    with pytest.raises(ArtifactError, match=r"one: its files are not those that its manifest\.json names"):
        earlier_identity(against(tmp_path / "one"))
