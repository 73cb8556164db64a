"""Sections about the studies: what the data are worth, what contamination is worth, what compute is worth."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hornbook.recipe.evaluation import known_problem_set
from hornbook.recipe.section import Positive, Rate, Section

SizeName = Literal["model", "small_model"]
"""A model's section of the recipe; it names the sections that train it, too."""


class AblateConfig(Section):
    """`hornbook ablate` (figure 2.1): the same model and compute on raw code, filtered code, and with textbooks."""

    sizes: Annotated[tuple[SizeName, ...], Field(min_length=1)] = ("small_model",)
    """The models that are trained on each data set, by their sections. Every size is another six trainings a seed."""
    seeds: Positive = 3
    """Trainings of each kind, which differ in their seed alone: the recipe's own `seed` and those that follow it.
    Differs from paper: one training each there, so no spread is known."""
    neutral_chars: Positive = 200_000
    """Characters of code, of each part, that no training sees and the loss is measured on: files that the filter
    rejects, and validation files of those that it keeps."""

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if len(set(self.sizes)) < len(self.sizes):
            raise ValueError(f"sizes {list(self.sizes)} names a model twice")
        return self


class PruneConfig(Section):
    """`hornbook prune` (table 3): finetuning without the exercises that are like a problem of the evaluation."""

    thresholds: Annotated[tuple[Annotated[float, Field(gt=0.0, le=1.0)], ...], Field(min_length=1)] = (
        0.95,
        0.9,
        0.85,
        0.8,
    )
    """An exercise whose AST match rate with any problem is at least so much is pruned (section 5.2: tau in 0.95, 0.9,
    0.85 and 0.8); a model is finetuned for each."""
    problems: Annotated[
        tuple[Annotated[str, AfterValidator(known_problem_set)], ...], Field(min_length=1, exclude=True)
    ] = ("humaneval",)
    """The problem sets that exercises are compared with and that models are scored on, each of which
    `evaluate.problems` must name as well. An exercise that is like a problem of any of them is pruned."""
    size: SizeName = "model"
    """The model whose base is finetuned again and again, by its section."""
    seeds: Positive = 3
    """Finetunings of each kind from the same base, which differ in their seed alone, as does the draw of the control:
    the recipe's own `seed` and those that follow it. One tells two models apart and not the exercises behind them."""

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        if len(set(self.thresholds)) < len(self.thresholds):
            raise ValueError(f"thresholds {list(self.thresholds)} names one twice")
        return self


class ScalingConfig(Section):
    """`hornbook scaling`: held-out loss against compute, fitted by a power law."""

    hidden_sizes: Annotated[tuple[Positive, ...], Field(min_length=4)] = (32, 48, 64, 96, 128)
    """Widths of the models; all else is as in `small_model`, but for heads and `intermediate_size`, which follow the
    width. The fit has three unknowns, so four is the least."""
    num_hidden_layers: Positive = 4
    """Blocks of every model."""
    tokens_per_parameter: Rate = 6.0
    """Tokens that a model is trained on for each of its weights that takes part in a matrix product (phi-1: 38,
    phi-1-small: 166, counted the same way)."""
    seeds: Positive = 1
    """Trainings of each width, which differ in their seed alone."""
    heldout_chars: Positive = 200_000
    """Characters of each source's validation documents that the loss is measured on."""

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if len(set(self.hidden_sizes)) < len(self.hidden_sizes):
            raise ValueError(f"hidden_sizes {list(self.hidden_sizes)} names a width twice")
        return self
