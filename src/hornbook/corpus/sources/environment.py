"""Where raw code comes from: the standard library and the installed distributions of the running environment."""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from hornbook.corpus.cleaning.clean import LICENSE_DROP_REASONS
from hornbook.corpus.licenses import License, read_license
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
    for distribution in _distributions():
        found.extend(_distribution_files(distribution))
    return sorted(found, key=lambda file: (file.origin, file.path))


def environment_identity() -> str:
    """Hex sha256 of what `environment` is made of: the Python version and the permissive distributions' versions.

    Reads metadata and no code, so that a plan stays instant. An edited file of an installed distribution goes
    unnoticed.
    """
    names = sorted(
        _origin(distribution) for distribution in _distributions() if _license(distribution).standing == "permissive"
    )
    return hashlib.sha256("\n".join([_python_origin(), *names]).encode()).hexdigest()


def _python_origin() -> str:
    return f"python-{platform.python_version()}"


def _standard_library() -> Iterator[ListedFile]:
    root = Path(sysconfig.get_path("stdlib"))
    origin = _python_origin()
    for location in sorted(root.rglob("*.py")):
        path = location.relative_to(root).as_posix()
        if path.startswith(("site-packages/", "dist-packages/")):
            continue
        yield ListedFile(origin, path, STANDARD_LIBRARY_LICENSE, str(location))


def _distribution_files(distribution: metadata.Distribution) -> Iterator[ListedFile]:
    # Once, because each look at the metadata parses it anew.
    license, origin = _license(distribution), _origin(distribution)
    for file in distribution.files or ():
        path = file.as_posix()
        # A file outside the distribution's own folder is a script that an installer wrote.
        if file.suffix != ".py" or ".." in file.parts or file.is_absolute():
            continue
        reason = LICENSE_DROP_REASONS.get(license.standing)
        yield ListedFile(origin, path, license.name, str(distribution.locate_file(file)), reason)


def _distributions() -> list[metadata.Distribution]:
    """Installed distributions by name; of one that is there twice, the first on the path, as an import would have."""
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions():
        # A damaged installation has no name in its metadata.
        name = _field(distribution, "Name")
        if name and canonicalize_name(name) != OWN_NAME:
            found.setdefault(canonicalize_name(name), distribution)
    return [found[name] for name in sorted(found)]


def _origin(distribution: metadata.Distribution) -> str:
    return f"{canonicalize_name(distribution.metadata['Name'])}-{distribution.version}"


def _license(distribution: metadata.Distribution) -> License:
    classifiers = distribution.metadata.get_all("Classifier") or []
    return read_license(_field(distribution, "License-Expression"), classifiers, _field(distribution, "License"))


def _field(distribution: metadata.Distribution, name: str) -> str | None:
    """A field of the metadata that may be missing."""
    values = distribution.metadata.get_all(name) or [None]
    value: str | None = values[0]
    return value
