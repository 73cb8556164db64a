"""Earlier corpora: what a new one is deduplicated against."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hornbook.errors import ArtifactError, InputError
from hornbook.recipe import DeduplicateConfig
from hornbook.run.artifact import MANIFEST, read_manifest
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.folder import RunFolder


def earlier_shards(config: DeduplicateConfig) -> list[Path]:
    """The shards of `config.against`, in the order in which they are named.

    Each is a run's folder, whose latest deduplicated files are meant, or a folder with `files/part-*.parquet`.
    Raises InputError where one is neither.
    """
    return [shard for name in config.against for shard in CodeFiles(_folder_of(name)).shards()]


def earlier_identity(config: DeduplicateConfig) -> str:
    """Hex sha256 of what the shards of `config.against` hold, wherever they lie; empty where there are none.

    Instant for what a run has made, whose manifest says it. Raises as `earlier_shards` does.
    """
    if not config.against:
        return ""
    digest = hashlib.sha256()
    for name in config.against:
        for shard in sorted(_shard_digests(_folder_of(name))):
            digest.update(shard.encode())
    return digest.hexdigest()


def _folder_of(name: str) -> Path:
    folder = Path(name).expanduser()
    run = RunFolder(folder)
    if run.identity():
        folder = run.latest().get("deduplicate") or _newest(folder)
    if not CodeFiles(folder).shards():
        raise InputError(
            f"deduplicate.against {name!r}: is no run's folder, and there is no {FILES}/part-*.parquet in it. "
            f"Name a run's folder, or one of deduplicated files such as runs/nano/deduplicate/..."
        )
    return folder


def _newest(run: Path) -> Path:
    """Of a run that has not come to its end: the deduplicated files that were finished last."""
    finished = [path for path in run.glob(f"deduplicate/*/{MANIFEST}") if "." not in path.parent.name]
    if not finished:
        raise InputError(f"deduplicate.against: the run {run} has not deduplicated any files yet. Run it first.")
    return max(finished, key=lambda path: str(read_manifest(path.parent)["finished_at"])).parent


def _shard_digests(folder: Path) -> list[str]:
    if (folder / MANIFEST).exists():
        described = read_manifest(folder).get("files", {})
        found = [str(entry["sha256"]) for name, entry in described.items() if name.startswith(f"{FILES}/")]
        if len(found) != len(CodeFiles(folder).shards()):
            raise ArtifactError(f"{folder}: its {FILES} are not those that its {MANIFEST} names. Have it made again.")
        return found
    digests = []
    for shard in CodeFiles(folder).shards():
        with shard.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests
