"""Where the two model sizes of a recipe stand in its graph, and how a study goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.evaluate.scores import Evaluation
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import SizeName, TrainConfig
from hornbook.run.artifact import Fact
from hornbook.run.graph import Graph, Node

SIZE_LABELS: dict[SizeName, str] = {"model": "large", "small_model": "small"}
"""A size's name for people, and in the names of nodes; the report has the same."""


@dataclass(frozen=True)
class Trained:
    """The nodes of one model of the recipe, before and after finetuning."""

    base: Node[ModelArtifact]
    finetuned: Node[ModelArtifact]
    base_scores: Node[Evaluation]
    finetuned_scores: Node[Evaluation]


def trained(graph: Graph, size: SizeName) -> Trained:
    """The recipe's own model of a size."""
    prefix, before, after = {"model": ("", "base", "finetuned"), "small_model": ("small.", "small_base", "small")}[size]
    names = (f"{prefix}pretrain", f"{prefix}finetune", f"{before}.evaluate", f"{after}.evaluate")
    return Trained(*(graph[name] for name in names))


def seeded(config: TrainConfig, number: int) -> TrainConfig:
    """The same training with another seed; number 0 is the recipe's own."""
    return config.model_copy(update={"seed": config.seed + number})


def config_of(node: Node[Any]) -> TrainConfig:
    """The recipe's section that a training node was given."""
    config = node.values["config"]
    assert isinstance(config, TrainConfig)
    return config


def epochs_of(facts: Mapping[str, Fact]) -> dict[str, float]:
    """How often a training read each source, from the model's facts."""
    return {
        name.removeprefix("epochs_"): float(value)
        for name, value in facts.items()
        if name.startswith("epochs_") and isinstance(value, int | float)
    }


def scores_of(graph: Graph, model: Node[ModelArtifact], like: Node[Evaluation], variant: str) -> Node[Evaluation]:
    """The scores of a model as another one's are had; the recipe's own where the model is its own.

    A score's identity has the model's label, so the same model under another label would be asked again.
    """
    known = (node for node in graph if node.stage is like.stage and node.inputs.get("model") is model)
    return next(known, None) or graph.vary(like, variant, model=model, label=variant)
