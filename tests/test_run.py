"""The tiny recipe as a user runs it: whole, killed and started again, and after a change."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HORNBOOK = [sys.executable, "-m", "hornbook"]


def hornbook(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HORNBOOK, *words], capture_output=True, text=True, check=check)


def contents(run: Path) -> dict[str, str]:
    """sha256 of every file of every artifact of the last whole run, as the manifests have them."""
    latest = json.loads((run / "latest.json").read_text())
    hashes = {}
    for name, folder in latest.items():
        manifest = json.loads((run / folder / "manifest.json").read_text())
        files = manifest["files"].items()
        hashes |= {f"{name}/{file}": described["sha256"] for file, described in files if file != "timing.jsonl"}
    return hashes


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    finished = hornbook("run", "tiny", "--out", str(folder))
    assert f"Report: {folder / 'report.html'}" in finished.stdout
    return folder


def test_a_run_leaves_every_artifact_and_a_page(whole):
    assert len(json.loads((whole / "latest.json").read_text())) == 22
    page = (whole / "report.html").read_text()
    assert "<html" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_killed_again_and_again_it_ends_with_the_same_bytes(whole, tmp_path):
    folder = tmp_path / "run"
    chance = random.Random(0)
    kills = 0
    while not (folder / "latest.json").exists():
        started = subprocess.Popen(
            [*HORNBOOK, "run", "tiny", "--out", str(folder)], stdout=subprocess.DEVNULL, start_new_session=True
        )
        if kills < 5:
            time.sleep(chance.uniform(3, 7))
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
                kills += 1
        assert started.wait() in (0, -signal.SIGKILL)
    assert kills >= 2
    assert contents(folder) == contents(whole)


def test_one_set_changes_just_what_depends_on_it(whole):
    def states(*options: str) -> dict[str, str]:
        table = hornbook("plan", "tiny", "--out", str(whole), *options).stdout
        return {line.split()[0]: line.split()[1] for line in table.splitlines() if "evaluate" in line[:30]}

    assert set(states().values()) == {"cached"}
    changed = states("--set", "small_finetune.learning_rate=0.001")
    assert {name for name, state in changed.items() if state != "cached"} == {"small.evaluate"}


def test_a_model_completes_a_prompt_in_the_terminal(whole):
    shown = hornbook("sample", str(whole), "def total(numbers):\n", "--max-new-tokens", "8")
    assert shown.stdout.startswith("def total(numbers):")
    assert len(shown.stdout.strip()) > len("def total(numbers):")


def test_an_exported_model_loads_in_transformers(whole, tmp_path):
    transformers = pytest.importorskip("transformers")
    hornbook("export", str(whole), "--model", "base", "--to", str(tmp_path / "base"))
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    assert model.config.model_type == "phi"
    assert "already" in hornbook("export", str(whole), "--to", str(tmp_path / "base"), check=False).stderr
