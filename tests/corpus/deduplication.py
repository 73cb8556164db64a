"""Corpora that removal of duplicates is tried on, all in one data process, because to start one takes a second."""

import random
from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.deduplicate import Deduplication, remove_duplicates
from hornbook.recipe import DeduplicateConfig
from hornbook.records import CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.data_process import Report
from hornbook.run.datasets import shard_path

NEAR = DeduplicateConfig()
EXACT = DeduplicateConfig(method="exact")

FEW = [
    CodeFile("x = 1\ny = 2\n", "b-1", "b.py", "MIT"),
    CodeFile("x = 1\ny = 2\n", "a-1", "z.py", "MIT"),
    CodeFile("\nx = 1  \ny = 2\t\n\n\n", "a-1", "a.py", "MIT"),
    CodeFile("x = 1\ny = 3\n", "c-1", "c.py", "MIT"),
    CodeFile("x = 1\r\ny = 3", "d-1", "d.py", "MIT"),
    CodeFile("  x = 1\n", "e-1", "e.py", "MIT"),
    CodeFile("x = 1\n", "f-1", "f.py", "MIT"),
]


def lines(seed: int, count: int = 60) -> list[str]:
    """Lines of code that no other seed has."""
    draw = random.Random(seed)
    return [f"name_{draw.randrange(10**6)} = call_{seed}_{k}({draw.randrange(10**6)}, other)" for k in range(count)]


def text(rows: Sequence[str], changed: int = 0, comment: str = "") -> str:
    """The lines as a file of which so many at the end are changed, with a comment on top."""
    kept = list(rows[: len(rows) - changed]) + [f"changed_{k} = {k}" for k in range(changed)]
    return "\n".join([f"# {comment}"] * bool(comment) + kept) + "\n"


NEAR_ROWS = [
    CodeFile(text(lines(1)), "plain-1", "one.py", "MIT"),
    CodeFile(text(lines(1), 2, "says what it does"), "documented-1", "one.py", "Apache-2.0"),
    CodeFile(text(lines(1), 2, "says what it does") + "\n\n", "later-1", "one.py", "MIT"),
    CodeFile(text(lines(2)), "alone-1", "two.py", "MIT"),
    CodeFile(text(lines(3)), "third-1", "three.py", "Apache-2.0"),
    CodeFile(text(lines(3)[:-1]), "third-2", "three.py", "MIT-0", "other"),
    CodeFile("---\n", "empty-1", "no_tokens.py", "MIT"),
    CodeFile("***\n", "empty-2", "no_tokens.py", "MIT"),
]


def many(num_families: int = 60) -> list[CodeFile]:
    """Families of a file, a near-duplicate, an equal one and one that is too different, in an order of their own."""
    rows = []
    for family in range(num_families):
        base = lines(1000 + family, 40)
        for kind, content in (
            ("base", text(base)),
            ("near", text(base, 2)),
            ("copy", text(base) + "\n"),
            ("far", text(base, 25)),
        ):
            rows.append(CodeFile(content, f"{kind}-1", f"{family:03}.py", "MIT"))
    random.Random(5).shuffle(rows)
    return rows


def write_shards(folder: Path, shards: Sequence[Sequence[CodeFile]], rows_per_group: int = 1024) -> tuple[Path, ...]:
    """A shard for each run of rows."""
    shard_path(folder, 0).parent.mkdir(parents=True)
    for number, rows in enumerate(shards):
        write_rows(shard_path(folder, number), CodeFile, rows, rows_per_group)
    return tuple(shard_path(folder, number) for number in range(len(shards)))


def remove_all(report: Report, works: dict[str, Deduplication]) -> dict[str, Facts]:
    """What `remove_duplicates` says of each."""
    found = {}
    for name, work in works.items():
        work.out.mkdir(parents=True)
        found[name] = remove_duplicates(report, work)
    return found
