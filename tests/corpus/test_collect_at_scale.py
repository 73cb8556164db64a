"""Collect in processes of its own: killed again and again, and with more data than it may hold."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.run.artifact import RESUME

from .environment import GOOD
from .sources.trees import write_jsonl

pytestmark = pytest.mark.slow

COLLECT = """
import resource, sys
from pathlib import Path
from hornbook.corpus.collect import collect
from hornbook.recipe import CollectConfig
from hornbook.run.machine import Machine

if __name__ == "__main__":
    kind, path, out, workers = sys.argv[1:]
    config = CollectConfig(sources=[{"type": kind, "path": path, "license": "MIT"}])
    collect(config=config, seed=0, sources={}, out=Path(out), machine=Machine(workers=int(workers)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def start(tmp_path: Path, kind: str, path: Path, out: Path, workers: int) -> "subprocess.Popen[str]":
    script = tmp_path / "collect_it.py"
    script.write_text(COLLECT)
    out.mkdir(exist_ok=True)
    words = [sys.executable, str(script), kind, str(path), str(out), str(workers)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)


def content(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and RESUME not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_killed_again_and_again_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.mkdir()
    for part in range(120):
        write_jsonl(table / f"{part:03}.jsonl.gz", [{"content": GOOD.format(name=f"f{part}_{n}")} for n in range(60)])
    with start(tmp_path, "jsonl", table, tmp_path / "whole", 2) as whole:
        assert whole.wait(timeout=300) == 0
    kills = 0
    resume = tmp_path / "out" / RESUME
    while True:
        done = len(list(resume.glob("*.json"))) if resume.exists() else 0
        with start(tmp_path, "jsonl", table, tmp_path / "out", 2) as started:
            while kills < 4 and started.poll() is None:
                if len(list(resume.glob("*.json"))) >= done + 20:
                    os.killpg(started.pid, signal.SIGKILL)
                    kills += 1
                    break
                time.sleep(0.005)
            if started.wait(timeout=300) == 0:
                break
        # What was finished before a kill is there after it.
        assert len(list(resume.glob("*.json"))) >= done + 20
    assert kills >= 3
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    words = "# What a comment says does not matter here as long as it is made of words.\n" * 300
    schema = pa.schema({"content": pa.string(), "path": pa.string()})

    def peak_bytes(megabytes: int) -> int:
        path = tmp_path / f"{megabytes}.parquet"
        with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
            for part in range(megabytes):
                names = [f"{part}_{n}" for n in range(1_000_000 // len(words))]
                rows = [{"content": f"{GOOD.format(name=f'f{name}')}{words}", "path": f"{name}.py"} for name in names]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        assert path.stat().st_size > 0.9e6 * megabytes
        with start(tmp_path, "parquet", path, tmp_path / f"out-{megabytes}", 1) as run:
            printed, _ = run.communicate(timeout=600)
            assert run.returncode == 0
        return int(printed) * 1024

    # Beside two shards of 32 MB, of which one may still be in the allocator's hands.
    assert peak_bytes(500) - peak_bytes(100) < 100e6
