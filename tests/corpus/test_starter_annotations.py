"""The starter set's annotations: from a corpus to what ships, and replayed from there without a network."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hornbook.cli import app
from hornbook.corpus.annotate import UNANNOTATED, annotator_identity, starter_sample
from hornbook.corpus.starter_annotations import CACHE, ask, installed_licenses, pack, sample
from hornbook.errors import ArtifactError, InputError, TeacherError
from hornbook.recipe import AnnotateConfig, AnnotatorConfig
from hornbook.records import Annotation, CodeFile, read_rows
from hornbook.run.datasets import ANNOTATIONS
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.starter import annotation_set
from hornbook.teacher.starter.annotation_set import (
    LICENSES,
    REPLIES,
    SETTINGS,
    AnnotationSet,
    AnnotationSettings,
    LicenseText,
)
from tests.teacher.endpoint import Answer, Endpoint, endpoint

from .environment import GOOD, Environment
from .rows import code_files

SETTINGS_OF_SET = AnnotationSettings.of(AnnotatorConfig(model="m", window_chars=400, max_windows=2))
LICENSED = {
    "free-1.0": [LicenseText("free-1.0", "LICENSE", "MIT, by somebody")],
    "long-2.0": [LicenseText("long-2.0", "COPYING", "MIT, by another")],
}
FILES = [
    CodeFile(f"def f_{n}():\n    return {n}  # worth {n % 11}\n", "free-1.0", f"{n:02}.py", "MIT") for n in range(30)
]
LONG = CodeFile("x = 1  # worth 4\n" * 100, "long-2.0", "long.py", "MIT")
CHATTY = CodeFile("y = 1  # chatty\n", "long-2.0", "chatty.py", "MIT")
HOPELESS = CodeFile("z = 1  # hopeless\n", "long-2.0", "hopeless.py", "MIT")
CORPUS = [*FILES, LONG, CHATTY, HOPELESS]


def script(request: dict[str, Any], before: int) -> Answer:
    messages = request["messages"]
    is_repair = str(messages[-1]["content"]).startswith("Your reply cannot be read")
    code = str(messages[-3 if is_repair else -1]["content"])
    if "hopeless" in code or ("chatty" in code and not is_repair):
        return Answer("Let me think.")
    found = re.search(r"worth (\d+)", code)
    return Answer(f"Reason: It says so.\nValue: {found[1] if found else 6}")


def make_sample(tmp_path: Path, rows: list[CodeFile], count: int = 1000, seed: int = 0) -> Path:
    out = tmp_path / "sample"
    sample(code_files(tmp_path / "corpus", rows), LICENSED, out, count=count, seed=seed, settings=SETTINGS_OF_SET)
    return out


def asking(server: Endpoint) -> AnnotatorConfig:
    return AnnotatorConfig(backend="openai", base_url=server.url, model="m", window_chars=400, max_windows=2)


@pytest.fixture(scope="module")
def made_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set made as the one that ships is."""
    made = tmp_path_factory.mktemp("made")
    folder = make_sample(made, CORPUS)
    with endpoint(script) as server:
        ask(folder, asking(server), device="cpu")
        num_asked = len(server.asked)
        ask(folder, asking(server), device="cpu")
        assert len(server.asked) == num_asked == 30 + 2 + 2 + 2, "one a window, two where a reply was not readable"
    assert pack(folder, made / "set") == {"files": 33, "replies": 36}
    return made / "set"


@pytest.fixture
def shipped(made_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in the place of the one that ships."""
    folder = shutil.copytree(made_set, tmp_path / "set")
    monkeypatch.setattr(annotation_set, "FOLDER", str(folder))
    return folder


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "environment").mkdir()
    made = Environment(tmp_path / "environment")
    texts: dict[str, str | bytes] = {f"mine/{n:02}.py": GOOD.format(name=f"step_{n}") * 2 for n in range(25)}
    made.install("mine", "1.0", "License-Expression: MIT", texts)
    made.use(monkeypatch)


def hornbook(verb: str, tmp_path: Path, *words: str, **annotator: str) -> str:
    values = {"backend": "starter", "model": "m", "window_chars": "400", "max_windows": "2", **annotator}
    sets = [word for name, value in values.items() for word in ("--set", f"annotator.{name}={value}")]
    result = CliRunner().invoke(app, [verb, "tiny", "--out", str(tmp_path / "run"), *sets, *words])
    return f"{result.output}{result.exception or ''}"


@pytest.mark.usefixtures("shipped", "corpus", "in_this_process")
def test_the_filter_learns_from_the_sets_own_files_and_judges_the_corpus(tmp_path: Path) -> None:
    planned = hornbook("plan", tmp_path)
    assert re.search(r"^annotate +34 +34 +0 +0 +0 *$", planned, re.MULTILINE), planned
    out = hornbook("run", tmp_path, "--until", "filter", "--workers", "1")
    (folder,) = (path.parent for path in (tmp_path / "run" / "annotate").glob("*/manifest.json"))
    rows = {(row.origin, row.path): row for row in read_rows(folder / ANNOTATIONS, Annotation)}
    assert len(rows) == 32, out
    assert {row.annotator for row in rows.values()} == {"m"}
    assert rows["free-1.0", "07.py"].educational_value == 7.0
    assert rows["free-1.0", "07.py"].license == "MIT"
    assert rows["long-2.0", "chatty.py"].educational_value == 6.0, "its second reply"
    assert (rows["long-2.0", "long.py"].num_windows, len(rows["long-2.0", "long.py"].window_values)) == (5, 2)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["drops"] == {"no_value": 1}
    assert "hopeless.py" in (folder / UNANNOTATED).read_text()
    (filtered,) = (path.parent for path in (tmp_path / "run" / "filter").glob("*/manifest.json"))
    quality = json.loads((filtered / "quality.json").read_text())
    assert quality["num_train"] + quality["num_validation"] == 32
    assert {row.origin for row in annotated_corpus(filtered)} == {"mine-1.0"}


def annotated_corpus(folder: Path) -> list[CodeFile]:
    return [row for path in sorted(folder.rglob("files/*.parquet")) for row in read_rows(path, CodeFile)]


@pytest.mark.usefixtures("shipped", "corpus")
def test_another_way_of_asking_is_refused_before_any_work(tmp_path: Path) -> None:
    said = hornbook("run", tmp_path, "--until", "annotate", max_windows="4")
    assert "annotator.max_windows is 4, and the starter set's annotations were made with 2: set it to that" in said
    assert "annotator.model is 'n', and the starter set's" in hornbook("run", tmp_path, model="n")
    assert not (tmp_path / "run" / "collect").exists()


@pytest.mark.usefixtures("corpus")
def test_where_none_ship_that_is_said_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation_set, "FOLDER", str(tmp_path / "nowhere"))
    assert "nowhere: no annotations are there" in hornbook("run", tmp_path, "--until", "annotate")
    assert not (tmp_path / "run" / "collect").exists()


@pytest.mark.usefixtures("shipped")
def test_a_part_of_the_set_is_spread_over_it() -> None:
    config = AnnotatorConfig(backend="starter", model="m", window_chars=400, max_windows=2)
    chosen = starter_sample(AnnotateConfig(sample_files=11), config, seed=0)
    assert len(chosen) == 11
    assert {file.origin for file in chosen} == {"free-1.0", "long-2.0"}
    assert chosen == sorted(chosen, key=lambda file: (file.origin, file.path))
    assert len(starter_sample(AnnotateConfig(sample_files=1000), config, seed=0)) == 33


def test_a_damaged_set_is_named(shipped: Path) -> None:
    (shipped / annotation_set.FILES).write_bytes(b"not packed")
    with pytest.raises(ArtifactError, match=r"files\.jsonl\.xz: cannot be read"):
        AnnotationSet().read_files()
    (shipped / SETTINGS).write_text('{"model": "m"}')
    with pytest.raises(ArtifactError, match=r"settings\.json: cannot be read .*temperature"):
        AnnotationSet().read_settings()


def test_the_fingerprint_follows_what_ships(shipped: Path) -> None:
    config = AnnotatorConfig(backend="starter", model="m")
    before = annotator_identity(config)
    assert annotator_identity(config) == before
    (shipped / REPLIES).write_bytes(b"others")
    assert annotator_identity(config) != before
    recorded = annotator_identity(AnnotatorConfig(backend="recorded", model="m"))
    assert recorded == before[: len(recorded)], "any other backend follows the prompts alone"
    assert annotator_identity(AnnotatorConfig()) == ""


def test_files_are_shipped_with_their_licences(shipped: Path) -> None:
    assert {(file.origin, file.path): (file.text, file.license) for file in AnnotationSet().read_files()} == {
        (file.origin, file.path): (file.text, file.license) for file in CORPUS
    }
    assert AnnotationSet().read_licenses() == [*LICENSED["free-1.0"], *LICENSED["long-2.0"]]
    assert AnnotationSet().read_settings() == SETTINGS_OF_SET
    assert (shipped / LICENSES).is_file()


def test_code_without_a_permissive_licence_and_its_text_is_left_out(tmp_path: Path) -> None:
    bound = CodeFile("a = 1\n", "free-1.0", "bound.py", "GPL-3.0-only")
    mute = CodeFile("b = 1\n", "mute-1.0", "mute.py", "MIT")
    corpus = code_files(tmp_path / "corpus", [bound, mute, *FILES[:3]])
    counts = sample(corpus, LICENSED, tmp_path / "out", count=9, seed=0, settings=SETTINGS_OF_SET)
    assert counts == {"license_not_permissive": 1, "license_text_missing": 1, "taken": 3}
    assert [file.path for file in AnnotationSet(tmp_path / "out").read_files()] == ["00.py", "01.py", "02.py"]
    with pytest.raises(InputError, match=r"no file to take .*'license_text_missing': 4"):
        sample(corpus, {"other-1": []}, tmp_path / "none", count=9, seed=0, settings=SETTINGS_OF_SET)
    with pytest.raises(InputError, match="--files 0: ask for one file at least"):
        sample(corpus, LICENSED, tmp_path / "none", count=0, seed=0, settings=SETTINGS_OF_SET)


def test_the_sample_follows_the_seed_and_is_the_same_bytes_again(tmp_path: Path) -> None:
    contents = []
    for number, seed in enumerate((0, 0, 1)):
        (tmp_path / str(number)).mkdir()
        out = make_sample(tmp_path / str(number), CORPUS, count=10, seed=seed)
        assert len(AnnotationSet(out).read_files()) == 10
        contents.append((out / annotation_set.FILES).read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_a_file_without_a_reply_does_not_ship(tmp_path: Path) -> None:
    folder = make_sample(tmp_path, [*FILES[:3], CHATTY])
    with endpoint(script) as server:
        ask(folder, asking(server), device="cpu")
    with ReplyCache(folder / CACHE) as cache:
        # The chatty one's second reply and another file's only one.
        cache.commit(
            [lambda connection: connection.execute("DELETE FROM replies WHERE text LIKE '%Value: 6'").rowcount]
        )
        cache.commit(
            [lambda connection: connection.execute("DELETE FROM replies WHERE text LIKE '%Value: 2'").rowcount]
        )
    assert pack(folder, tmp_path / "set") == {"files": 2, "replies": 2, "files_without_reply": 2}
    assert [file.path for file in AnnotationSet(tmp_path / "set").read_files()] == ["00.py", "01.py"]
    assert {text.origin for text in AnnotationSet(tmp_path / "set").read_licenses()} == {"free-1.0"}
    (tmp_path / "other").mkdir()
    with pytest.raises(ArtifactError, match="no reply cache is there"):
        pack(make_sample(tmp_path / "other", FILES[:2]), tmp_path / "x")


def test_licences_of_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Environment(tmp_path)
    info = "free-1.0.dist-info"
    texts: dict[str, str | bytes] = {
        f"{info}/licenses/LICENSE": "MIT, by somebody",
        f"{info}/NOTICE.txt": b"with \xff a byte that is no text",
        "free/license.py": "not a licence",
    }
    made.install("free", "1.0", "License-Expression: MIT", texts)
    made.install("mute", "1.0", "License-Expression: MIT", {"mute.py": "x = 1\n"})
    made.add_stdlib("LICENSE.txt", "the Python licence")
    made.use(monkeypatch)
    found = installed_licenses()
    assert sorted(found) == ["free-1.0", "python-3.11.7"]
    assert [(text.name, text.text) for text in found["free-1.0"]] == [
        ("LICENSE", "MIT, by somebody"),
        ("NOTICE.txt", "with � a byte that is no text"),
    ]
    assert found["python-3.11.7"][0].text == "the Python licence"


def test_a_set_made_with_other_settings_says_what_differs() -> None:
    with pytest.raises(TeacherError, match=r"annotator\.window_chars is 8000, .* with 400"):
        SETTINGS_OF_SET.check(AnnotatorConfig(model="m", max_windows=2))
