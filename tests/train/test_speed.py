"""What the progress line and the timing file say about speed."""

import json
from types import SimpleNamespace

import pytest
import torch

from hornbook.train import hardware
from hornbook.train.speed import Speed
from tests.train.corpus import tiny_training


def speed(device, world_size=1):
    return Speed(
        SimpleNamespace(
            config=tiny_training(batch_size=4, sequence_length=32),
            flops_per_step=989e12,
            device=torch.device(device),
            world=SimpleNamespace(size=world_size),
            model=SimpleNamespace(compute_dtype=torch.bfloat16),
        )
    )


def test_before_the_first_step_there_is_none():
    assert str(speed("cpu")) == "0 tokens/s"


def test_steps_and_seconds_add_up():
    run = speed("cpu")
    for seconds in (1.0, 3.0):
        run.add(seconds)
    assert run.tokens_per_s == 2 * 4 * 32 / 4
    assert run.mfu is None, "the peak of a CPU is not known"
    assert str(run) == "64 tokens/s"


def test_mfu_is_shown_where_the_peak_is_known_and_counts_every_device(monkeypatch):
    monkeypatch.setattr(hardware.torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    run = speed("cuda", world_size=4)
    run.add(0.5)
    assert run.mfu == pytest.approx(0.5)
    assert str(run) == "256 tokens/s, MFU 50%"


def test_the_timing_file_has_both(run):
    artifact = run()
    timed = [json.loads(line) for line in (artifact.folder / "timing.jsonl").read_text().splitlines()]
    assert all(line["tokens_per_s"] > 0 and line["mfu"] is None for line in timed)
    assert [line["step"] for line in timed] == list(range(1, 13))
