from pathlib import Path

import pytest

from hornbook.corpus.collect import collect, decode_source, read_code
from hornbook.corpus.sources import SourceFile
from hornbook.recipe import CollectConfig
from hornbook.records import CodeFile
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine

from .environment import GOOD, Environment

CONFIG = CollectConfig(min_chars=40, max_chars=2000, max_line_chars=120)
BODY = "def double(number):\n    return number * 2\n\n\nprint(double(2))\n"


def run(out: Path, config: CollectConfig = CONFIG, seed: int = 0, workers: int = 1) -> CodeFiles:
    out.mkdir()
    return collect(config=config, seed=seed, environment="", out=out, machine=Machine(workers=workers))


def test_golden(environment: Environment, tmp_path: Path) -> None:
    environment.add_stdlib("broken.py", GOOD.format(name="a b"))
    environment.add_stdlib("empty/__init__.py", "")
    made = run(tmp_path / "out")
    assert [(file.origin, file.path, file.license) for file in made.read()] == [
        ("free-1.0", "free/core.py", "MIT"),
        ("python-3.11.7", "heapq.py", "PSF-2.0"),
        ("python-3.11.7", "json/decoder.py", "PSF-2.0"),
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
    assert made.facts.metrics["files_found"] == made.facts.metrics["files_tried"] == 9
    assert made.facts.metrics["chars"] == sum(len(file.text) for file in made.read())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n \n\t\n", "empty"),
        (b"x = 1\n", "too_short"),
        (b"x = 1\n" * 400, "too_large"),
        (b"x = 1\n" * 4000, "too_large"),
        (BODY.encode() + b"# " + b"x" * 200, "too_long_lines"),
        (BODY.encode() + b"\xff\xfe", "not_utf8"),
        (b"# coding: nonsense\n" + BODY.encode(), "not_utf8"),
        (b"# coding: hex\n" + BODY.encode(), "not_utf8"),
        (BODY.encode() + b"def (\n", "syntax_error"),
        (BODY.encode() + b"\0", "syntax_error"),
        (BODY.encode() + b"(\n" * 210 + b")\n" * 210, "syntax_error"),
        (b"# Automatically generated, do not touch.\n" + BODY.encode(), "generated"),
        (b"# This file is DO NOT EDIT\n" + BODY.encode(), "generated"),
        (b"#!/usr/bin/python\n# File generated from our OpenAPI spec\n" + BODY.encode(), "generated"),
    ],
)
def test_drop_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "file.py").write_bytes(data)
    assert read_code(SourceFile("o-1", "file.py", "MIT", str(tmp_path / "file.py")), CONFIG) == reason


def test_unreadable(tmp_path: Path) -> None:
    assert read_code(SourceFile("o-1", "gone.py", "MIT", str(tmp_path / "gone.py")), CONFIG) == "unreadable"


def test_code_that_mentions_generation_stays(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(BODY + 'TEXT = "do not edit"\n')
    read = read_code(SourceFile("o-1", "file.py", "MIT", str(tmp_path / "file.py")), CONFIG)
    assert read == CodeFile(BODY + 'TEXT = "do not edit"\n', "o-1", "file.py", "MIT")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffname = 'é'\n".encode(), "name = 'é'\n"),
        ("# -*- coding: latin-1 -*-\n'é'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\n'é'\n"),
    ],
)
def test_decode(data: bytes, text: str) -> None:
    assert decode_source(data) == text


def test_decode_to_what_utf8_cannot_hold() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        decode_source(b"# coding: raw_unicode_escape\n'\\ud800'\n")


def many(environment: Environment) -> None:
    for number in range(150):
        good = number % 3
        environment.add_stdlib(f"module_{number}.py", GOOD.format(name=f"f{number}") if good else "x = 1\n")


def test_same_bytes_with_one_and_two_workers(environment: Environment, tmp_path: Path) -> None:
    many(environment)
    config = CONFIG.model_copy(update={"max_files": 80})
    one, two = run(tmp_path / "one", config), run(tmp_path / "two", config, workers=2)
    assert (one.folder / FILES).read_bytes() == (two.folder / FILES).read_bytes()
    assert one.facts == two.facts


def test_max_files_takes_a_seeded_choice(environment: Environment, tmp_path: Path) -> None:
    many(environment)
    config = CONFIG.model_copy(update={"max_files": 20})
    zero, one = run(tmp_path / "0", config, seed=0), run(tmp_path / "1", config, seed=1)
    chosen = [[file.path for file in made.read()] for made in (zero, one)]
    assert len(chosen[0]) == len(chosen[1]) == 20
    assert chosen[0] != chosen[1]
    assert chosen[0] == sorted(chosen[0])
    # The drops are those of the files that were tried: a third of the modules is too short.
    assert zero.facts.metrics["files_tried"] == 20 + sum(zero.facts.drops.values()) < 60
    assert 2 <= zero.facts.drops["too_short"] <= 25


def test_max_files_beyond_what_is_there(environment: Environment, tmp_path: Path) -> None:
    assert run(tmp_path / "out", CONFIG.model_copy(update={"max_files": 500})).facts.rows == {FILES: 3}
