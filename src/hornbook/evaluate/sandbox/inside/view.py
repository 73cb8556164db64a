"""Which files a program may see: the Python installation, shared libraries and fonts, and what is hidden in them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

LIBRARIES = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32")
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable_paths(places: Iterable[str]) -> list[str]:
    """What a program may read: real paths, none inside another. `places` are more folders that hold modules."""
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    found = {os.path.realpath(place) for place in (*LIBRARIES, *FONTS, *_mapped_folders(), *places)}
    found |= {path for path in map(os.path.realpath, sys.path) if any(_is_inside(path, one) for one in prefixes)}
    found |= {os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")}
    existing = sorted(path for path in found if os.path.exists(path) and path != "/")
    return [path for path in existing if not any(path != one and _is_inside(path, one) for one in existing)]


def without(paths: Sequence[str], hidden: Sequence[str]) -> list[str]:
    """The same, with folders that hold something hidden replaced by what else they hold."""
    shown: list[str] = []
    waiting = list(paths)
    while waiting:
        path = waiting.pop(0)
        if any(_is_inside(path, one) for one in hidden):
            continue
        if any(_is_inside(one, path) for one in hidden):
            waiting[:0] = sorted(os.path.join(path, name) for name in os.listdir(path))
        else:
            shown.append(path)
    return shown


def links_on(paths: Iterable[str]) -> list[tuple[str, str]]:
    """The symbolic links, and where they point, that lead from these names to real paths."""
    found: dict[str, str] = {}
    waiting = [*paths, *LIBRARIES, *sys.path, sys.prefix, sys.base_prefix, sys.executable]
    while waiting:
        current, rest = "/", waiting.pop().split("/")
        while rest:
            current = os.path.join(current, rest.pop(0))
            if current not in found and os.path.islink(current):
                found[current] = os.readlink(current)
                waiting.append(os.path.normpath(os.path.join(os.path.dirname(current), found[current], *rest)))
                break
    return list(found.items())


def _mapped_folders() -> set[str]:
    """Where the libraries that this process has loaded come from; some systems keep them in places of their own."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(maxsplit=5) for line in file]
    except OSError:
        return set()
    paths = {row[5].rstrip("\n") for row in rows if len(row) == 6 and row[5].startswith("/") and "x" in row[1]}
    return {os.path.dirname(path) for path in paths if ".so" in os.path.basename(path)}


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
