"""A run folder: `<run>/<node>/<fingerprint>/`, a lock, and `run.json`, which says whose folder it is.

An artifact is found by its fingerprint, whatever the name of the node that left it: a study finds a run's, and a run a
study's.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.errors import ArtifactError, RunFolderError
from hornbook.run.artifact import MANIFEST, read_manifest, sync_folder
from hornbook.run.graph import Node

IDENTITY = "run.json"
LATEST = "latest.json"
LOCK = ".lock"
REPLIES = "replies.sqlite"
TRACKERS = "trackers"
FINGERPRINT_CHARS = 12


@dataclass(frozen=True)
class RunFolder:
    """Where one recipe's artifacts live. Making the object touches nothing."""

    path: Path

    @property
    def replies(self) -> Path:
        """The cache of teachers' replies; stages share it, and it outlives every change of the recipe."""
        return self.path / REPLIES

    @property
    def trackers(self) -> Path:
        """Where trackers of training write; it outlives the folders that a run makes and renames."""
        return self.path / TRACKERS

    def artifact_folder(self, node: Node[Any]) -> Path:
        """Where a node's finished artifact is, under whatever name it was made, or will be."""
        own = self._own_folder(node)
        if not own.is_dir():
            others = self.path.glob(f"*/{own.name}/{MANIFEST}")
            return min((manifest.parent for manifest in others), default=own)
        return own

    def _own_folder(self, node: Node[Any]) -> Path:
        return self.path / node.name / node.fingerprint[:FINGERPRINT_CHARS]

    def partial_folder(self, node: Node[Any]) -> Path:
        """Where a stage writes until it is done."""
        return self.path / node.name / f"{node.fingerprint[:FINGERPRINT_CHARS]}.partial"

    def finished_manifest(self, node: Node[Any]) -> dict[str, Any] | None:
        """The manifest of a node's artifact, or None where it has not been made.

        Raises ArtifactError where the artifact is there but its files are not what the manifest says.
        """
        folder = self.artifact_folder(node)
        if not folder.is_dir():
            return None
        manifest = read_manifest(folder)
        for name, described in manifest["files"].items():
            file = folder / name
            size = file.stat().st_size if file.is_file() else None
            if size != described["size_bytes"]:
                found = "is missing" if size is None else f"has {size} bytes"
                raise ArtifactError(f"{file} {found}, its manifest says {described['size_bytes']} bytes")
        return manifest

    def earlier_manifests(self, node: Node[Any]) -> list[dict[str, Any]]:
        """Manifests of the same node under other fingerprints, latest first."""
        manifests = []
        for path in (self.path / node.name).glob(f"*/{MANIFEST}"):
            # A dot marks what is partial or was set aside as damaged.
            if path.parent != self.artifact_folder(node) and "." not in path.parent.name:
                try:
                    manifests.append(read_manifest(path.parent))
                except ArtifactError:
                    continue  # A damaged leftover explains nothing; the node that owns it will say so itself.
        return sorted(manifests, key=lambda manifest: str(manifest["finished_at"]), reverse=True)

    def set_aside(self, node: Node[Any]) -> Path:
        """Moves a damaged artifact out of the way without deleting it, and returns its new place."""
        folder = self.artifact_folder(node)
        for number in range(1, 1000):
            aside = folder.with_name(f"{folder.name}.damaged-{number}")
            if not aside.exists():
                folder.rename(aside)
                return aside
        raise RunFolderError(f"{folder.parent}: a thousand damaged artifacts; look at the disk, then delete them")

    def start(self, node: Node[Any], keep: str) -> Path:
        """The empty partial folder of a node, but for the subfolder `keep`, which a kill may have left."""
        partial = self.partial_folder(node)
        partial.mkdir(parents=True, exist_ok=True)
        for entry in partial.iterdir():
            if entry.name != keep:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return partial

    def finish(self, node: Node[Any]) -> Path:
        """Makes a whole partial folder the artifact."""
        folder = self._own_folder(node)
        self.partial_folder(node).rename(folder)
        sync_folder(folder.parent)
        return folder

    def latest(self) -> dict[str, Path]:
        """The artifact folder of each node in the last whole run; empty where there was none."""
        return {name: self.path / str(relative) for name, relative in self._read_json(LATEST).items()}

    def latest_artifact(self, name: str) -> Path:
        """The folder of a node's artifact in the last whole run. Raises RunFolderError where there is none."""
        if not self.identity():
            raise RunFolderError(f"{self.path}: is not a run's folder. Make one with: hornbook run nano")
        if name not in self.latest():
            raise RunFolderError(f"{self.path}: has no finished {name!r} yet. Run its recipe to the end first.")
        return self.latest()[name]

    def identity(self) -> dict[str, Any]:
        """What `run.json` says; empty for a folder that does not exist yet."""
        return self._read_json(IDENTITY)

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path}: cannot be read: {error}. Choose another folder with --out.") from None
        return content if isinstance(content, dict) else {}

    @contextmanager
    def locked(self, recipe_name: str) -> Iterator[None]:
        """Makes the folder this recipe's and keeps every other process out until the block ends.

        Raises RunFolderError where it is another recipe's, something else's, locked, or cannot be written.
        """
        lock = self._claim(recipe_name)
        try:
            yield
        finally:
            os.close(lock)

    def _claim(self, recipe_name: str) -> int:
        """Takes the lock and says whose folder it is; returns the lock's descriptor, which holds it while open."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.check_owner(recipe_name)
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._take(lock)
                if not (self.path / IDENTITY).exists():
                    self.write_json(IDENTITY, {"hornbook_run": recipe_name})
            except BaseException:
                os.close(lock)
                raise
            return lock
        except PermissionError as error:
            raise RunFolderError(
                f"{error.filename or self.path}: no permission to write. Choose another folder with --out."
            ) from None
        except (FileExistsError, NotADirectoryError):
            raise RunFolderError(f"{self.path}: is not a folder. Choose another with --out.") from None
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be used: {error}. Choose another with --out.") from None

    def check_owner(self, recipe_name: str) -> None:
        """Raises RunFolderError where the folder is there and is not this recipe's run."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunFolderError(f"{self.path}: is not a folder. Choose another with --out.")
        owner = self.identity().get("hornbook_run")
        if owner is None and any(entry.name != LOCK for entry in self.path.iterdir()):
            raise RunFolderError(f"{self.path}: has files that are not a run's. Choose another folder with --out.")
        if owner is not None and owner != recipe_name:
            raise RunFolderError(
                f"{self.path}: is the folder of run {owner!r}, not of {recipe_name!r}. "
                f"Choose another folder with --out, or give the recipe the name {owner!r}."
            )

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise RunFolderError(
                f"{self.path}: process {holder} is running here. Wait for it, or choose another folder with --out."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    def write_json(self, name: str, content: object) -> None:
        """Replaces a small JSON file of the run folder, whole or not at all."""
        temporary = self.path / f".{name}.new"
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.path / name)
