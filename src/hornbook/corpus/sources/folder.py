"""The source `folder`: a tree of files, without what its `.gitignore` files leave out.

The licence of a file is that of the nearest folder above it, inside the source, that has a LICENSE or COPYING file;
one that grants no licence that is known hides those further up. What a file's own header states comes before both
(`corpus.clean`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from hornbook.corpus.license_texts import license_of_text
from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.listed import ListedFile, read_listed, shards_of
from hornbook.corpus.sources.protocol import Kind, RawFile, Shard
from hornbook.errors import InputError
from hornbook.recipe import FolderSource

KINDS: Final[dict[str, Kind]] = {".py": "python", ".ipynb": "notebook"}
IGNORE_FILE = ".gitignore"
VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
LICENSE_BYTES = 200_000
"""What is read of a licence file; the longest licences have 70,000."""

_LICENSE_FILE = re.compile(r"(?:un)?licen[sc]e(?!.*\.py$)(?:[._-].*)?|copying(?:[._-].*)?", re.IGNORECASE)


class Folder:
    """The files below a folder, ordered by path."""

    def __init__(self, config: FolderSource, max_chars: int, seed: int | None) -> None:
        self._name, self._license = config.name, config.license
        self._root = Path(config.path).expanduser()
        self._max_chars, self._seed = max_chars, seed

    def identity(self) -> str:
        """Hex sha256 of each file's name, licence, size and time of change. Walks the tree and reads licences."""
        return digest([(*_facts(file), *_size_and_time(file.location)) for file in self.list_files()])

    def shards(self) -> list[Shard]:
        """Runs of the files that `list_files` finds. Raises InputError where it finds none."""
        files = self.list_files()
        if not files:
            kinds = " or ".join(KINDS)
            raise InputError(
                f"source {self._name!r}: {self._root} has no {kinds} file that no {IGNORE_FILE} leaves out. "
                "Give the folder that the code is in."
            )
        return shards_of(self._name, files, self._seed)

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The files of a shard."""
        return read_listed(shard, self._max_chars)

    def list_files(self) -> list[ListedFile]:
        """Every Python file and notebook; links and folders that cannot be read are there with a drop reason.

        Raises InputError where the source is no folder or cannot be read at all.
        """
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise InputError(
                f"source {self._name!r}: {self._root} cannot be read: {error.strerror}. Give a folder as its path."
            ) from None
        top = _Place(self._root, self._name, "", self._license, self._license, ())
        return sorted(_walk(top), key=lambda file: (file.origin, file.path))


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on the way down, and what holds in it."""

    folder: Path
    origin: str
    path: str
    """Inside the origin: empty, or ending in a slash."""
    license: str
    stated_license: str
    """What the recipe says, for files that no licence file speaks of."""
    ignores: tuple[tuple[str, GitIgnoreSpec], ...]
    """The rules of the ignore files so far, each with the path of its folder; the deepest comes last."""

    def ignored(self, path: str) -> bool:
        """Whether a path inside the origin is left out: the deepest rule that speaks of it decides."""
        for base, spec in reversed(self.ignores):
            verdict = spec.check_file(path.removeprefix(base)).include
            if verdict is not None:
                return verdict
        return False


def _walk(top: _Place) -> Iterator[ListedFile]:
    waiting = [top]
    while waiting:
        place = waiting.pop()
        try:
            entries = sorted(os.scandir(place.folder), key=lambda entry: entry.name)
        except OSError:
            yield ListedFile(place.origin, place.path, place.license, str(place.folder), "unreadable")
            continue
        place = _enter(place, entries)
        for entry in entries:
            path = place.path + entry.name
            kind = KINDS.get(os.path.splitext(entry.name)[1])
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name in VERSION_CONTROL or place.ignored(f"{path}/" if is_folder else path):
                continue
            if is_folder:
                waiting.append(replace(place, folder=place.folder / entry.name, path=f"{path}/"))
            elif kind or (entry.is_symlink() and entry.is_dir()):
                # What a link points to is inside the tree and listed there, or outside of it and not asked for.
                reason = "link" if entry.is_symlink() else None
                yield ListedFile(place.origin, path, place.license, entry.path, reason, kind or "python")


def _enter(place: _Place, entries: list[os.DirEntry[str]]) -> _Place:
    """What holds inside a folder, by the ignore and licence files in it; a repository below the top starts afresh."""
    names = [entry.name for entry in entries]
    if ".git" in names and place.path:
        origin = f"{place.origin}/{place.path.rstrip('/')}"
        place = replace(place, origin=origin, path="", license=place.stated_license, ignores=())
    if IGNORE_FILE in names and (rules := _read_rules(place.folder / IGNORE_FILE)):
        place = replace(place, ignores=(*place.ignores, (place.path, rules)))
    stated = [entry for entry in entries if _LICENSE_FILE.fullmatch(entry.name) and entry.is_file()]
    if stated:
        found = sorted({license_of_text(_read_text(Path(entry.path))) for entry in stated})
        # Several texts in one folder bind together; one that is not known may forbid what the others allow.
        joint = " AND ".join(f"({name})" if " OR " in name else name for name in found) if len(found) > 1 else found[0]
        place = replace(place, license=joint if all(found) else "")
    return place


def _read_rules(path: Path) -> GitIgnoreSpec | None:
    # As git does: a form feed or another of Python's line ends may stand in a name.
    lines = _read_text(path).split("\n")
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # Git passes over a line that is no pattern.
        return GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LICENSE_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _facts(file: ListedFile) -> tuple[str, str, str, str | None]:
    return file.origin, file.path, file.license, file.drop_reason


def _size_and_time(location: str) -> tuple[int, int]:
    try:
        status = os.lstat(location)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
