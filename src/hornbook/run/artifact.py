"""Artifacts: what a stage leaves on disk, and the manifest that says how it came to be.

An artifact is a folder that appears whole or not at all. A stage writes into a partial folder next to it; the
runner syncs the files, writes `manifest.json` last and renames the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from hornbook.errors import ArtifactError

MANIFEST = "manifest.json"
RESUME = "resume"
"""Subfolder of a partial folder that survives a kill, for a stage that can go on from it; never in an artifact."""

Fact = str | int | float | bool | None


@dataclass(frozen=True)
class Facts:
    """What a stage has to say about its outcome besides the files."""

    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows by file name."""
    drops: Mapping[str, int] = field(default_factory=dict)
    """Rows that were left out, by reason."""
    metrics: Mapping[str, Fact] = field(default_factory=dict)
    """Measured outcomes, named with their unit."""


@dataclass(frozen=True)
class Artifact:
    """A finished stage's folder. Subclasses add typed access to its files; they hold no other state."""

    folder: Path
    facts: Facts = Facts()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The artifact in a finished folder. Raises ArtifactError where its manifest is missing or damaged."""
        manifest = read_manifest(folder)
        return cls(folder, Facts(rows=manifest["rows"], drops=manifest["drops"], metrics=manifest["metrics"]))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished artifact. Raises ArtifactError where there is none or it cannot be read."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{folder}: no {MANIFEST}, so this is not a finished artifact") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read: {error}. Delete {folder} to have it made again.") from None
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{path}: not a manifest. Delete {folder} to have it made again.")
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes and syncs the manifest; the last thing that happens to an artifact before it is renamed."""
    path = folder / MANIFEST
    with path.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def describe_files(folder: Path) -> dict[str, dict[str, Fact]]:
    """Size and sha256 of every file below a folder but the manifest, by relative path; syncs each to disk."""
    described: dict[str, dict[str, Fact]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            os.fsync(file.fileno())
        described[path.relative_to(folder).as_posix()] = {
            "sha256": digest.hexdigest(),
            "size_bytes": path.stat().st_size,
        }
    return described


def sync_folder(folder: Path) -> None:
    """Makes a rename inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
