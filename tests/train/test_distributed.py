"""Several real processes on this machine train as one; see `tests.train.processes` for what they run."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hornbook.run.artifact import RESUME
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.pretrain import pretrain
from hornbook.train.step import RANK_STRIDE
from tests.train.corpus import TINY_MODEL, counting_documents, tiny_training, write_corpus

ROOT = Path(__file__).parents[2]
UNDROPPED = TINY_MODEL.model_copy(update={"attention_dropout": 0.0, "resid_pdrop": 0.0})
# Not a multiple of what the processes validate at once, so that blank sequences come in.
VALIDATION = {"validation_sequences": 5}
OPTIMIZERS = {
    "adamw": {"optimizer": "adamw", **VALIDATION},
    # A low rate: Muon's iteration, in bf16 where the processor has it, magnifies rounding.
    "muon": {"optimizer": "muon", "muon_learning_rate": 0.005, **VALIDATION},
}
DROPPED = {"dropout": 0.1, "steps": 60, "checkpoint_every": 7, "precision": "bf16"}
DIVERGING = {"optimizer": "adamw", "learning_rate": 0.6, "schedule": "constant", "validate_every": 2}
CASES = {
    f"{name}-{held}": {**settings, "shard": shard, "micro_batch_size": 1}
    for name, settings in OPTIMIZERS.items()
    for held, shard in (("replicated", "never"), ("sharded", "always"))
} | {
    "resumed": {**OPTIMIZERS["muon"], "shard": "always"},
    "selected": {**DIVERGING, "shard": "always", "select": "validation_loss"},
    "spiky": {**DIVERGING, "max_rollbacks": 1, "spike_factor": 1.01},
    "odd": {"batch_size": 5},
    "large": {"micro_batch_size": 4},
    "overflow": {},
}


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def train_alone(corpus, out, settings):
    out.mkdir(exist_ok=True)
    machine = Machine(device="cpu", workers=1)
    config = tiny_training(**settings)
    pretrain(tokens=TokenizedCorpus(corpus), model=UNDROPPED, config=config, out=out, machine=machine)
    return out


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    sources = {"code": counting_documents(60, 1), "textbooks": counting_documents(120, 2)}
    return write_corpus(tmp_path_factory.mktemp("corpus"), sources).folder


@pytest.fixture(scope="module")
def alone(corpus, tmp_path_factory):
    """What one process leaves, by optimizer."""
    root = tmp_path_factory.mktemp("alone")
    torch.set_num_threads(1)
    return {name: train_alone(corpus, root / name, settings) for name, settings in OPTIMIZERS.items()}


@pytest.fixture(scope="module")
def together(corpus, alone, tmp_path_factory):
    """What two processes leave, by case, and what they printed."""
    root = tmp_path_factory.mktemp("together")
    shutil.copytree(alone["muon"] / RESUME, root / "resumed" / RESUME)
    newest = max((root / "resumed" / RESUME).glob("step-*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:1000])
    codes = [process.wait() for process in start(2, corpus, root, CASES)]
    printed = "".join((root / f"printed-{rank}.txt").read_text() for rank in range(2))
    assert codes == [0, 0], printed
    return root, " ".join(printed.split())


def check_same_curve(ours, theirs):
    for our, their in zip(lines(ours), lines(theirs), strict=True):
        assert our["loss"] == pytest.approx(their["loss"], abs=1e-4)
        assert our["grad_norm"] == pytest.approx(their["grad_norm"], rel=2e-3)
        assert our.get("validation") == pytest.approx(their.get("validation"), abs=1e-4)


@pytest.mark.parametrize("sharding", ["replicated", "sharded"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_train_to_the_losses_and_weights_of_one(alone, together, optimizer, sharding):
    root, _ = together
    ours, theirs = root / f"{optimizer}-{sharding}", alone[optimizer]
    check_same_curve(ours, theirs)
    found, expected = (load_file(folder / "model.safetensors") for folder in (ours, theirs))
    assert set(found) == set(expected)
    assert all(torch.allclose(found[name], expected[name], atol=1e-3) for name in found)


def test_a_share_of_the_model_is_what_a_process_holds_where_it_was_asked_for(together):
    root, _ = together
    shares = {name: json.loads((root / name / "held.json").read_text()) for name in CASES if "adamw" in name}
    whole = sum(weight.numel() for weight in load_file(root / "adamw-sharded" / "model.safetensors").values())
    assert shares["adamw-replicated"] == {"weights": whole, "moments": 2 * whole, "graphs": 0}
    assert shares["adamw-sharded"] == pytest.approx({"weights": whole / 2, "moments": whole, "graphs": 0}, rel=0.02)


def test_several_processes_go_on_from_the_last_whole_checkpoint_of_one(alone, together):
    root, printed = together
    assert "step-00000009.safetensors is damaged" in printed
    assert printed.count("going on from step 6 of 12") == 1
    check_same_curve(root / "resumed", alone["muon"])


@pytest.mark.parametrize("case", ["adamw-sharded", "muon-sharded", "muon-replicated"])
def test_one_process_goes_on_from_the_checkpoint_of_several(corpus, alone, together, case, tmp_path, capsys):
    shutil.copytree(together[0] / case / RESUME, tmp_path / case / RESUME)
    optimizer = CASES[case]["optimizer"]
    check_same_curve(train_alone(corpus, tmp_path / case, OPTIMIZERS[optimizer]), alone[optimizer])
    assert "going on from step 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("odd", "batch_size 5 is not a multiple of the 2 processes"),
        ("large", "batch_size 4, which is 2 for each of 2 processes, is not a multiple of the micro batch 4"),
    ],
)
def test_a_batch_that_the_processes_cannot_share_is_refused_by_all(together, case, message):
    assert [(together[0] / case / f"error-{rank}.txt").read_text() for rank in range(2)] == [message, message]


def test_a_sharded_model_goes_back_to_its_best_weights(together):
    folder = together[0] / "selected"
    validated = {line["step"]: sum(line["validation"].values()) for line in lines(folder) if "validation" in line}
    best = min(validated, key=validated.get)
    assert best < max(validated)
    expected, found = (load_file(folder / f"{name}.safetensors") for name in (f"{RESUME}/best-{best:08d}", "model"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_all_processes_go_back_from_a_bad_step_together(together):
    errors = [(together[0] / "spiky" / f"error-{rank}.txt").read_text() for rank in range(2)]
    assert errors[0] == errors[1]
    assert "after 1 rollbacks, which is max_rollbacks" in errors[0]


def test_a_gradient_that_overflows_in_one_process_skips_the_step_in_all(together):
    changed = [json.loads((together[0] / f"overflow-{rank}.json").read_text()) for rank in range(2)]
    assert changed == [[1.0, 0.0, 1.0]] * 2


def test_no_two_processes_drop_out_the_same():
    # A CPU's generator looks at the low 32 bits of a seed.
    seeds = {(step + RANK_STRIDE * rank) % 2**32 for rank in range(64) for step in range(1000)}
    assert len(seeds) == 64 * 1000


def start(size, corpus, out, cases):
    """The processes, with the variables that torchrun sets, but without it, so that a kill reaches each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    given = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environments = [{**os.environ, "OMP_NUM_THREADS": "1"} | {k: str(v) for k, v in given.items()} for _ in range(size)]
    command = [sys.executable, "-m", "tests.train.processes", str(corpus), str(out), json.dumps(list(cases.items()))]
    started = []
    for rank, environment in enumerate(environments):
        with (out / f"printed-{rank}.txt").open("w") as printed:
            own = environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            started.append(subprocess.Popen(command, cwd=ROOT, env=own, stderr=printed))
    return started


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """What two processes leave that nobody stops."""
    root = tmp_path_factory.mktemp("whole")
    assert [process.wait() for process in start(2, corpus, root, {"whole": DROPPED})] == [0, 0]
    return root / "whole"


def check_kill(size, corpus, whole, out, settings):
    """Kills all processes once they have logged a random number of steps, and compares what comes out in the end."""
    folder = out / "killed"
    until = random.randrange(8, 50)
    processes = start(size, corpus, out, {"killed": settings})
    metrics = folder / RESUME / "metrics.jsonl"
    while processes[0].poll() is None:
        if metrics.exists() and metrics.read_bytes().count(b"\n") >= until:
            for process in processes:
                process.kill()
        time.sleep(0.002)
    assert [process.wait() for process in processes] == size * [-signal.SIGKILL]
    assert not (folder / "model.safetensors").exists()
    assert [process.wait() for process in start(size, corpus, out, {"killed": settings})] == size * [0]
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_processes_killed_at_a_random_step_end_with_the_same_bits(corpus, whole, tmp_path):
    check_kill(2, corpus, whole, tmp_path, DROPPED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "shard", "optimizer"), [(2, "always", "muon"), (3, "never", "adamw"), (3, "always", "adamw")]
)
def test_more_ways_to_be_killed_end_with_the_same_bits(corpus, tmp_path, size, shard, optimizer):
    settings = {**DROPPED, "batch_size": 6, "shard": shard, "optimizer": optimizer}
    assert [process.wait() for process in start(size, corpus, tmp_path, {"whole": settings})] == size * [0]
    check_kill(size, corpus, tmp_path / "whole", tmp_path, settings)


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["never", "always"])
def test_compiled_processes_train_to_the_losses_of_one_and_one_graph_serves_all_blocks(corpus, alone, tmp_path, shard):
    settings = {**OPTIMIZERS["adamw"], "shard": shard, "compiled": True}
    assert [process.wait() for process in start(2, corpus, tmp_path, {"compiled": settings})] == [0, 0]
    check_same_curve(tmp_path / "compiled", alone["adamw"])
    # Of the block that is tried first, with gradients and without; a sharded block is of another class than that one.
    expected = {"never": 2, "always": 3}[shard]
    assert json.loads((tmp_path / "compiled" / "held.json").read_text())["graphs"] == expected


@pytest.mark.slow
@pytest.mark.parametrize("interrupted", [0, 1])
def test_ctrl_c_for_one_process_stops_all_after_the_same_step(corpus, whole, tmp_path, interrupted):
    processes = start(2, corpus, tmp_path, {"stopped": DROPPED})
    folder = tmp_path / "stopped"
    metrics = folder / RESUME / "metrics.jsonl"
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < 10:
        assert processes[0].poll() is None
        time.sleep(0.002)
    processes[interrupted].send_signal(signal.SIGINT)
    assert all(process.wait() not in (0, -signal.SIGKILL) for process in processes)
    assert max((folder / RESUME).glob("step-*.safetensors")).name > "step-00000010"
    assert [process.wait() for process in start(2, corpus, tmp_path, {"stopped": DROPPED})] == [0, 0]
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
