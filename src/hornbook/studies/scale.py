"""Scaling: held-out loss against compute over several widths, on a recipe's own tokens.

    tokenize_codetextbook -> pretrain (each width) -> measure_loss
    decontaminate_codetextbook -> hold_out_validation --^

Every model reads as many tokens a parameter, by the recipe's small training in all else: one line of many that a loss
can be fitted along, and the one on which a larger model is also a longer training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hornbook.errors import RecipeError
from hornbook.model.artifact import ModelArtifact
from hornbook.model.phi import flops_per_token
from hornbook.pipeline import build
from hornbook.recipe import ModelConfig, Recipe, ScalingConfig, TrainConfig
from hornbook.run.graph import Graph, Node
from hornbook.studies.heldout_text import HeldOutText, hold_out_validation
from hornbook.studies.loss import Losses, measure_loss
from hornbook.studies.sizes import seeded


@dataclass(frozen=True)
class Arm:
    """One training and its loss."""

    hidden_size: int
    seed: int
    """Counted from 0, the recipe's own."""
    model_config: ModelConfig
    train: TrainConfig
    model: Node[ModelArtifact]
    losses: Node[Losses]


@dataclass(frozen=True)
class Scaling:
    """The recipe's graph with the nodes of the study."""

    graph: Graph
    text: Node[HeldOutText]
    arms: tuple[Arm, ...]

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to tell the outcome."""
        return [self.text, *(arm.losses for arm in self.arms)]


def build_scaling(recipe: Recipe) -> Scaling:
    """The graph of the study; runs nothing.

    Raises RecipeError where a width does not fit the architecture, or the recipe leaves no text to measure loss on.
    """
    if not recipe.tokenize.validation_share:
        raise RecipeError(
            "scaling measures the loss on validation documents, and tokenize.validation_share is 0: set it, e.g. to "
            "0.01"
        )
    graph = build(recipe)
    text = graph.add(
        hold_out_validation,
        variant="scaling",
        codetextbook=graph["decontaminate_codetextbook"],
        validation_share=recipe.tokenize.validation_share,
        seed=recipe.seed,
        max_chars=recipe.scaling.heldout_chars,
    )
    arms = []
    for hidden_size in sorted(recipe.scaling.hidden_sizes):
        model = widened(recipe.small_model, recipe.scaling, hidden_size)
        train = lengthened(recipe.small_pretrain, recipe.scaling, model, recipe.tokenizer.vocab_size)
        for number in range(recipe.scaling.seeds):
            config = seeded(train, number)
            variant = f"scaling.width-{hidden_size}.{number}"
            trained = graph.vary(graph["small.pretrain"], variant, model=model, config=config)
            losses = graph.add(
                measure_loss, variant=variant, model=trained, text=text, sequence_length=config.sequence_length
            )
            arms.append(Arm(hidden_size, number, model, config, trained, losses))
    return Scaling(graph, text, tuple(arms))


def widened(small: ModelConfig, config: ScalingConfig, hidden_size: int) -> ModelConfig:
    """The small model at another width: as many heads of about its head size as divide the width, an MLP of 4 times it.

    Raises RecipeError where that is no model.
    """
    heads = [count for count in range(1, hidden_size // small.head_size + 1) if hidden_size % count == 0] or [1]
    try:
        return ModelConfig.model_validate(
            {
                **small.model_dump(),
                "hidden_size": hidden_size,
                "num_attention_heads": heads[-1],
                "intermediate_size": 4 * hidden_size,
                "num_hidden_layers": config.num_hidden_layers,
            }
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RecipeError(f"scaling.hidden_sizes: width {hidden_size} does not fit small_model: {reason}") from None


def lengthened(small: TrainConfig, config: ScalingConfig, model: ModelConfig, vocab_size: int) -> TrainConfig:
    """The small model's training for `tokens_per_parameter`, with nothing measured on the way."""
    tokens = config.tokens_per_parameter * matrix_weights(model, vocab_size)
    steps = max(2, round(tokens / small.tokens_per_step))
    changes = {
        "steps": steps,
        "stop_after_steps": 0,
        "warmup_steps": min(small.warmup_steps, steps // 10),
        "validate_every": steps,
        "evaluate_every": 0,
        "sample_every": 0,
        "select": "last",
    }
    return small.model_copy(update=changes)


def matrix_weights(model: ModelConfig, vocab_size: int) -> int:
    """N of `flops_per_token`: the weights that take part in a matrix product."""
    return flops_per_token(model, vocab_size, 0) // 6
