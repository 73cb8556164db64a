"""The source `package`: packages of the package index by name, and wheels and source distributions in a folder.

Names are downloaded by pip, so that the index, proxies, certificates and logins are those that pip is set up for. Only
wheels are taken: to download a source distribution pip runs its build backend, thus code of the package, even without
its dependencies (pip issues 1884 and 7995), and no option of pip prevents that. A wheel is never run, and the Python
code in it is that of the source distribution without tests. Packages that have no wheel, and source distributions in
general, come from a folder of archives, which are read without running anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hornbook.corpus.sources.archives import ARCHIVE_SUFFIXES, read_archive
from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.protocol import RawFile, Shard
from hornbook.errors import InputError
from hornbook.recipe import PackageSource

PIP_TIMEOUT_S = 1800
_FOLLOWED_BY_ARCHIVE, _FOLLOWED_BY_NAME = "archive:", "package:"


class Package:
    """The Python files of the packages, one shard each: archives first, by name, then packages as given."""

    def __init__(self, config: PackageSource, max_chars: int) -> None:
        self._config, self._max_chars = config, max_chars

    def identity(self) -> str:
        """Hex sha256 of the names as given, and of each archive's name, size and time of change. Asks no index."""
        archives = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._archives()]
        return digest([list(self._config.packages), archives])

    def shards(self) -> list[Shard]:
        """A shard for each archive and each package. Raises InputError where the folder of archives has none."""
        name = self._config.name
        archives = [Shard(name, f"{_FOLLOWED_BY_ARCHIVE}{path.name}", str(path)) for path in self._archives()]
        return archives + [Shard(name, f"{_FOLLOWED_BY_NAME}{package}", package) for package in self._config.packages]

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The files of one archive, downloaded first where it is a package's name.

        Raises InputError where pip cannot download it, or where the archive cannot be read.
        """
        if shard.name.startswith(_FOLLOWED_BY_ARCHIVE):
            yield from read_archive(Path(shard.location), self._max_chars)
            return
        with tempfile.TemporaryDirectory(prefix="hornbook-package-") as folder:
            yield from read_archive(_download(self._config.name, shard.location, Path(folder)), self._max_chars)

    def _archives(self) -> list[Path]:
        if not self._config.archives:
            return []
        folder = Path(self._config.archives).expanduser()
        try:
            found = sorted(path for path in folder.iterdir() if path.name.endswith(ARCHIVE_SUFFIXES) and path.is_file())
        except OSError as error:
            raise InputError(
                f"source {self._config.name!r}: {folder} cannot be read: {error.strerror}. Give a folder of archives."
            ) from None
        if not found:
            raise InputError(
                f"source {self._config.name!r}: {folder} has no archive ({', '.join(ARCHIVE_SUFFIXES)}). "
                "Give the folder that they are in."
            )
        return found


def _download(source: str, package: str, folder: Path) -> Path:
    """The package's wheel, downloaded into the folder by pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    # The option on the command line outdoes this one, but a build must not depend on that.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_NO_BINARY"}
    try:
        ran = subprocess.run(
            [*command, *quiet, "--", package],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"source {source!r}: pip did not download {package!r} in {PIP_TIMEOUT_S} s") from None
    wheels = sorted(folder.glob("*.whl"))
    if ran.returncode != 0 or len(wheels) != 1:
        said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or [ran.stderr.strip()[-500:]]
        raise InputError(
            f"source {source!r}: pip has no wheel of {package!r} for this Python: {said[-1]} Check the name and the "
            "version. Where there is only a source distribution, download it and give its folder as `archives`."
        )
    return wheels[0]
