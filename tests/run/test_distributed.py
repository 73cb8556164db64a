"""Agreement between processes, and a run whose training is everybody's; `tests.run.processes` has their part."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from hornbook.errors import InputError, RecipeError
from hornbook.run.artifact import read_manifest
from hornbook.run.distributed import World, joined_world
from hornbook.run.machine import Machine
from hornbook.run.runner import follow
from hornbook.run.stage import stage
from tests.test_run import contents, hornbook

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What two processes leave, and how they ended."""
    folder = tmp_path_factory.mktemp("ran")
    command = [*TORCHRUN, "-m", "tests.run.processes", str(folder)]
    return folder, subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_processes_agree(ran):
    folder, _ = ran
    told = [json.loads((folder / f"world-{rank}.json").read_text()) for rank in range(2)]
    assert [each.pop("is_main") for each in told] == [True, False]
    same = {"any": True, "none": False, "smallest": 9, "word": {"of": 0}, "sum": [2.0, 1.0]}
    assert told == [same, same]


def test_the_main_process_runs_all_stages_and_the_others_the_distributed_ones(ran):
    folder, _ = ran
    (lines,), (total,) = ((folder / "run").glob(f"{name}/*") for name in ("collect_lines", "add_up"))
    assert {path.name for path in lines.iterdir()} == {"by-0.txt", "manifest.json"}
    assert (total / "by-0.txt").read_text() == (total / "by-1.txt").read_text() == "21.5"
    assert read_manifest(total)["metrics"] == {"total": 21.5}
    assert json.loads((folder / "run" / "latest.json").read_text()).keys() == {"collect_lines", "add_up"}


def test_an_error_of_the_main_process_amid_a_stage_ends_the_others_without_a_word(ran):
    _, ended = ran
    assert ended.returncode != 0
    assert "[rank0]: hornbook.errors.StageError: stage give_up: gives up" in ended.stderr
    assert "[rank1]" not in ended.stderr


class Told(World):
    """A process that hears what the test says."""

    def broadcast(self, value):
        if value is None and self.rank == 9:
            raise RuntimeError("Connection closed by peer [127.0.0.1]:1")
        return Call(__name__, "refuse", {"error": RecipeError("is refused") if self.rank == 3 else ValueError("a bug")})


@dataclass
class Call:
    module: str
    name: str
    arguments: dict


@stage(version=1, distributed=True)
def refuse(*, error: Exception, machine: Machine):
    raise error


@pytest.mark.parametrize(("rank", "code", "said"), [(3, 2, "hornbook, process 3: is refused\n"), (9, 1, "")])
def test_another_process_says_its_own_error_and_nothing_of_the_main_ones(rank, code, said, capsys):
    with pytest.raises(SystemExit) as ended:
        follow(Machine(workers=1, world=Told(rank=rank, size=10)))
    assert ended.value.code == code
    assert capsys.readouterr().err == said


def test_a_bug_in_another_process_shows_its_traceback():
    with pytest.raises(ValueError, match="a bug"):
        follow(Machine(workers=1, world=Told(rank=4, size=10)))


def test_a_process_of_its_own_needs_no_torch():
    program = (
        "import sys\n"
        "from hornbook.run.distributed import World, joined_world\n"
        "with joined_world('auto') as world:\n"
        "    assert world == World() and world.is_main\n"
        "    assert world.agree(True) and not world.agree(False)\n"
        "    assert world.broadcast('word') == 'word' and world.smallest(3) == 3 and world.add_up(5) == 5\n"
        "    world.barrier()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    for name, value in {"RANK": 0, "WORLD_SIZE": 4, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 4}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="4 processes on a machine with 2 GPUs: give --nproc-per-node 2"):
        joined_world("auto").__enter__()


@pytest.mark.slow
def test_two_processes_leave_what_one_leaves(tmp_path):
    runs = {1: tmp_path / "one", 2: tmp_path / "two"}
    measured = ("--set", "finetune.evaluate_every=6")
    hornbook("run", "tiny", "--out", str(runs[1]), *measured)
    command = [*TORCHRUN, "-m", "hornbook", "run", "tiny", "--shard", "always", "--out", str(runs[2]), *measured]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert printed.stdout.count("Report: ") == 1
    assert printed.stderr.count("> pretrain") == 1
    assert sum("pass_at_1" in line for line in metrics(runs[2], "finetune")) == 2
    one, two = contents(runs[1]), contents(runs[2])
    assert one.keys() == two.keys()
    # Dropout differs from process to process, so what is trained does, and what is told of it.
    trained = ("pretrain/", "finetune/", "small.pretrain/", "small.finetune/", "export/", "report/", "compare/")
    samples = tuple(f"{name}.evaluate/" for name in ("base", "finetuned", "small_base", "small"))
    assert {name for name in one if one[name] != two[name]} <= {
        name for name in one if name.startswith(trained + samples)
    }
    assert one["pretrain/model.safetensors"] != two["pretrain/model.safetensors"]
    for stage_name in ("pretrain", "finetune", "small.pretrain", "small.finetune"):
        assert one[f"{stage_name}/config.json"] == two[f"{stage_name}/config.json"]
        for ours, theirs in zip(metrics(runs[2], stage_name), metrics(runs[1], stage_name), strict=True):
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)


def metrics(run, stage_name):
    (path,) = (run / stage_name).glob("*/metrics.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
