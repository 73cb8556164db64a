"""Removes repeated files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from hornbook.recipe import DeduplicateConfig
from hornbook.records import CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.stage import stage

DIGEST_BYTES = 16


@stage(version=1)
def deduplicate(*, files: CodeFiles, config: DeduplicateConfig, out: Path) -> CodeFiles:
    """One file of every set of equal ones: the first by origin and path, whatever the order they come in.

    Reads the files twice and never holds all of them.
    """
    assert config.method == "exact", config.method
    first: dict[bytes, tuple[str, str]] = {}
    sizes: dict[bytes, int] = {}
    num_read = 0
    for file in files.read():
        num_read += 1
        digest, name = content_digest(file.text), (file.origin, file.path)
        first[digest] = min(first.get(digest, name), name)
        sizes[digest] = sizes.get(digest, 0) + 1
    repeated = sum(size > 1 for size in sizes.values())
    num_kept = write_rows(out / FILES, CodeFile, _survivors(files, first))
    metrics = {
        "repeated_contents": repeated,
        "largest_cluster_files": max(sizes.values(), default=0),
    }
    drops = {"duplicate": num_read - num_kept} if num_read > num_kept else {}
    return CodeFiles(out, Facts(rows={FILES: num_kept}, drops=drops, metrics=metrics))


def content_digest(text: str) -> bytes:
    """Equal for texts that differ in newlines, blanks at the ends of lines or blank lines at both ends alone."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return hashlib.blake2b(lines.strip("\n").encode(), digest_size=DIGEST_BYTES).digest()


def _survivors(files: CodeFiles, first: dict[bytes, tuple[str, str]]) -> Iterator[CodeFile]:
    for file in files.read():
        digest = content_digest(file.text)
        if first.get(digest) == (file.origin, file.path):
            # Taken out, so that a row that is there twice by name too is kept once.
            del first[digest]
            yield file
