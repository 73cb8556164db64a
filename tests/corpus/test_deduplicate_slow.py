"""What takes long to see of removal of duplicates: kills, memory, and the other engine."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.blocks import SCHEMA
from hornbook.corpus.deduplicate import DUPLICATES, Deduplication, remove_duplicates
from hornbook.records import CodeFile
from hornbook.run.artifact import RESUME, Facts
from hornbook.run.data_process import Report, in_data_process
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from .deduplication import NEAR, lines, many, text, write_shards

pytestmark = pytest.mark.slow

MB = 1 << 20


def work_on(shards: tuple[Path, ...], out: Path) -> Deduplication:
    out.mkdir(parents=True, exist_ok=True)
    return Deduplication(shards, (), NEAR, out, 2, block_bytes=1, shard_bytes=100_000)


def outcome(out: Path) -> dict[str, bytes]:
    paths = [out / DUPLICATES, *CodeFiles(out).shards()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def work_and_measure(report: Report, work: Deduplication) -> tuple[Facts, int]:
    """The facts, and the bytes that the process held at most."""
    facts = remove_duplicates(report, work)
    return facts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def test_a_kill_loses_no_more_than_the_blocks_under_way(tmp_path: Path) -> None:
    rows = many(500)
    shards = write_shards(tmp_path / "in", [rows], rows_per_group=4)
    num_blocks = 500
    whole = work_on(shards, tmp_path / "whole")
    facts = in_data_process("deduplicate", Machine(workers=2), remove_duplicates, whole)

    out = tmp_path / "killed"
    program = (
        "from pathlib import Path\n"
        "from hornbook.corpus.deduplicate import remove_duplicates\n"
        "from hornbook.run.data_process import in_data_process\n"
        "from hornbook.run.machine import Machine\n"
        "from tests.corpus.test_deduplicate_slow import work_on\n"
        f"work = work_on((Path({str(shards[0])!r}),), Path({str(out)!r}))\n"
        "in_data_process('deduplicate', Machine(workers=2), remove_duplicates, work)\n"
    )
    index = out / RESUME / "index"
    with subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.getcwd()}) as started:
        deadline = time.monotonic() + 120
        while len(list(index.glob("block-*.parquet"))) < 20:
            assert time.monotonic() < deadline
            assert started.poll() is None
            time.sleep(0.001)
        os.kill(started.pid, signal.SIGKILL)
    # The process that did the work ends by itself.
    time.sleep(2.5)
    done = {path: path.stat().st_ino for path in index.glob("block-*.parquet")}
    assert 20 <= len(done) < num_blocks
    again = in_data_process("deduplicate", Machine(workers=2), remove_duplicates, work_on(shards, out))
    assert {path: path.stat().st_ino for path in done} == done
    assert len(list(index.glob("block-*.parquet"))) == num_blocks
    assert (again, outcome(out)) == (facts, outcome(whole.out))


def test_shards_that_a_kill_left_are_taken_as_they_are(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "in", [many(200)], rows_per_group=4)
    work = work_on(shards, tmp_path / "out")
    facts = in_data_process("deduplicate", Machine(workers=2), remove_duplicates, work)
    expected = outcome(work.out)
    assert len(expected) > 4
    # As after a kill while shards were written: two are there, and what a rerun finds of the artifact is gone.
    kept = {}
    for path in CodeFiles(work.out).shards()[1:3]:
        path.rename(work.out / RESUME / FILES / path.name)
        kept[path.name] = (work.out / RESUME / FILES / path.name).stat().st_ino
    shutil.rmtree(work.out / FILES)
    (work.out / DUPLICATES).unlink()
    assert in_data_process("deduplicate", Machine(workers=2), remove_duplicates, work) == facts
    assert outcome(work.out) == expected
    assert {name: (work.out / FILES / name).stat().st_ino for name in kept} == kept


def test_memory_stays_below_the_data(tmp_path: Path) -> None:
    data_bytes, shards = 0, []
    draw = random.Random(0)
    (tmp_path / "in" / FILES).mkdir(parents=True)
    for number in range(80):
        texts = [draw.randbytes(22_000).hex(" ", 4) for _ in range(400)]
        texts[7] = texts[6] + " twice"
        data_bytes += sum(map(len, texts))
        names = [f"{row:04}/{number:04}.py" for row in range(400)]
        table = pa.table([texts, ["o"] * 400, names, ["MIT"] * 400, ["s"] * 400], schema=SCHEMA)
        shards.append(tmp_path / "in" / FILES / f"part-{number:05}.parquet")
        pq.write_table(table, shards[-1], row_group_size=100)
    (tmp_path / "out").mkdir()
    work = Deduplication(tuple(shards), (), NEAR, tmp_path / "out", 2)
    facts, peak_bytes = in_data_process("deduplicate", Machine(workers=2), work_and_measure, work)
    assert facts.rows == {FILES: 80 * 399}
    assert facts.drops == {"near_duplicate": 80}
    assert data_bytes > 1500 * MB
    assert peak_bytes < 1000 * MB


def test_the_process_leaves_with_code_0_fifty_times(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "in", [many(10)], rows_per_group=4)
    outcomes = []
    for number in range(50):
        work = work_on(shards, tmp_path / str(number))
        # Another code, or a signal, raises.
        in_data_process("deduplicate", Machine(workers=2), remove_duplicates, work)
        outcomes.append(outcome(work.out))
    assert all(made == outcomes[0] for made in outcomes)


def test_ray_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = many(40) + [CodeFile(text(lines(n)), "own-1", f"{n}.py", "MIT", "other") for n in range(40)]
    shards = write_shards(tmp_path / "in", [rows[:90], rows[90:]], rows_per_group=20)
    made = {}
    for engine in ("native", "ray"):
        work = work_on(shards, tmp_path / engine)
        machine = Machine(workers=2, engine=engine)
        made[engine] = (in_data_process("deduplicate", machine, remove_duplicates, work), outcome(work.out))
    assert made["ray"] == made["native"]
    assert len(made["ray"][1]) == 3
