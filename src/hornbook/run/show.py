"""What a run left behind, as lines for the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hornbook.errors import RunFolderError
from hornbook.run.artifact import read_manifest
from hornbook.run.datasets import OVERLAPS
from hornbook.run.folder import RunFolder

LINES_SHOWN = 12
"""Lines of a row or a problem that overlap."""


def show_run(folder: RunFolder) -> Iterator[str]:
    """One line a stage: rows, drops and time. Raises RunFolderError where nothing has been finished there.

    After the last whole run's come stages that are not part of it: those of studies, and of runs that were cut short.
    """
    finished = _finished(folder)
    whole = folder.latest() or finished
    width = max(map(len, finished))
    yield from (_line(name, path, width) for name, path in whole.items())
    others = [(name, path) for name, path in finished.items() if name not in whole]
    if others:
        yield "Besides the last whole run:"
        yield from (_line(name, path, width) for name, path in others)


def show_stage(folder: RunFolder, name: str) -> Iterator[str]:
    """Everything that one stage's manifest says. Raises RunFolderError where the run has no such stage."""
    finished = _finished(folder)
    if name not in finished:
        raise RunFolderError(f"{folder.path}: has no finished stage {name!r}. There are: {', '.join(finished)}")
    manifest = read_manifest(finished[name])
    yield f"{name} in {finished[name]}"
    yield f"fingerprint {manifest['fingerprint']}, {manifest['wall_s']:,.1f} s, finished {manifest['finished_at']}"
    for title in ("rows", "drops", "metrics"):
        for key, value in manifest[title].items():
            yield f"{title}: {key} = {value:,}" if type(value) is int else f"{title}: {key} = {value}"
    for file, described in manifest["files"].items():
        yield f"file: {file}, {described['size_bytes']:,} bytes, sha256 {described['sha256'][:16]}"
    if (finished[name] / OVERLAPS).exists():
        yield from show_overlaps(finished[name] / OVERLAPS)


def show_overlaps(path: Path, per_reason: int = 5) -> Iterator[str]:
    """The first rows of each reason that decontamination left out: what they share with which problem, side by side.

    Whether that is contamination or chance is for a reader to judge.
    """
    num_seen: Counter[str] = Counter()
    with path.open(encoding="utf-8") as file:
        for entry in map(json.loads, file):
            num_seen[entry["reason"]] += 1
            if num_seen[entry["reason"]] > per_reason:
                continue
            where = ", ".join([*([entry["where"]] if "where" in entry else []), f"line {entry.get('line', 1)}"])
            near = f", match rate {entry['rate']:.2f}, distance {entry['distance']:.2f}" if "rate" in entry else ""
            yield f"{entry['reason']}: {entry['row']} ({where}) and {entry['problem']}{near}: {entry['shared'][:200]}"
            for title in ("row", "problem"):
                for line in entry.get(f"{title}_text", "").splitlines()[:LINES_SHOWN]:
                    yield f"  {title:>7} | {line}"
    for reason, count in num_seen.items():
        if count > per_reason:
            yield f"{reason}: {count - per_reason:,} more in {path}"


def _line(name: str, path: Path, width: int) -> str:
    manifest = read_manifest(path)
    rows = ", ".join(f"{count:,} {Path(file).stem}" for file, count in manifest["rows"].items()) or "done"
    dropped = sum(manifest["drops"].values())
    left_out = f", {dropped:,} left out" if dropped else ""
    return f"{name:<{width}} {rows}{left_out}, {manifest['wall_s']:,.1f} s"


def _finished(folder: RunFolder) -> dict[str, Path]:
    """Each stage's artifact: those of the last whole run first, then the newest of each other stage, oldest first."""
    if not folder.identity():
        raise RunFolderError(f"{folder.path}: is not a run's folder. Make one with: hornbook run nano")
    newest: dict[str, Path] = {}
    for manifest in sorted(folder.path.glob("*/*/manifest.json"), key=lambda path: path.stat().st_mtime):
        if "." not in manifest.parent.name:
            # Taken out first, so that it goes to the end.
            newest.pop(manifest.parent.parent.name, None)
            newest[manifest.parent.parent.name] = manifest.parent
    latest = folder.latest()
    finished = latest | {name: path for name, path in newest.items() if name not in latest}
    if not finished:
        raise RunFolderError(f"{folder.path}: no stage has finished yet")
    return finished
