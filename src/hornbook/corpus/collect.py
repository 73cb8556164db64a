"""Collects raw Python code (section 2 of the paper): every file has an origin and a permissive licence.

Differs from paper: the code that is installed on this machine, instead of The Stack and StackOverflow.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hornbook.corpus.sources import SourceFile, list_environment
from hornbook.recipe import CollectConfig
from hornbook.records import CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers

FILES_PER_TASK = 64
HEADER_LINES = 30
MAX_BYTES_PER_CHAR = 4

_GENERATED_HEADER = re.compile(
    r"\b(?:auto|automatically)[- ]?generated\b|@generated\b|\bdo not (?:edit|modify|change)\b"
    r"|\bgenerated (?:\w+ )?(?:by|from|with|using)\b",
    re.IGNORECASE,
)


@stage(version=1)
def collect(*, config: CollectConfig, seed: int, environment: str, out: Path, machine: Machine) -> CodeFiles:
    """Python files of the configured sources that decode, parse and are not tests or generated.

    `environment` is `environment_identity()`: it is not read here, it makes the fingerprint follow what is installed.
    With `max_files` all files there are, tests and others' licences included, are tried in the order of a seeded hash
    of their names until enough are good: the drops are those of the files that were tried.
    """
    drops: Counter[str] = Counter()
    candidates = list_environment()
    wanted = min(config.max_files or len(candidates), len(candidates))
    if wanted < len(candidates):
        candidates.sort(key=lambda file: _rank(seed, file))
    files: list[CodeFile] = []
    tried = 0
    with meter("collect", wanted, "files") as shown:
        while len(files) < wanted and tried < len(candidates):
            missing = wanted - len(files)
            # Half are bad, and what a round reads beyond what is missing is not looked at.
            batch = candidates[tried : tried + missing + missing // 2 + 1]
            for file, outcome in zip(batch, _read_files(batch, config, machine.workers), strict=True):
                if len(files) == wanted:
                    continue
                tried += 1
                if isinstance(outcome, CodeFile):
                    files.append(outcome)
                    shown.advance(note=file.origin)
                else:
                    drops[outcome] += 1
    files.sort(key=lambda file: (file.origin, file.path))
    count = write_rows(out / FILES, CodeFile, files)
    metrics = {
        "files_found": len(candidates),
        "files_tried": tried,
        "origins": len({file.origin for file in files}),
        "chars": sum(len(file.text) for file in files),
    }
    return CodeFiles(out, Facts(rows={FILES: count}, drops=dict(sorted(drops.items())), metrics=metrics))


def read_code(file: SourceFile, config: CollectConfig) -> CodeFile | str:
    """The file as a row, or the reason for which it is left out."""
    if file.drop_reason is not None:
        return file.drop_reason
    try:
        location = Path(file.location)
        if location.stat().st_size > config.max_chars * MAX_BYTES_PER_CHAR:
            return "too_large"
        data = location.read_bytes()
    except OSError:
        return "unreadable"
    try:
        text = decode_source(data)
    except ValueError:
        return "not_utf8"
    reason = text_drop_reason(text, config)
    return reason or CodeFile(text=text, origin=file.origin, path=file.path, license=file.license)


def decode_source(data: bytes) -> str:
    r"""Python source as text with `\n` newlines, decoded as PEP 263 says: by its cookie or mark, else as UTF-8.

    Raises ValueError where it does not decode, or to text that UTF-8 cannot hold.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        text.encode("utf-8")
    except (SyntaxError, LookupError) as error:
        # SyntaxError: an unknown cookie. LookupError: a codec that is not for text, such as `hex`.
        raise ValueError(str(error)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_drop_reason(text: str, config: CollectConfig) -> str | None:
    """Why a source text is left out, or None."""
    if not text.strip():
        return "empty"
    if len(text) < config.min_chars:
        return "too_short"
    if len(text) > config.max_chars:
        return "too_large"
    lines = text.split("\n")
    if max(map(len, lines)) > config.max_line_chars:
        return "too_long_lines"
    if any(_GENERATED_HEADER.search(line) for line in lines[:HEADER_LINES] if line.lstrip().startswith("#")):
        return "generated"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # ValueError: null bytes. RecursionError, MemoryError: nested deeper than the parser goes.
        return "syntax_error"
    return None


def _rank(seed: int, file: SourceFile) -> bytes:
    return hashlib.sha256(f"{seed}\0{file.origin}\0{file.path}".encode("utf-8", "surrogateescape")).digest()


def _read_files(files: Sequence[SourceFile], config: CollectConfig, workers: int) -> Iterator[CodeFile | str]:
    tasks = (files[start : start + FILES_PER_TASK] for start in range(0, len(files), FILES_PER_TASK))
    for outcomes in in_workers(_read_task, ((task, config) for task in tasks), workers):
        yield from outcomes


def _read_task(files: Sequence[SourceFile], config: CollectConfig) -> list[CodeFile | str]:
    return [read_code(file, config) for file in files]
