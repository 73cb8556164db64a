"""Python files in a wheel or a source distribution, read in memory: nothing is unpacked to disk and no code is run."""

from __future__ import annotations

import email.parser
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from hornbook.corpus.cleaning.limits import max_bytes
from hornbook.corpus.license_texts import license_of_text
from hornbook.corpus.licenses import read_license
from hornbook.corpus.sources.listed import storable
from hornbook.corpus.sources.protocol import Kind, RawFile
from hornbook.errors import InputError

ARCHIVE_SUFFIXES = (".whl", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
MAX_UNPACKED_BYTES = 4 << 30
MAX_MEMBERS = 200_000
MAX_METADATA_BYTES = 1 << 20

_KINDS: dict[str, Kind] = {".py": "python", ".ipynb": "notebook"}
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA|[^/]+/PKG-INFO")
_LICENSE_FILE = re.compile(
    r"[^/]+/(?:licenses/)?(?:un)?licen[sc]e(?:[._-][^/]*)?|[^/]+/copying(?:[._-][^/]*)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size_bytes: int
    is_file: bool
    """Neither a folder, a link nor a device."""
    read: Callable[[int], bytes]
    """At most so many bytes of its content."""


def read_archive(path: Path, max_chars: int) -> Iterator[RawFile]:
    """Yields the Python files and notebooks of an archive, in its order.

    The origin is the distribution's name and version, the licence what its metadata states (`licenses`), else its
    licence files. Drop reasons: `too_large` (of more than `max_bytes`, not read), `link`, `unsafe_path` (absolute, or
    with `..`), `name_clash` (a path that was there before). Raises InputError where the archive is damaged or cut off,
    has no metadata, or would unpack to more than `MAX_UNPACKED_BYTES` or `MAX_MEMBERS`.
    """
    with_folder = not path.name.endswith(".whl")
    try:
        origin, license = _identify(path)
        seen: set[str] = set()
        for member in _members(path):
            kind = _KINDS.get(PurePosixPath(member.name).suffix)
            if kind is None or member.name.endswith("/") or ".dist-info/" in member.name:
                continue
            name = member.name.partition("/")[2] if with_folder and "/" in member.name else member.name
            most = max_bytes(kind, max_chars)
            reason = _drop_reason(member, name, seen, most)
            seen.add(name)
            content = b"" if reason else member.read(most + 1)
            yield RawFile(origin, storable(name), license, content, kind, reason)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a wheel or source distribution that can be read: {error}") from None
    except (NotImplementedError, RuntimeError) as error:
        # What zipfile raises for a method of compression that it does not have, and for an encrypted member.
        raise InputError(f"{path}: {error}") from None


def _drop_reason(member: _Member, name: str, seen: set[str], most_bytes: int) -> str | None:
    parts = member.name.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "unsafe_path"
    if not member.is_file:
        return "link"
    if name in seen:
        return "name_clash"
    return "too_large" if member.size_bytes > most_bytes else None


def _identify(path: Path) -> tuple[str, str]:
    """The origin (`name-version`) and the licence's name, or "" where nothing says it."""
    found: dict[str, bytes] = {}
    texts: list[str] = []
    for member in _members(path):
        if member.is_file and _METADATA.fullmatch(member.name):
            found.setdefault(member.name, member.read(MAX_METADATA_BYTES))
        elif member.is_file and _LICENSE_FILE.fullmatch(member.name) and not member.name.endswith(".py"):
            texts.append(member.read(MAX_METADATA_BYTES).decode("utf-8", "replace"))
    if not found:
        raise ValueError("no METADATA and no PKG-INFO in it")
    # An egg-info folder has a PKG-INFO of its own; the one of the distribution comes in the shortest path.
    name = min(found, key=lambda name: (".egg-info/" in name, len(name), name))
    fields = email.parser.BytesHeaderParser().parsebytes(found[name])
    if not fields["Name"] or not fields["Version"]:
        raise ValueError(f"{name} has no Name or no Version")
    origin = f"{canonicalize_name(str(fields['Name']))}-{fields['Version']}"
    classifiers = [str(line) for line in fields.get_all("Classifier") or []]
    stated = read_license(fields["License-Expression"], classifiers, fields["License"])
    if stated.standing != "unknown":
        return origin, stated.name
    names = sorted({license_of_text(text) for text in texts})
    # One text that is not known may forbid what the others allow.
    return origin, " AND ".join(f"({name})" for name in names) if names and all(names) else ""


def _members(path: Path) -> Iterator[_Member]:
    is_zip = path.name.endswith((".whl", ".zip"))
    unpacked = 0
    for count, member in enumerate(_zip_members(path) if is_zip else _tar_members(path), 1):
        unpacked += member.size_bytes
        if unpacked > MAX_UNPACKED_BYTES or count > MAX_MEMBERS:
            raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB or {MAX_MEMBERS:,} files")
        yield member


def _zip_members(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():

            def read(most: int, info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as file:
                    return file.read(most)

            # The upper half is the Unix mode, where a link is one.
            is_link = (info.external_attr >> 16) & 0o170000 == 0o120000
            yield _Member(info.filename, info.file_size, not info.is_dir() and not is_link, read)


def _tar_members(path: Path) -> Iterator[_Member]:
    # As a stream, since seeking in a compressed file would unpack it from its beginning again and again.
    with tarfile.open(path, mode="r|*") as archive:
        for info in archive:

            def read(most: int, info: tarfile.TarInfo = info) -> bytes:
                file = archive.extractfile(info)
                return file.read(most) if file else b""

            yield _Member(info.name, info.size if info.isreg() else 0, info.isreg(), read)
            # What tarfile keeps of every member would grow with the archive.
            archive.members.clear()  # type: ignore[attr-defined]
