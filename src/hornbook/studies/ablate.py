"""Ablation (figure 2.1 of the paper): the same model and the same compute on raw code, filtered code, and textbooks.

    files --------> leave_out -> decontaminate -> tokenize -+
    codetextbook ------------------> (code alone) ----------+-> pretrain -> finetune -> evaluate, measure_loss
    codetextbook ------------------> (recipe's mixture) ----+

Steps, tokens a step, schedule, tokenizer and decontamination are the recipe's in all three; where a data set has fewer
tokens than the steps read, it is read again. What is new differs from the recipe's own node in one argument, so that
the recipe's own models are one of the trainings, and nothing that a run has made is made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hornbook.errors import RecipeError
from hornbook.evaluate.scores import Evaluation
from hornbook.model.artifact import ModelArtifact
from hornbook.pipeline import build
from hornbook.recipe import Recipe, SizeName
from hornbook.run.datasets import humaneval_identity
from hornbook.run.graph import Graph, Node
from hornbook.studies.heldout_text import HeldOutText, hold_out_code, leave_out
from hornbook.studies.loss import Losses, measure_loss
from hornbook.studies.sizes import SIZE_LABELS, config_of, scores_of, seeded, trained
from hornbook.tokens.packing import TokenizedCorpus

DataName = Literal["unfiltered", "filtered", "textbooks"]
DATA: tuple[DataName, ...] = ("unfiltered", "filtered", "textbooks")
CODE_ALONE = {"code": 1.0}


@dataclass(frozen=True)
class Arm:
    """One model of the ablation with all that is measured of it."""

    size: SizeName
    data: DataName
    is_finetuned: bool
    seed: int
    """Counted from 0, the recipe's own."""
    model: Node[ModelArtifact]
    scores: Node[Evaluation]
    losses: Node[Losses]


@dataclass(frozen=True)
class Ablation:
    """The recipe's graph with the nodes of the ablation."""

    graph: Graph
    text: Node[HeldOutText]
    arms: tuple[Arm, ...]

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to tell the outcome."""
        return [self.text, *(node for arm in self.arms for node in (arm.scores, arm.losses))]


def build_ablation(recipe: Recipe) -> Ablation:
    """The graph of an ablation; runs nothing. Raises RecipeError where the recipe leaves no text to measure loss on."""
    if not recipe.tokenize.validation_share:
        raise RecipeError(
            "ablate measures the loss on validation documents, and tokenize.validation_share is 0: set it, e.g. to 0.01"
        )
    graph = build(recipe)
    compared = recipe.decontaminate.with_problems(recipe.evaluate.problems).problems
    codetextbook, tokens = graph["decontaminate_codetextbook"], graph["tokenize_codetextbook"]
    text = graph.add(
        hold_out_code,
        variant="ablate",
        files=graph["deduplicate"],
        filtered=graph["filter"],
        codetextbook=codetextbook,
        validation_share=recipe.tokenize.validation_share,
        seed=recipe.seed,
        max_chars=recipe.ablate.neutral_chars,
        humaneval=humaneval_identity() if "humaneval" in compared else "",
    )
    rest = graph.add(leave_out, variant="ablate", files=graph["deduplicate"], text=text)
    # The textbooks come along, and no training on unfiltered code draws from them.
    unfiltered = graph.vary(codetextbook, "ablate.unfiltered", code=rest)
    raw_tokens = graph.vary(tokens, "ablate.unfiltered", corpus=unfiltered)
    arms = [
        arm
        for number in range(recipe.ablate.seeds)
        for size in recipe.ablate.sizes
        for data in DATA
        for arm in _train(graph, size, data, raw_tokens if data == "unfiltered" else tokens, number, text)
    ]
    return Ablation(graph, text, tuple(arms))


def _train(
    graph: Graph,
    size: SizeName,
    data: DataName,
    tokens: Node[TokenizedCorpus],
    number: int,
    text: Node[HeldOutText],
) -> list[Arm]:
    """A base model on one data set, and the same after finetuning on the exercises."""
    own = trained(graph, size)
    variant = f"ablate.{SIZE_LABELS[size]}.{data}.{number}"
    config = seeded(config_of(own.base), number)
    if data != "textbooks":
        config = config.model_copy(update={"mixture": CODE_ALONE})
    base = graph.vary(own.base, variant, tokens=tokens, config=config)
    finetuned = graph.vary(own.finetuned, variant, base=base, config=seeded(config_of(own.finetuned), number))
    arms = []
    for is_finetuned, model, like in ((False, base, own.base_scores), (True, finetuned, own.finetuned_scores)):
        label = f"{variant}.{'finetuned' if is_finetuned else 'base'}"
        losses = graph.add(measure_loss, variant=label, model=model, text=text, sequence_length=config.sequence_length)
        arms.append(Arm(size, data, is_finetuned, number, model, scores_of(graph, model, like, label), losses))
    return arms
