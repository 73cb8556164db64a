"""A writer that cannot be asked is refused before anything is made, and only where it will be asked."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hornbook.cli import app
from hornbook.cli.runs import check_teachers
from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.run.folder import RunFolder
from hornbook.run.runner import plan
from hornbook.teacher.starter import MODEL

ASKED = {"writer.model": "m", "write_exercises.num_requests": "3"}
HOSTED = {**ASKED, "writer.backend": "openai"}


def settings(values: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (HOSTED, "the environment variable OPENAI_API_KEY is not set, and https://api.openai.com/v1 needs a key"),
        ({**ASKED, "writer.backend": "recorded"}, "no reply cache is there"),
        ({**ASKED, "writer.backend": "recorded", "writer.replies": "nowhere/r.sqlite"}, "nowhere/r.sqlite: no reply"),
        ({**ASKED, "writer.backend": "transformers", "writer.model_folder": "nowhere"}, "nowhere: no folder is there"),
        ({**ASKED, "writer.backend": "starter"}, f"writer.model is 'm', and the starter set was written by '{MODEL}'"),
        ({"writer.backend": "openai", "writer.model": "m", "write_textbooks.num_requests": "1"}, "OPENAI_API_KEY"),
    ],
)
def test_a_writer_that_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], message: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = [word for setting in settings(values) for word in ("--set", setting)]
    result = CliRunner().invoke(app, ["run", "tiny", "--out", str(tmp_path / "run"), *words])
    assert message in str(result.exception)
    assert not [path for path in (tmp_path / "run").glob("*") if path.is_dir()], "nothing was made"


@pytest.mark.parametrize(
    ("values", "until"),
    [
        # The stages that would ask it are not run, or ask for nothing.
        (HOSTED, "collect"),
        ({"writer.backend": "openai", "writer.model": "m"}, "report"),
        # Nobody needs a key on this machine.
        ({**HOSTED, "writer.base_url": "http://127.0.0.1:8080/v1"}, "report"),
        ({**ASKED, "writer.backend": "starter", "writer.model": MODEL}, "report"),
    ],
)
def test_a_writer_that_is_not_asked_or_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], until: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    recipe = load_recipe("tiny", settings(values))
    graph, folder = build(recipe), RunFolder(tmp_path / "run")
    planned = plan(graph, folder, [graph[until]])
    check_teachers(recipe, planned, folder)
