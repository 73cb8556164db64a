"""Pretraining on CodeTextbook: random weights to phi-1-base (section 2.3)."""

from __future__ import annotations

from pathlib import Path

from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig, ModelConfig, TrainConfig
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.stage import stage
from hornbook.tokens.packing import TokenizedCorpus


@stage(version=2, distributed=True)
def pretrain(
    *,
    tokens: TokenizedCorpus,
    model: ModelConfig,
    config: TrainConfig,
    exercises: Exercises | None = None,
    evaluation: EvaluateConfig | None = None,
    out: Path,
    machine: Machine,
) -> ModelArtifact:
    """A model of this architecture, trained from weights that the seed gives.

    `exercises` and `evaluation` are what `config.evaluate_every` needs; without them pass@1 is not measured.
    """
    from hornbook.model.phi import Phi
    from hornbook.train.loop import train
    from hornbook.train.probe import Probe

    probe = Probe.of(exercises, evaluation, config, machine)
    return train("pretrain", Phi(model, tokens.vocab_size, config.seed), tokens, config, out, machine, probe)
