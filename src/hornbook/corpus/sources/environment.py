"""Where raw code comes from: the standard library and the installed distributions of the running environment."""

from __future__ import annotations

import csv
import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import Distribution, PackageMetadata
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from hornbook.corpus.licenses import LICENSE_DROP_REASONS, License, read_license
from hornbook.corpus.sources.listed import ListedFile, read_listed, shards_of
from hornbook.corpus.sources.protocol import RawFile, Shard

STANDARD_LIBRARY_LICENSE = "PSF-2.0"
OWN_NAME = "hornbook"


@dataclass(frozen=True, slots=True)
class Environment:
    """The source `environment`."""

    name: str
    max_chars: int
    seed: int | None

    def identity(self) -> str:
        """As `environment_identity`."""
        return environment_identity()

    def shards(self) -> list[Shard]:
        """Runs of the files that `list_environment` finds."""
        return shards_of(self.name, list_environment(), self.seed)

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The files of a shard."""
        return read_listed(shard, self.max_chars)


def list_environment() -> list[ListedFile]:
    """Every Python file of the standard library and of the installed distributions, ordered by origin and path."""
    found = list(_standard_library())
    for distribution, fields in _distributions():
        found.extend(_distribution_files(distribution, fields))
    return sorted(found, key=lambda file: (file.origin, file.path))


def environment_identity() -> str:
    """Hex sha256 of what `environment` is made of: the Python version and the permissive distributions' versions.

    Reads metadata and no code, so that a plan stays instant. An edited file of an installed distribution goes
    unnoticed.
    """
    names = sorted(_origin(fields) for _, fields in _distributions() if _license(fields).standing == "permissive")
    return hashlib.sha256("\n".join([_python_origin(), *names]).encode()).hexdigest()


def _python_origin() -> str:
    return f"python-{platform.python_version()}"


def _standard_library() -> Iterator[ListedFile]:
    root = sysconfig.get_path("stdlib")
    origin = _python_origin()
    for folder, folders, files in os.walk(root):
        if folder == root:
            folders[:] = [name for name in folders if name not in ("site-packages", "dist-packages")]
        inside = folder[len(root) :].strip(os.sep).replace(os.sep, "/")
        for name in (*folders, *files):
            if name.endswith(".py"):
                path = f"{inside}/{name}" if inside else name
                yield ListedFile(origin, path, STANDARD_LIBRARY_LICENSE, os.path.join(folder, name))


def _distribution_files(distribution: Distribution, fields: PackageMetadata) -> Iterator[ListedFile]:
    license, origin = _license(fields), _origin(fields)
    reason = LICENSE_DROP_REASONS.get(license.standing)
    root = str(distribution.locate_file(""))
    for path in map(PurePosixPath, _names(distribution)):
        # A file outside the distribution's own folder is a script that an installer wrote.
        if path.suffix == ".py" and ".." not in path.parts and not path.is_absolute():
            yield ListedFile(origin, str(path), license.name, os.path.join(root, path), reason)


def _names(distribution: Distribution) -> list[str]:
    """Names of the distribution's Python files; `distribution.files` makes an object of each other one too."""
    record = distribution.read_text("RECORD")
    if not record:
        return [file.as_posix() for file in distribution.files or ()]
    return [row[0] for row in csv.reader(record.splitlines()) if row and row[0].endswith(".py")]


def _distributions() -> list[tuple[Distribution, PackageMetadata]]:
    """Installed distributions by name, with their metadata, which each look at `Distribution.metadata` parses anew.

    Of one that is there twice, the first on the path, as an import would have.
    """
    found: dict[str, tuple[Distribution, PackageMetadata]] = {}
    for distribution in metadata.distributions():
        fields = distribution.metadata
        # A damaged installation has no name in its metadata.
        name = _field(fields, "Name")
        if name and canonicalize_name(name) != OWN_NAME:
            found.setdefault(canonicalize_name(name), (distribution, fields))
    return [found[name] for name in sorted(found)]


def _origin(fields: PackageMetadata) -> str:
    return f"{canonicalize_name(fields['Name'])}-{fields['Version']}"


def _license(fields: PackageMetadata) -> License:
    classifiers = fields.get_all("Classifier") or []
    return read_license(_field(fields, "License-Expression"), classifiers, _field(fields, "License"))


def _field(fields: PackageMetadata, name: str) -> str | None:
    """A field of the metadata that may be missing."""
    values = fields.get_all(name) or [None]
    value: str | None = values[0]
    return value
