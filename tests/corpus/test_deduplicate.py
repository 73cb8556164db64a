import random
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from hornbook.corpus.deduplicate import DUPLICATES, Deduplication
from hornbook.recipe import DeduplicateConfig
from hornbook.records import CodeFile
from hornbook.run.data_process import in_data_process
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from . import deduplication
from .deduplication import EXACT, FEW, NEAR, NEAR_ROWS, many, write_shards

Found = Callable[[str], CodeFiles]

SMALL = {"block_bytes": 1000, "shard_bytes": 20_000}
"""Several blocks and shards of a few files."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The outcome of each case by its name."""
    folder = tmp_path_factory.mktemp("deduplicate")
    works: dict[str, Deduplication] = {}

    def add(name: str, shards: list[list[CodeFile]], config: DeduplicateConfig, earlier=(), rows_per_group=1024, **cut):
        written = write_shards(folder / name / "in", shards, rows_per_group)
        works[name] = Deduplication(written, tuple(earlier), config, folder / name / "out", 2, **cut)

    add("few", [FEW], EXACT)
    add("few shuffled", [random.Random(0).sample(FEW, len(FEW))], EXACT)
    add("few, near", [FEW], NEAR)
    add("same row twice", [[FEW[0], FEW[0]]], EXACT)
    add("nothing", [[]], NEAR)
    add("near", [NEAR_ROWS], NEAR)
    add("near, across shards", [[row] for row in reversed(NEAR_ROWS)], NEAR)
    add("near, at 1.0", [NEAR_ROWS], NEAR.model_copy(update={"threshold": 1.0}))
    rows = many()
    add("many", [rows], NEAR)
    shuffled = random.Random(1).sample(rows, len(rows))
    add("many, one way", [shuffled[:100], shuffled[100:]], NEAR, rows_per_group=7, **SMALL)
    cut = [sorted(rows, key=lambda row: row.path)[start : start + 30] for start in range(0, len(rows), 30)]
    add("many, another way", cut, NEAR, rows_per_group=50, block_bytes=5000, shard_bytes=20_000)
    add("again", [rows], NEAR)
    first, second = rows[:120], rows[120:]
    earlier = write_shards(folder / "earlier", [first])
    add("against the first half", [second], NEAR, earlier)
    add("in a, [b] {c,d} *?\\\\", [NEAR_ROWS], NEAR)
    add("against all of it", [rows[:30]], NEAR, write_shards(folder / "all", [rows]))
    facts = in_data_process("deduplicate", Machine(workers=2), deduplication.remove_all, works)
    return lambda name: CodeFiles(works[name].out, facts[name])


def duplicates(made: CodeFiles) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Name of the dropped file to that of the kept one and the kind."""
    rows = pq.read_table(made.folder / DUPLICATES).to_pylist()
    return {(row["origin"], row["path"]): (row["kept_origin"], row["kept_path"], row["kind"]) for row in rows}


def test_equal_files_leave_one(found: Found) -> None:
    made = found("few")
    assert list(made.read()) == [FEW[2], FEW[3], FEW[5], FEW[6]]
    assert made.facts.rows == {FILES: 4}
    assert made.facts.drops == {"exact_duplicate": 3}
    assert made.facts.metrics == {"clusters": 2, "largest_cluster_files": 3}
    assert duplicates(made) == {
        ("a-1", "z.py"): ("a-1", "a.py", "exact"),
        ("b-1", "b.py"): ("a-1", "a.py", "exact"),
        ("d-1", "d.py"): ("c-1", "c.py", "exact"),
    }
    assert artifact(found("few shuffled")) == artifact(made)


def test_same_row_twice_is_kept_once(found: Found) -> None:
    assert list(found("same row twice").read()) == [FEW[0]]


def test_an_empty_corpus_leaves_an_empty_shard(found: Found) -> None:
    made = found("nothing")
    assert (list(made.read()), len(made.shards()), made.facts.rows) == ([], 1, {FILES: 0})


def test_of_near_duplicates_the_documented_and_the_permissive_stay(found: Found) -> None:
    made = found("near")
    stays = {("documented-1", "one.py"), ("alone-1", "two.py"), ("third-2", "three.py")}
    assert {(file.origin, file.path) for file in made.read()} == stays | {
        ("empty-1", "no_tokens.py"),
        ("empty-2", "no_tokens.py"),
    }
    assert made.facts.drops == {"exact_duplicate": 1, "near_duplicate": 2}
    assert made.facts.metrics == {"clusters": 2, "largest_cluster_files": 3}
    assert duplicates(made) == {
        ("later-1", "one.py"): ("documented-1", "one.py", "exact"),
        ("plain-1", "one.py"): ("documented-1", "one.py", "near"),
        ("third-1", "three.py"): ("third-2", "three.py", "near"),
    }
    rows = pq.read_table(made.folder / DUPLICATES).to_pylist()
    assert all(0.7 <= row["jaccard"] < 1 for row in rows if row["kind"] == "near")
    assert {row["jaccard"] for row in rows if row["kind"] == "exact"} == {1.0}
    assert artifact(found("near, across shards")) == artifact(made)


def test_a_folder_may_have_any_name(found: Found) -> None:
    assert artifact(found("in a, [b] {c,d} *?\\\\")) == artifact(found("near"))


def test_the_threshold_and_the_method_count(found: Found) -> None:
    assert found("near, at 1.0").facts.drops == {"exact_duplicate": 1}
    # What differs in indentation alone has the same words.
    assert found("few, near").facts.drops == {"exact_duplicate": 3, "near_duplicate": 1}


def test_bytes_depend_neither_on_order_nor_on_shards_nor_on_blocks(found: Found) -> None:
    made = found("many")
    assert made.facts.rows == {FILES: 120}
    assert sum(made.facts.drops.values()) == 120
    names = [(file.source, file.origin, file.path) for file in made.read()]
    assert names == sorted(names)
    assert sum(origin == "far-1" for _, origin, _ in names) == 60
    one, other = found("many, one way"), found("many, another way")
    assert len(one.shards()) > 5
    assert artifact(one) == artifact(other)
    assert list(one.read()) == list(made.read())


def test_what_an_earlier_corpus_has_stays_there(found: Found) -> None:
    whole, made = found("many"), found("against the first half")
    rows = many()
    earlier = {row.text.strip() for row in rows[:120]}
    assert made.facts.rows[FILES] + sum(made.facts.drops.values()) == 120
    assert not {file.text.strip() for file in made.read()} & earlier
    assert set(made.facts.drops) == {"exact_duplicate", "near_duplicate"}
    kept_earlier = [row for row in pq.read_table(made.folder / DUPLICATES).to_pylist() if row["kept_earlier"]]
    assert {(row["kept_origin"], row["kept_path"]) for row in kept_earlier} <= {(r.origin, r.path) for r in rows[:120]}
    families = {file.path for file in whole.read()}
    assert {file.path for file in made.read()} | {row.path for row in rows[:120]} == families
    assert found("against all of it").facts.rows == {FILES: 0}
    assert sum(found("against all of it").facts.drops.values()) == 30


def artifact(made: CodeFiles) -> dict[str, bytes]:
    """All that is in it, but what is for a resume."""
    names = [DUPLICATES, *(path.relative_to(made.folder).as_posix() for path in made.shards())]
    return {name: (made.folder / name).read_bytes() for name in names}
