"""What a recipe will cost before a cent is spent: training FLOPs, and the time they take here and on A100s."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from hornbook.model.phi import flops_per_token, num_parameters
from hornbook.recipe import ModelConfig, TrainConfig
from hornbook.run.graph import Node
from hornbook.run.precision import multiplies_bf16

A100_FLOPS_PER_S = 312e12
"""Dense fp16 or bf16 peak of one A100. Source: NVIDIA A100 datasheet."""
PAPER_UTILIZATION = 0.53
"""Share of that peak that the paper's pretraining comes to: 770 A100-hours for 24,000 steps of 1024 x 2048 tokens,
counted as `flops_per_token` does (with 6 N alone it would be 0.46)."""
PAPER_PRETRAIN_A100_HOURS = 770
"""Section 2.3."""
CPU_UTILIZATION = 0.4
"""Share of the measured matrix-product rate that a training step reaches on a CPU; see docs/lab-notes.md."""


@dataclass(frozen=True)
class TrainingCost:
    """One training run's size."""

    node: str
    parameters: int
    tokens: int
    flops: float

    @property
    def a100_hours(self) -> float:
        """On A100s at the utilization of the paper's own run."""
        return self.flops / (A100_FLOPS_PER_S * PAPER_UTILIZATION) / 3600


def training_costs(nodes: Iterable[Node[Any]], vocab_size: int) -> list[TrainingCost]:
    """The cost of each training among some nodes, in their order."""
    costs = []
    for node in nodes:
        train = node.values.get("config")
        if isinstance(train, TrainConfig):
            model = _architecture(node)
            tokens = train.last_step * train.tokens_per_step
            flops = float(tokens) * flops_per_token(model, vocab_size, train.sequence_length)
            costs.append(TrainingCost(node.name, num_parameters(model, vocab_size), tokens, flops))
    return costs


def _architecture(node: Node[Any]) -> ModelConfig:
    """What a training works on: its own model, or that of the base it goes on from."""
    while "base" in node.inputs:
        node = node.inputs["base"]
    model = node.values["model"]
    assert isinstance(model, ModelConfig)
    return model


def measured_flops_per_s(seconds: float = 0.4) -> float:
    """Rate of a bf16 (CUDA, or a CPU that has it) or fp32 matrix product on this machine, measured now."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = 8192 if device == "cuda" else 1024
    low_precision = multiplies_bf16(torch.device(device))
    a = torch.ones(size, size, device=device, dtype=torch.bfloat16 if low_precision else torch.float32)
    products, started = 0, 0.0
    for _ in range(3):
        a @ a
    _wait(device)
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        a @ a
        _wait(device)
        products += 1
    return products * 2 * size**3 / (time.perf_counter() - started)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
