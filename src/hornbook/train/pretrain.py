"""Pretraining on CodeTextbook: random weights to phi-1-base (section 2.3)."""

from __future__ import annotations

from pathlib import Path

from hornbook.model.artifact import ModelArtifact
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig, TrainConfig
from hornbook.run.machine import Machine
from hornbook.run.stage import stage
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.loop import train


@stage(version=1)
def pretrain(
    *, tokens: TokenizedCorpus, model: ModelConfig, config: TrainConfig, out: Path, machine: Machine
) -> ModelArtifact:
    """A model of this architecture, trained from weights that the seed gives."""
    return train("pretrain", Phi(model, tokens.vocab_size, config.seed), tokens, config, out, machine)
