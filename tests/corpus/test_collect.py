import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.collect import collect
from hornbook.corpus.intake import take
from hornbook.corpus.intake.drops import DROPS, SHOWN_PER_REASON
from hornbook.corpus.sources import RawFile, Shard
from hornbook.corpus.sources.jsonl import JsonlFiles
from hornbook.errors import InputError
from hornbook.recipe import CollectConfig
from hornbook.run.artifact import RESUME
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from .environment import GOOD, Environment
from .sources.trees import MIT, write_jsonl, write_tree

SIZES = {"min_chars": 40, "max_chars": 2000, "max_line_chars": 120}
CONFIG = CollectConfig(**SIZES)


def configured(*sources: dict[str, Any] | str, **fields: Any) -> CollectConfig:
    return CollectConfig(sources=sources, **SIZES, **fields)


def run(out: Path, config: CollectConfig = CONFIG, seed: int = 0, workers: int = 1) -> CodeFiles:
    out.mkdir(exist_ok=True)
    return collect(config=config, seed=seed, sources={}, out=out, machine=Machine(workers=workers))


def content(made: CodeFiles) -> dict[str, bytes]:
    paths = (path for path in made.folder.rglob("*") if path.is_file() and RESUME not in path.parts)
    return {path.relative_to(made.folder).as_posix(): path.read_bytes() for path in paths}


def good(number: int) -> str:
    return GOOD.format(name=f"f{number}")


def rows(folder: Path, name: str, numbers: range) -> dict[str, Any]:
    """A source of JSON Lines with a file for every three rows."""
    folder.mkdir(exist_ok=True)
    for start in numbers[::3]:
        part = [
            {"content": good(n), "path": f"{n}.py", "repo": f"{name}/repo", "license": "MIT"}
            for n in numbers
            if start <= n < start + 3
        ]
        write_jsonl(folder / f"{start:04}.jsonl", part)
    return {"type": "jsonl", "name": name, "path": str(folder)}


def test_golden(environment: Environment, tmp_path: Path) -> None:
    environment.add_stdlib("broken.py", GOOD.format(name="a b"))
    environment.add_stdlib("empty/__init__.py", "")
    made = run(tmp_path / "out")
    assert [(file.origin, file.path, file.license, file.source) for file in made.read()] == [
        ("free-1.0", "free/core.py", "MIT", "environment"),
        ("python-3.11.7", "heapq.py", "PSF-2.0", "environment"),
        ("python-3.11.7", "json/decoder.py", "PSF-2.0", "environment"),
    ]
    assert next(made.read()).text == GOOD.format(name="core")
    assert made.facts.rows == {FILES: 3}
    assert made.facts.drops == {
        "empty": 1,
        "license_not_permissive": 2,
        "license_unknown": 1,
        "syntax_error": 1,
        "test_file": 1,
    }
    chars = sum(len(file.text) for file in made.read())
    assert made.facts.metrics == {
        "files_tried": 9,
        "origins": 2,
        "chars": chars,
        "renamed_files": 0,
        "environment.files": 3,
        "environment.chars": chars,
    }
    shown = [json.loads(line) for line in (made.folder / DROPS).read_text().splitlines()]
    assert [(drop["reason"], drop["path"], drop["first_line"]) for drop in shown] == [
        ("empty", "empty/__init__.py", ""),
        ("license_not_permissive", "bound/a.py", ""),
        ("license_not_permissive", "bound/b.py", ""),
        ("license_unknown", "silent.py", ""),
        ("syntax_error", "broken.py", '"""A module that is long enough to be kept."""'),
        ("test_file", "test/test_heapq.py", ""),
    ]


def many(environment: Environment, count: int = 150) -> None:
    for number in range(count):
        environment.add_stdlib(f"module_{number}.py", good(number) if number % 3 else "x = 1\n")


def test_same_bytes_with_one_and_two_workers(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(environment)
    monkeypatch.setattr("hornbook.corpus.sources.listed.FILES_PER_SHARD", 16)
    config = CONFIG.model_copy(update={"max_files": 80})
    one, two = run(tmp_path / "one", config), run(tmp_path / "two", config, workers=2)
    assert content(one) == content(two)
    assert one.facts == two.facts
    assert one.facts.rows == {FILES: 80}


def test_max_files_takes_a_seeded_choice(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(environment)
    config = CONFIG.model_copy(update={"max_files": 20})
    zero, one = run(tmp_path / "0", config, seed=0), run(tmp_path / "1", config, seed=1)
    chosen = [{file.path for file in made.read()} for made in (zero, one)]
    assert len(chosen[0]) == len(chosen[1]) == 20
    assert chosen[0] != chosen[1]
    # The drops are those of the files that were tried: a third of the modules is too short.
    assert zero.facts.metrics["files_tried"] == 20 + sum(zero.facts.drops.values()) < 60
    assert 2 <= zero.facts.drops["too_short"] <= 25
    # How files are cut into shards changes nothing.
    monkeypatch.setattr("hornbook.corpus.sources.listed.FILES_PER_SHARD", 7)
    finer = run(tmp_path / "2", config, seed=0)
    assert list(finer.read()) == list(zero.read())
    assert finer.facts == zero.facts


def test_max_files_beyond_what_is_there(environment: Environment, tmp_path: Path) -> None:
    assert run(tmp_path / "out", CONFIG.model_copy(update={"max_files": 500})).facts.rows == {FILES: 3}


def test_twenty_of_each_reason_are_shown(environment: Environment, tmp_path: Path) -> None:
    many(environment)
    made = run(tmp_path / "out")
    shown = [json.loads(line) for line in (made.folder / DROPS).read_text().splitlines()]
    assert made.facts.drops["too_short"] == 50
    assert len([drop for drop in shown if drop["reason"] == "too_short"]) == SHOWN_PER_REASON
    assert {drop["first_line"] for drop in shown if drop["reason"] == "too_short"} == {"x = 1"}


def test_several_sources(environment: Environment, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"LICENSE": MIT, "one.py": good(1), "two.py": good(2)})
    table = rows(tmp_path / "table", "rows", range(5))
    made = run(tmp_path / "out", configured("environment", {"type": "folder", "path": str(tree)}, table))
    assert [file.source for file in made.read()] == ["environment"] * 3 + ["folder"] * 2 + ["rows"] * 5
    facts = made.facts.metrics
    assert (facts["environment.files"], facts["folder.files"], facts["rows.files"]) == (3, 2, 5)
    assert facts["origins"] == 4


def test_weights_share_out_max_files(tmp_path: Path) -> None:
    one, two = rows(tmp_path / "one", "one", range(30)), rows(tmp_path / "two", "two", range(100, 130))
    made = run(tmp_path / "out", configured(one | {"weight": 3}, two, max_files=20))
    assert [file.source for file in made.read()] == ["one"] * 15 + ["two"] * 5


def test_what_a_source_lacks_comes_from_the_others(tmp_path: Path) -> None:
    short, long = rows(tmp_path / "short", "short", range(4)), rows(tmp_path / "long", "long", range(100, 140))
    made = run(tmp_path / "out", configured(long, short, max_files=20))
    assert [file.source for file in made.read()] == ["long"] * 16 + ["short"] * 4
    limited = run(tmp_path / "limited", configured(long | {"max_files": 7}, short, max_files=20))
    assert [file.source for file in limited.read()] == ["long"] * 7 + ["short"] * 4


def test_limits_of_one_source(tmp_path: Path) -> None:
    table = rows(tmp_path / "table", "rows", range(30))
    assert run(tmp_path / "files", configured(table | {"max_files": 7})).facts.rows == {FILES: 7}
    size = len(good(1))
    made = run(tmp_path / "chars", configured(table | {"max_total_chars": 10 * size}))
    # The names of the functions differ by a digit.
    assert 9 * size <= sum(len(file.text) for file in made.read()) <= 10 * size


def test_no_more_shards_are_read_than_a_limit_needs(tmp_path: Path) -> None:
    table = rows(tmp_path / "table", "rows", range(300))
    run(tmp_path / "out", configured(table | {"max_files": 30}))
    assert len(list((tmp_path / "out" / RESUME).glob("*.json"))) <= 12


def test_a_name_that_clashes_is_made_another(tmp_path: Path) -> None:
    one, two = rows(tmp_path / "one", "one", range(4)), rows(tmp_path / "two", "one", range(2, 6))
    made = run(tmp_path / "out", configured(one, two | {"name": "two"}))
    names = [f"{file.source} {file.path}" for file in made.read()]
    assert names == ["one 0.py", "one 1.py", "one 2.py", "one 3.py", "two 2.py~2", "two 3.py~2", "two 4.py", "two 5.py"]
    assert made.facts.metrics["renamed_files"] == 2


def test_nothing_is_read_twice_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(rows(tmp_path / "table", "rows", range(30)), max_files=25)
    whole = run(tmp_path / "whole", config)
    read: list[str] = []
    real = take.read_shard

    def killed_after_six(source: Any, shard: Any, *rest: Any) -> Any:
        if len(read) == 6:
            raise KeyboardInterrupt
        read.append(shard.name)
        return real(source, shard, *rest)

    monkeypatch.setattr(take, "in_workers", lambda function, tasks, workers: (function(*task) for task in tasks))
    monkeypatch.setattr(take, "read_shard", killed_after_six)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", config)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {RESUME}
    # What a kill in the middle of a shard leaves behind.
    (tmp_path / "out" / RESUME / "rows-0.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(take, "read_shard", real)
    opened: list[str] = []
    lines = JsonlFiles.read

    def noted(source: JsonlFiles, shard: Shard) -> Iterator[RawFile]:
        opened.append(shard.name)
        return lines(source, shard)

    monkeypatch.setattr(JsonlFiles, "read", noted)
    made = run(tmp_path / "out", config)
    assert content(made) == content(whole)
    assert made.facts == whole.facts
    assert set(opened).isdisjoint(read)
    assert opened


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty folder"
    empty.mkdir()
    with pytest.raises(InputError, match=r"source 'folder': .*/empty folder has no \.py or \.ipynb file"):
        run(tmp_path / "out", configured({"type": "folder", "path": str(empty)}))


def test_a_source_of_which_nothing_stays_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write_tree(tmp_path / "tree", {"one.py": good(1)})
    table = rows(tmp_path / "table", "rows", range(5))
    made = run(tmp_path / "out", configured({"type": "folder", "path": str(tree)}, table))
    assert made.facts.drops == {"license_unknown": 1}
    assert "no file of source 'folder' stays; drops.jsonl shows some" in " ".join(capsys.readouterr().err.split())


def test_a_corpus_without_files_has_its_columns(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"one.py": good(1)})
    made = run(tmp_path / "out", configured({"type": "folder", "path": str(tree)}))
    assert made.facts.rows == {FILES: 0}
    assert len(made.shards()) == 1
    assert list(made.read()) == []


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    key = "AKIA" + "QWERTYUIOPASDFGH"
    tree = write_tree(tmp_path / "tree", {"LICENSE": MIT, "one.py": f'KEY = "{key}"\n' + good(1), "two.py": good(2)})
    made = run(tmp_path / "out", configured({"type": "folder", "path": str(tree)}))
    assert made.facts.drops == {"secret_found": 1}
    assert key not in (made.folder / DROPS).read_text()
    shutil.rmtree(tmp_path / "out" / RESUME)
    assert [file.path for file in made.read()] == ["two.py"]


def test_what_utf8_cannot_hold_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    notebook = {"cells": [{"cell_type": "code", "source": "# \ud83d\n" + good(4)}], "metadata": {}}
    lines = [
        {"content": "# \ud83d\n" + good(1), "path": "dropped\udc80.py", "license": "MIT"},
        {"content": good(2), "path": "odd\ud83d.py", "repo": "a\udfffb", "license": "MIT"},
        {"content": good(3), "path": "licence.py", "license": "MIT\ud83d"},
        {"content": json.dumps(notebook), "path": "n.ipynb", "license": "MIT"},
    ]
    write_jsonl(tmp_path / "rows.jsonl", lines)
    made = run(tmp_path / "out", configured({"type": "jsonl", "path": str(tmp_path / "rows.jsonl")}))
    assert [(file.origin, file.path) for file in made.read()] == [("a\ufffdb", "odd\ufffd.py")]
    assert made.facts.drops == {"license_not_permissive": 1, "not_utf8": 2}
    shown = [json.loads(line) for line in (made.folder / DROPS).read_text().splitlines()]
    assert [drop["path"] for drop in shown if drop["reason"] == "not_utf8"] == ["dropped\ufffd.py", "n.ipynb"]
    assert shown[1]["first_line"] == "# \ufffd"


def test_max_files_holds_when_a_source_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take, "in_workers", lambda function, tasks, workers: (function(*task) for task in tasks))
    tables = [
        rows(tmp_path / str(number), f"s{number}", range(number * 100, number * 100 + there)) | {"weight": weight}
        # The third source's only row is made one that is too short.
        for number, (weight, there) in enumerate([(7, 2), (2, 5), (7, 1), (7, 5), (2, 5)])
    ]
    write_jsonl(tmp_path / "2" / "0200.jsonl", [{"content": "x", "path": "x.py", "license": "MIT"}])
    made = run(tmp_path / "out", configured(*tables, max_files=4))
    assert made.facts.rows == {FILES: 4}
