"""Studies in processes of their own, as a user starts them: killed again and again, and several together."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.studies.small_run import OVERRIDES, plant_data, small_recipe

pytestmark = pytest.mark.slow

PAGES = ("ablate.html", "ablate.md", "ablate.json")
OPTIONS = [part for override in OVERRIDES for part in ("--set", override)]


def ablate(folder: Path) -> list[str]:
    return [sys.executable, "-m", "hornbook", "ablate", "tiny", "--out", str(folder), "--workers", "1", *OPTIONS]


def test_a_killed_ablation_ends_with_the_same_bytes(tmp_path):
    whole, killed = (plant_data(tmp_path / name, small_recipe()).path for name in ("whole", "killed"))
    subprocess.run(ablate(whole), check=True, capture_output=True)
    chance, kills = random.Random(0), 0
    while not (killed / PAGES[-1]).exists():
        started = subprocess.Popen(
            ablate(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if kills < 4:
            made = len(list(killed.glob("*/*/manifest.json")))
            # Until something new is there, so that every try gets further.
            while started.poll() is None and len(list(killed.glob("*/*/manifest.json"))) < made + 2:
                time.sleep(0.05)
            time.sleep(chance.uniform(0, 0.5))
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
                kills += 1
        assert started.wait() in (0, -signal.SIGKILL)
    assert kills >= 3
    for name in PAGES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_two_processes_study_together(tmp_path):
    """Pruning runs two graphs one after the other, and the other process follows through both."""
    folder = plant_data(tmp_path / "run", small_recipe()).path
    together = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "hornbook"]
    options = ["--device", "cpu", "--workers", "1", "--micro-batch", "1", *OPTIONS]
    command = [sys.executable, *together, "prune", "tiny", "--out", str(folder), *options]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Page: ") == 1
    finetuned = list(folder.glob("prune.small.*finetune/*/manifest.json"))
    assert len(finetuned) >= 2
    assert all(json.loads(path.read_text())["metrics"]["processes"] == 2 for path in finetuned)
