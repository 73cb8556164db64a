"""Files of a table source: one, a folder, a glob, on this machine or behind any URL that fsspec reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from hornbook.errors import InputError

STAMPS = ("etag", "ETag", "sha256", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "last_commit")
"""What file systems call a mark that changes with the content, the surest first."""


@dataclass(frozen=True, slots=True)
class Located:
    """One file."""

    name: str
    """Relative to what was asked for, so that it is the same wherever that lies."""
    location: str
    """What `open_file` takes."""
    size_bytes: int
    """-1 where the other side does not say."""
    stamp: str


class _LocalFiles(LocalFileSystem):  # type: ignore[misc]
    """Files of this machine; what may not be read is an error, where fsspec would pass over it."""

    def walk(self, path: str, maxdepth: Any = None, topdown: bool = True, on_error: Any = "", **kwargs: Any) -> Any:
        """As fsspec's, which calls this again for each folder and forgets what to do about errors."""
        return super().walk(path, maxdepth, topdown, "raise", **kwargs)


def locate(source: str, path: str, suffixes: Sequence[str]) -> list[Located]:
    """The files that a path stands for, by name: of a folder those with one of the suffixes that are not hidden.

    Links to files count as files, and links to folders are not followed. Raises InputError where there is no file,
    where a link leads nowhere, or where a place cannot be looked at.
    """
    with _explained(source, path):
        system, root = _file_system(path)
        base, found = _find(system, root)
        files = []
        for name, info in sorted(found.items()):
            relative = name[len(base) :].lstrip("/") if name.startswith(base) else name
            # A file that was asked for by its own name or by a glob may end as it likes.
            is_wanted = base != root or (relative.endswith(tuple(suffixes)) and not _is_hidden(relative))
            if is_wanted and info.get("islink"):
                if not os.path.exists(name):
                    raise InputError(f"source {source!r}: {name} is a link to nothing. Take it out of {path}.")
                # What a link points to counts, not the link.
                info = system.info(name)
            if is_wanted and info.get("type") == "file":
                size = -1 if info.get("size") is None else int(info["size"])
                files.append(Located(relative, _location(system, path, name), size, _stamp(info)))
    if not files:
        raise InputError(f"source {source!r}: {path} has no file ending in {' or '.join(suffixes)}. Check its path.")
    return files


def _find(system: Any, root: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The folder that names are relative to, and what is there by name; the folder is `root` only where that is one."""
    # A name may have brackets of its own.
    if any(sign in root for sign in "*?[") and not system.exists(root):
        base = os.path.dirname(root.partition("*")[0].partition("?")[0].partition("[")[0])
        return base, system.glob(root, detail=True)
    if system.isdir(root):
        return root, system.find(root, detail=True)
    return os.path.dirname(root), {root: system.info(root)}


@contextmanager
def open_file(source: str, location: str) -> Iterator[BinaryIO]:
    """A located file, opened for reading. Raises InputError where it cannot be opened."""
    with _explained(source, location):
        system, root = _file_system(location)
        file = system.open(root, "rb")
    with file:
        yield file


def _file_system(path: str) -> tuple[Any, str]:
    if "://" in path:
        system, root = fsspec.core.url_to_fs(path)
        return system, str(root)
    # Not by fsspec's own reading of a path, to which `::` and other signs mean something.
    return _LocalFiles(), os.path.abspath(os.path.expanduser(path))


def _location(system: Any, path: str, name: str) -> str:
    return str(system.unstrip_protocol(name)) if "://" in path else name


def _is_hidden(relative: str) -> bool:
    return any(part.startswith((".", "_")) for part in relative.split("/"))


def _stamp(info: dict[str, Any]) -> str:
    return next((f"{key} {info[key]}" for key in STAMPS if info.get(key)), "")


@contextmanager
def _explained(source: str, path: str) -> Iterator[None]:
    """Says of what the outside world refuses which source and which path it was."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"source {source!r}: {path} does not exist. Check its path.") from None
    except PermissionError as error:
        raise InputError(f"source {source!r}: {path} cannot be read: no permission ({error})") from None
    except ImportError as error:
        raise InputError(f"source {source!r}: {path} needs a package for its kind of URL: {error}") from None
    except InputError:
        raise
    except Exception as error:
        # What a library for some kind of URL raises is its own affair; on this machine it is these.
        if "://" not in path and not isinstance(error, OSError | ValueError):
            raise
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"source {source!r}: {path} cannot be read: {reason}") from None
