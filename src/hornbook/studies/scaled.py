"""What a scaling study found: points, the power law through them, and what it says of phi-1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.model.phi import flops_per_token
from hornbook.recipe import ModelConfig, Recipe, TrainConfig, load_recipe
from hornbook.run.artifact import Artifact
from hornbook.studies.loss import DocumentLoss, Losses
from hornbook.studies.power_law import Interval, PowerLaw, bootstrap, fit, interval
from hornbook.studies.scale import Arm, Scaling, matrix_weights
from hornbook.studies.sizes import epochs_of

MIXTURE = "mixture"
"""The parts of the held-out text in the shares in which training reads them."""
PREDICTED = ("phi-1-small", "phi-1")
"""Shipped recipes whose pretraining the power law is asked about."""
Counting = Literal["with_attention", "without_attention"]
COUNTINGS: tuple[Counting, ...] = ("with_attention", "without_attention")
SEED = 0


@dataclass(frozen=True)
class Point:
    """One training."""

    hidden_size: int
    seed: int
    parameters: int
    """Those in matrix products: N of 6 N D."""
    tokens: int
    """D."""
    flops: Mapping[Counting, float]
    """`without_attention`: 6 N D. `with_attention`: with the products of queries, keys and values besides."""
    bits_per_byte: Mapping[str, float]
    """By part of the held-out text, and of the mixture."""
    epochs: Mapping[str, float]


@dataclass(frozen=True)
class Prediction:
    """What the power law says of a shipped recipe's pretraining."""

    recipe: str
    flops: float
    orders_beyond: float
    """Powers of ten from the largest fitted training to this one."""
    loss: Interval


@dataclass(frozen=True)
class Law:
    """One fit."""

    part: str
    counting: Counting
    law: PowerLaw
    irreducible: Interval
    exponent: Interval
    largest_residual: float
    """Of the fitted points, in bits per byte."""
    band: tuple[tuple[float, Interval], ...]
    """The law with its interval over the fitted range."""
    beyond: tuple[tuple[float, Interval], ...]
    """The same from there on to the largest prediction."""
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class Outcome:
    """All that a scaling study found."""

    points: tuple[Point, ...]
    laws: tuple[Law, ...]
    shares: Mapping[str, float]
    """Of the parts in the mixture."""
    documents: Mapping[str, int]


def collect_outcome(scaling: Scaling, made: Mapping[str, Artifact], recipe: Recipe) -> Outcome:
    """The outcome of a study whose nodes are all made."""
    documents = [_documents(arm, made) for arm in scaling.arms]
    shares = mixture_shares(recipe, made["tokenize_codetextbook"])
    points = tuple(
        _point(arm, made, found, shares, recipe.tokenizer.vocab_size)
        for arm, found in zip(scaling.arms, documents, strict=True)
    )
    laws = tuple(
        _law(points, documents, part, counting, shares) for part in (MIXTURE, *shares) for counting in COUNTINGS
    )
    counts = {part: sum(1 for one in documents[0] if one.part == part) for part in shares}
    return Outcome(points, laws, shares, counts)


def mixture_shares(recipe: Recipe, tokens: Artifact) -> dict[str, float]:
    """The share of the sequences of each source in the small model's pretraining."""
    mixture = recipe.small_pretrain.mixture
    weights = {
        source: mixture.get(source, 0.0) if mixture else float(tokens.facts.metrics[f"{source}_train_tokens"] or 0)
        for source in ("code", "textbooks")
    }
    return {source: weight / sum(weights.values()) for source, weight in weights.items() if weight}


def _documents(arm: Arm, made: Mapping[str, Artifact]) -> list[DocumentLoss]:
    losses = made[arm.losses.name]
    assert isinstance(losses, Losses)
    return list(losses.read())


def _point(
    arm: Arm, made: Mapping[str, Artifact], documents: Sequence[DocumentLoss], shares: Mapping[str, float], vocab: int
) -> Point:
    facts = made[arm.model.name].facts.metrics
    bits = {part: _loss([one for one in documents if one.part == part]) for part in shares}
    bits = {MIXTURE: sum(share * bits[part] for part, share in shares.items()), **bits}
    return Point(
        arm.hidden_size,
        arm.seed,
        matrix_weights(arm.model_config, vocab),
        arm.train.last_step * arm.train.tokens_per_step,
        training_flops(arm.model_config, arm.train, vocab),
        bits,
        epochs_of(facts),
    )


def _loss(documents: Sequence[DocumentLoss]) -> float:
    return sum(one.bits for one in documents) / sum(one.num_bytes for one in documents)


def training_flops(model: ModelConfig, train: TrainConfig, vocab_size: int) -> dict[Counting, float]:
    """Floating-point operations of a training: 6 N D, and with attention's 12 L D T a token as well."""
    tokens = float(train.last_step * train.tokens_per_step)
    return {
        "with_attention": tokens * flops_per_token(model, vocab_size, train.sequence_length),
        "without_attention": tokens * 6 * matrix_weights(model, vocab_size),
    }


def weigh(
    documents: Sequence[Sequence[DocumentLoss]], part: str, shares: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bits (trainings, documents) and bytes (documents,) of a part, whose quotient of sums is its loss.

    For the mixture each part's documents are scaled so that the parts weigh as in training.
    """
    wanted = set(shares) if part == MIXTURE else {part}
    chosen = [place for place, one in enumerate(documents[0]) if one.part in wanted]
    sizes = np.array([documents[0][place].num_bytes for place in chosen], dtype=np.float64)
    parts = np.array([documents[0][place].part for place in chosen])
    scale = np.ones_like(sizes)
    if part == MIXTURE:
        for name, share in shares.items():
            scale[parts == name] = share / sizes[parts == name].sum()
        scale *= sizes.sum()
    bits = np.array([[found[place].bits for place in chosen] for found in documents], dtype=np.float64)
    return bits * scale, sizes * scale


def _law(
    points: Sequence[Point],
    documents: Sequence[Sequence[DocumentLoss]],
    part: str,
    counting: Counting,
    shares: Mapping[str, float],
) -> Law:
    compute = [point.flops[counting] for point in points]
    loss = [point.bits_per_byte[part] for point in points]
    law = fit(compute, loss)
    others = bootstrap(compute, *weigh(documents, part, shares), seed=SEED)

    def at(flops: float) -> Interval:
        return interval(law.at(flops), [other.at(flops) for other in others])

    predictions = []
    for name in PREDICTED:
        shipped = load_recipe(name)
        flops = training_flops(shipped.model, shipped.pretrain, shipped.tokenizer.vocab_size)[counting]
        predictions.append(Prediction(name, flops, float(np.log10(flops / max(compute))), at(flops)))
    return Law(
        part,
        counting,
        law,
        interval(law.irreducible, [other.irreducible for other in others]),
        interval(law.exponent, [other.exponent for other in others]),
        max(abs(law.at(c) - found) for c, found in zip(compute, loss, strict=True)),
        tuple((float(c), at(float(c))) for c in np.geomspace(min(compute), max(compute), 40)),
        tuple((float(c), at(float(c))) for c in np.geomspace(max(compute), predictions[-1].flops, 40)),
        tuple(predictions),
    )
