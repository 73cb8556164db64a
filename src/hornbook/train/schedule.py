"""The learning rate over the steps, as a share of its peak."""

from __future__ import annotations

import math

from hornbook.recipe import TrainConfig

DECAY_SHARE = 0.2
"""`wsd` decays over this last share of the steps."""


def learning_rate_share(step: int, config: TrainConfig) -> float:
    """Share of the peak rate in [0, 1] for step 0, 1, ... of `config.steps`.

    Warmup is linear and ends at the peak; `linear`, `cosine` and `wsd` would reach 0 one step after the last.
    """
    if step < config.warmup_steps:
        return (step + 1) / (config.warmup_steps + 1)
    progress = (step - config.warmup_steps) / (config.steps - config.warmup_steps)
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    if config.schedule == "wsd":
        decay_steps = min(DECAY_SHARE * config.steps, config.steps - config.warmup_steps)
        return min(1.0, (config.steps - step) / decay_steps)
    return 1.0 - progress
