"""Finetuning on CodeExercises: phi-1-base to phi-1 (section 2.3)."""

from __future__ import annotations

from pathlib import Path

from hornbook.errors import RecipeError
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig, TrainConfig
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from hornbook.run.stage import stage
from hornbook.tokens.packing import TokenizedCorpus


@stage(version=2, distributed=True)
def finetune(
    *,
    base: ModelArtifact,
    tokens: TokenizedCorpus,
    config: TrainConfig,
    exercises: Exercises | None = None,
    evaluation: EvaluateConfig | None = None,
    out: Path,
    machine: Machine,
) -> ModelArtifact:
    """The base model's weights trained further, with an optimizer that starts anew.

    `exercises` and `evaluation` are what `config.evaluate_every` needs; without them pass@1 is not measured.
    """
    from hornbook.train.loop import train
    from hornbook.train.probe import Probe

    model = base.load_model("cpu")
    context = model.config.max_position_embeddings
    if config.sequence_length > context:
        raise RecipeError(f"finetune.sequence_length {config.sequence_length} is longer than the base's {context}")
    probe = Probe.of(exercises, evaluation, config, machine)
    return train("finetune", model, tokens, config, out, machine, probe)
