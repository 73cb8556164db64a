"""Makes a corpus with known near-duplicates out of the Python code of this machine, for `near_dedup.py`.

    python benchmarks/near_dedup_truth.py /tmp/near-dedup/300 --megabytes 300
    python benchmarks/near_dedup_truth.py /tmp/near-dedup/600 --megabytes 600 --root /usr/lib/python3 --root ~/code
    for mb in 300 600 1200 2400; do
        python benchmarks/near_dedup_truth.py /tmp/near-dedup/$mb --megabytes $mb
    done

Leaves `files/part-*.parquet`, as `collect` does, and `truth.parquet`: a row for each planted copy, with the path of
its original, the share of its tokens that were replaced, and the exact Jaccard similarity of the two, from sets of
token tuples in plain Python.

Contents are distinct. One file in seven has a copy, far behind it, with 1, 2, 3 or 5 % of its tokens replaced.
Where the machine has less code than asked for, it is used again and again with about half of the identifiers renamed
anew, so that the files of two rounds share next to no shingle: 2.4 GB of 400 MB of code are six rounds, no longer six
kinds of code. What that cannot show is how much of other code is alike; speed and memory depend on bytes, tokens and
pairs alone. Takes about two minutes of processor time a gigabyte, over all cores.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import sysconfig
from collections.abc import Iterator
from itertools import chain
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolOfProcesses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.records import CodeFile
from hornbook.run.datasets import write_code_files

TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
RENAMED = re.compile(rb"\b([a-mA-M_][A-Za-z0-9_]*)")
SHINGLE_TOKENS = 5
SHARES = (0.01, 0.02, 0.03, 0.05)
FILES_PER_COPY = 7
SIZES = range(100, 100_001)
"""Characters of a file, as `collect` has them by default."""
CHUNK_FILES = 32
Round = tuple[Path, int]
"""A file, and how often all files have been used before."""
Truth = tuple[str, str, float, float]
"""Path of the original and of the copy, share of the tokens that were replaced, exact similarity."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=float, default=300, help="of source, copies included")
    parser.add_argument("--root", type=Path, action="append", help="folders with code; default: this Python's")
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    roots = options.root or [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
    rounds = plan(find_files(roots), int(options.megabytes * 1e6))
    truth: list[Truth] = []
    with Pool() as pool:
        # All copies come behind all originals, so that no reader has both at hand.
        count = write_code_files(options.out, chain(originals(rounds, pool), copies(rounds, truth, pool)))
    names = ("original", "copy", "edited_share", "jaccard")
    pq.write_table(pa.table(dict(zip(names, zip(*truth, strict=True), strict=True))), options.out / "truth.parquet")
    near = sum(row[3] >= 0.7 for row in truth)
    print(f"{options.out}: {count} files, {len(truth)} of them planted, {near} with a similarity of 0.7 or more")


def find_files(roots: list[Path]) -> list[Path]:
    """Files of distinct content, in an order that depends on nothing but their paths."""
    seen: set[bytes] = set()
    found = []
    for path in sorted({path for root in roots for path in root.expanduser().rglob("*.py")}):
        try:
            content = path.read_bytes()
            size = len(content.decode())
        except (OSError, UnicodeDecodeError):
            continue
        digest = hashlib.sha256(content).digest()
        if size in SIZES and digest not in seen:
            seen.add(digest)
            found.append(path)
    random.Random(0).shuffle(found)
    return found


def plan(files: list[Path], size_bytes: int) -> list[Round]:
    """(file, round) until there are so many bytes; the same file once in each round."""
    chosen, total, number = [], 0, 0
    while total < size_bytes:
        for path in files:
            chosen.append((path, number))
            total += path.stat().st_size * (1 + is_copied(path, number))
            if total >= size_bytes:
                break
        number += 1
    return chosen


def is_copied(path: Path, number: int) -> bool:
    return chance(path, number).randrange(FILES_PER_COPY) == 0


def chance(path: Path, number: int) -> random.Random:
    return random.Random(f"{number} {path}")


def originals(rounds: list[Round], pool: PoolOfProcesses) -> Iterator[CodeFile]:
    return pool.imap(original_file, rounds, CHUNK_FILES)


def original_file(file: Round) -> CodeFile:
    return CodeFile(original(*file).decode(), "machine", name(*file), "MIT")


def copies(rounds: list[Round], truth: list[Truth], pool: PoolOfProcesses) -> Iterator[CodeFile]:
    copied = [file for file in rounds if is_copied(*file)]
    for copy, said in pool.imap(copied_file, copied, CHUNK_FILES):
        truth.append(said)
        yield copy


def copied_file(file: Round) -> tuple[CodeFile, Truth]:
    text, rng = original(*file), chance(*file)
    share = rng.choice(SHARES)
    copy = edit(text, share, rng)
    path = f"copy/{name(*file)}"
    said = (name(*file), path, share, jaccard(text, copy))
    return CodeFile(copy.decode(), "machine", path, "MIT"), said


def name(path: Path, number: int) -> str:
    return f"{number}{os.fspath(path)}"


def original(path: Path, number: int) -> bytes:
    content = path.read_bytes()
    return RENAMED.sub(rb"\g<1>_%d" % number, content) if number else content


def edit(text: bytes, share: float, rng: random.Random) -> bytes:
    """The text with that share of its tokens, at least one, replaced by new ones."""
    spans = [match.span() for match in TOKEN.finditer(text)]
    chosen = sorted(rng.sample(range(len(spans)), max(1, round(share * len(spans)))))
    pieces, end = [], 0
    for index in chosen:
        start, stop = spans[index]
        pieces += [text[end:start], b"edited_%d" % rng.randrange(10**9)]
        end = stop
    return b"".join([*pieces, text[end:]])


def jaccard(a: bytes, b: bytes) -> float:
    """Exact, of the sets of tuples of five tokens; of fewer where the text has fewer."""
    left, right = shingles(a), shingles(b)
    return len(left & right) / max(len(left | right), 1)


def shingles(text: bytes) -> set[tuple[bytes, ...]]:
    tokens = TOKEN.findall(text)
    width = min(SHINGLE_TOKENS, len(tokens))
    return set(zip(*(tokens[i:] for i in range(width)), strict=False))


if __name__ == "__main__":
    main()
