"""What becomes of updates that bf16 cannot resolve."""

import pytest
import torch

from hornbook.model.phi import Phi
from hornbook.train.step import Stepper
from tests.train.corpus import TINY_MODEL, VOCAB_SIZE, tiny_training

STEPS = 200
RATE = 1e-6
RESOLVED = 1e-3
"""Of a weight of this size or more bf16 resolves nothing below 3.8e-6, half the distance to the next number."""


def long_run(corpus, machine, precision):
    """Where the matrices' weights are before and after many tiny steps, and where bf16 weights would be after them."""
    config = tiny_training(
        precision=precision,
        optimizer="adamw",
        learning_rate=RATE,
        schedule="constant",
        warmup_steps=0,
        weight_decay=0.0,
        steps=STEPS,
        batch_size=2,
        sequence_length=16,
    )
    plain = TINY_MODEL.model_copy(update={"attention_dropout": 0.0, "resid_pdrop": 0.0})
    stepper = Stepper(Phi(plain, VOCAB_SIZE), corpus, config, machine)
    weight = stepper.model.layers[0].fc1_weight
    assert weight.dtype == torch.float32
    start = weight.detach().clone()
    before, in_bf16 = start.clone(), start.bfloat16()
    for step in range(STEPS):
        stepper.take(step)
        in_bf16 += (weight.detach() - before).bfloat16()
        before.copy_(weight.detach())
    is_large = start.abs() > RESOLVED
    return (before - start)[is_large], (in_bf16.float() - start.bfloat16().float())[is_large]


def test_a_long_run_at_a_low_rate_does_not_stall(corpus, machine):
    moved, moved_in_bf16 = long_run(corpus, machine, "bf16")
    exact, _ = long_run(corpus, machine, "fp32")
    assert moved.abs().max() <= 1.1 * STEPS * RATE, "no step is more than the rate"
    assert moved.abs().mean() > 20 * RATE, "steps add up"
    assert moved.norm() == pytest.approx(float(exact.norm()), rel=0.05)
    assert torch.cosine_similarity(moved, exact, dim=0) > 0.98
    assert moved_in_bf16.abs().max() == 0, "weights kept in bf16 would not have moved at all"
