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

    Each is a run's folder, of which the deduplicated files that were finished last are meant, whether or not the run
    went on from them, or a folder with `files/part-*.parquet`.
    Raises InputError where one is neither.
    """
    return [shard for name in config.against for shard in CodeFiles(_folder_of(name)).shards()]


def earlier_identity(config: DeduplicateConfig) -> str:
    """Hex sha256 of what the shards of `config.against` hold, wherever they lie; empty where there are none.

    Their order counts, since what was kept of the work before a kill is kept by it. Instant for what a run has made,
    whose manifest says it. Raises as `earlier_shards` does.
    """
    if not config.against:
        return ""
    digest = hashlib.sha256()
    for name in config.against:
        for shard in _shard_digests(_folder_of(name)):
            digest.update(shard.encode())
    return digest.hexdigest()


def _folder_of(name: str) -> Path:
    folder = Path(name).expanduser()
    run = RunFolder(folder)
    if run.identity():
        folder = _newest(run)
    if not CodeFiles(folder).shards():
        raise InputError(
            f"deduplicate.against {name!r}: is no run's folder, and there is no {FILES}/part-*.parquet in it. "
            f"Name a run's folder, or one of deduplicated files such as runs/nano/deduplicate/..."
        )
    return folder


def _newest(run: RunFolder) -> Path:
    """The deduplicated files of a run that were finished last.

    `latest.json` does not say which: it follows whole runs alone, and a run may end with `--until deduplicate`.
    """
    manifests = run.path.glob(f"deduplicate/*/{MANIFEST}")
    # A dot marks what is partial or was set aside as damaged.
    finished = {path.parent for path in manifests if "." not in path.parent.name}
    # An artifact that was made under another name of the stage is known to whole runs.
    if (known := run.latest().get("deduplicate")) is not None and (known / MANIFEST).exists():
        finished.add(known)
    if not finished:
        raise InputError(f"deduplicate.against: the run {run.path} has not deduplicated any files yet. Run it first.")
    return max(finished, key=lambda folder: (str(read_manifest(folder)["finished_at"]), str(folder)))


def _shard_digests(folder: Path) -> list[str]:
    if (folder / MANIFEST).exists():
        described = read_manifest(folder).get("files", {})
        known = {name: str(entry["sha256"]) for name, entry in described.items() if name.startswith(f"{FILES}/")}
        names = [f"{FILES}/{shard.name}" for shard in CodeFiles(folder).shards()]
        if set(known) != set(names):
            raise ArtifactError(f"{folder}: its {FILES} are not those that its {MANIFEST} names. Have it made again.")
        return [known[name] for name in names]
    digests = []
    for shard in CodeFiles(folder).shards():
        with shard.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests
