"""A language model annotates, as a user asks for it: through the command line up to the filter, and again recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hornbook.cli import app
from hornbook.corpus.annotate import UNANNOTATED
from hornbook.records import Annotation, read_rows
from hornbook.run.datasets import ANNOTATIONS, CodeFiles
from tests.teacher.endpoint import Answer, endpoint

from .environment import Environment

TEACHING = '''"""Sums of numbers, number {n}."""


def add_up_{n}(numbers):
    """Add the numbers up, each times {n}."""
    result = 0
    for number in numbers:
        result += number * {n}
    return result
'''
TABLE = '"""Settings that {n} needs."""\n' + "VALUE_{n} = {n}\nPATH_{n} = '/tmp/{n}'\n" * 8
LABELS = ("chatty", "hopeless", "refuse")


def script(request: dict[str, Any], before: int) -> Answer:
    last = str(request["messages"][-1]["content"])
    is_repair = last.startswith("Your reply cannot be read")
    code = str(request["messages"][-3]["content"]) if is_repair else last
    value = 8 if "for number in numbers" in code else 1
    if "refuse" in code:
        return Answer(None, refusal="No.")
    if "hopeless" in code or ("chatty" in code and not is_repair):
        return Answer(f"Let me think. It is worth {value}.")
    return Answer(f"Reason: It is {'' if value == 8 else 'no '}algorithm.\nValue: {value}")


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "environment"
    root.mkdir()
    made = Environment(root)
    texts: dict[str, str | bytes] = {}
    for n in range(30):
        label = f"# {LABELS[n]}\n" if n < len(LABELS) else ""
        texts[f"free/good_{n:02}.py"] = TEACHING.replace("{n}", str(n)) + label
        texts[f"free/table_{n:02}.py"] = TABLE.replace("{n}", str(n))
    made.install("free", "1.0", "License-Expression: MIT", texts)
    made.use(monkeypatch)


def artifact(run: Path, node: str, backend: str) -> Path:
    """The one artifact of a node that came of a backend."""
    found = []
    for manifest in (run / node).glob("*/manifest.json"):
        made_of = json.loads(manifest.read_text())["identity"]
        annotate = made_of if node == "annotate" else identities(run)[made_of["inputs"]["annotations"]]
        if annotate["values"]["annotator"]["backend"] == backend:
            found.append(manifest.parent)
    assert len(found) == 1, found
    return found[0]


def identities(run: Path) -> dict[str, Any]:
    manifests = [json.loads(path.read_text()) for path in (run / "annotate").glob("*/manifest.json")]
    return {manifest["fingerprint"]: manifest["identity"] for manifest in manifests}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_teacher_that_cannot_be_asked_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = ["run", "tiny", "--out", str(tmp_path / "run"), "--until", "filter", "--set", "annotator.model=m"]
    for backend, message in (("openai", "OPENAI_API_KEY is not set"), ("recorded", "no reply cache is there")):
        result = CliRunner().invoke(app, [*words, "--set", f"annotator.backend={backend}"])
        assert message in str(result.exception)
        assert not (tmp_path / "run" / "collect").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("corpus")
def test_annotate_and_filter_with_an_endpoint_and_then_from_its_replies(tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {"annotator.model": "m", "filter.keep_share": "0", "filter.min_educational_value": "5"}
    words = ["tiny", "--out", str(run), *(word for item in settings.items() for word in ("--set", "=".join(item)))]

    def hornbook(*verb: str, backend: str, code: int = 0, **more: str) -> str:
        options = {"annotator.backend": backend, **{f"annotator.{name}": value for name, value in more.items()}}
        sets = [word for item in options.items() for word in ("--set", "=".join(item))]
        result = CliRunner().invoke(app, [verb[0], *words, *sets, *verb[1:]])
        assert result.exit_code == code, (result.output, result.exception)
        return f"{result.output}{result.exception or ''}"

    with endpoint(script) as server:
        asking = {"backend": "openai", "base_url": server.url}
        stopped = hornbook("run", "--until", "filter", "--set", "max_drop_fraction=0.02", code=1, **asking)
        assert "stage annotate: 2 of 60 rows were dropped, more than max_drop_fraction 0.02 allows (" in stopped
        num_asked = len(server.asked)
        assert num_asked == 60 + 2, "each file once, and once more after a reply that could not be read"
        hornbook("run", "--until", "filter", "--workers", "1", **asking)
        assert len(server.asked) == num_asked, "what was answered before the stage stopped is not asked again"
    annotated = artifact(run, "annotate", "openai")
    rows = {row.path: row for row in read_rows(annotated / ANNOTATIONS, Annotation)}
    assert len(rows) == 58
    assert rows["free/good_00.py"].educational_value == 8.0
    assert rows["free/table_29.py"].reason == "It is no algorithm."
    assert {(row.origin, row.license, row.annotator) for row in rows.values()} == {("free-1.0", "MIT", "m")}
    manifest = json.loads((annotated / "manifest.json").read_text())
    assert manifest["drops"] == {"no_value": 1, "refused": 1}
    assert len((annotated / UNANNOTATED).read_text().splitlines()) == 2
    filtered = artifact(run, "filter", "openai")
    kept = {row.path for row in CodeFiles.load(filtered).read()}
    assert kept == {f"free/good_{n:02}.py" for n in range(30)}

    # The server is gone: all comes from the replies in the run's folder.
    hornbook("run", "--until", "filter", "--workers", "1", backend="recorded")
    for node in ("annotate", "filter"):
        assert contents(artifact(run, node, "recorded")) == contents(artifact(run, node, "openai"))
    planned = hornbook("plan", backend="recorded")
    states = {line.split()[0]: line.split()[1] for line in planned.splitlines() if line.startswith(("ann", "filt"))}
    assert states == {"annotate": "cached", "filter": "cached"}
