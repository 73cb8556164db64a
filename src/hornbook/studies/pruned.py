"""What a pruning found: similar and non-similar problems scored apart, with the control beside (table 3)."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hornbook.evaluate.pass_at_k import PairedComparison, compare_paired, wilson_interval
from hornbook.evaluate.scores import Evaluation
from hornbook.run.artifact import Artifact
from hornbook.run.datasets import EXERCISES
from hornbook.studies.matches import Matches, Pair
from hornbook.studies.prune import Arm, How, Pruning

Group = Literal["similar", "non_similar", "all"]
Kind = How | Literal["base"]
GROUPS: tuple[Group, ...] = ("similar", "non_similar", "all")


@dataclass(frozen=True)
class Cell:
    """pass@1 of one kind of model on one group of problems, over all seeds."""

    num_problems: int
    by_seed: tuple[float, ...]
    """Problems solved of each seed; a share of one where it has several samples of which some pass."""
    pass_at_1: float | None
    """The mean over seeds; None without a problem."""
    low: float | None
    high: float | None
    """95% Wilson interval of the mean over seeds on so many problems: more seeds are not more problems."""


@dataclass(frozen=True)
class Row:
    """One threshold on one problem set."""

    threshold: float
    num_pruned: int
    num_exercises: int
    """Before anything is pruned."""
    cells: Mapping[tuple[Kind, Group], Cell]
    against_random: Mapping[Group, PairedComparison | None]
    """The models without matched exercises less those of the control, problem by problem; None without a problem."""

    @property
    def pruned_share(self) -> float:
        """Of the exercises."""
        return self.num_pruned / self.num_exercises


@dataclass(frozen=True)
class Outcome:
    """All that a pruning found."""

    tables: Mapping[str, tuple[Row, ...]]
    """By problem set; the highest threshold first."""
    pairs: tuple[Pair, ...]
    remarks: tuple[str, ...]
    """What a reader of the scores must know, a sentence each."""
    num_seeds: int


def collect_outcome(pruning: Pruning, made: Mapping[str, Artifact]) -> Outcome:
    """The outcome of a pruning whose nodes are all made."""
    rates = {threshold: _rates(made[node.name]) for threshold, node in pruning.matches.items()}
    lowest = made[list(pruning.matches.values())[-1].name]
    assert isinstance(lowest, Matches)
    arms = (pruning.base, *pruning.arms)
    remarks = {remark for arm in arms for remark in _evaluation(arm, made).scores().remarks()}
    tables = {
        name: tuple(_row(pruning, made, name, by_set[name], threshold) for threshold, by_set in rates.items())
        for name in next(iter(rates.values()))
    }
    return Outcome(tables, tuple(lowest.pairs()), tuple(sorted(remarks)), len({arm.seed for arm in pruning.arms}))


def _rates(matches: Artifact) -> dict[str, dict[str, float]]:
    """By problem set and problem: the rate of its nearest exercise."""
    assert isinstance(matches, Matches)
    rates: dict[str, dict[str, float]] = defaultdict(dict)
    for one in matches.problems():
        rates[one.set_name][one.problem] = one.rate
    return rates


def _evaluation(arm: Arm, made: Mapping[str, Artifact]) -> Evaluation:
    found = made[arm.scores.name]
    assert isinstance(found, Evaluation)
    return found


def _row(
    pruning: Pruning, made: Mapping[str, Artifact], set_name: str, rates: Mapping[str, float], threshold: float
) -> Row:
    total = int(made[pruning.base.exercises.name].facts.rows[EXERCISES])
    kinds: dict[Kind, list[Arm]] = {
        "base": [pruning.base],
        "all": [arm for arm in pruning.arms if arm.how == "all"],
        "matched": [arm for arm in pruning.arms if (arm.how, arm.threshold) == ("matched", threshold)],
        "random": [arm for arm in pruning.arms if (arm.how, arm.threshold) == ("random", threshold)],
    }
    left = int(made[kinds["matched"][0].exercises.name].facts.rows[EXERCISES])
    passed = {kind: [passed_by_task(_evaluation(arm, made), set_name) for arm in arms] for kind, arms in kinds.items()}
    groups = split_problems(rates, threshold)
    return Row(
        threshold,
        total - left,
        total,
        {(kind, group): score_group(passed[kind], chosen) for kind in kinds for group, chosen in groups.items()},
        {group: _compare(passed["random"], passed["matched"], chosen) for group, chosen in groups.items()},
    )


def _compare(
    first: Sequence[Mapping[str, float]], second: Sequence[Mapping[str, float]], chosen: set[str]
) -> PairedComparison | None:
    tasks = [task_id for task_id in first[0] if task_id in chosen]
    if not tasks:
        return None
    means = [[statistics.fmean(one[task_id] for one in passed) for task_id in tasks] for passed in (first, second)]
    return compare_paired(means[0], means[1], seed=0)


def split_problems(rates: Mapping[str, float], threshold: float) -> dict[Group, set[str]]:
    """The problems that some exercise matches at `threshold` or above, the others, and all."""
    similar = {problem for problem, rate in rates.items() if rate >= threshold}
    return {"similar": similar, "non_similar": set(rates) - similar, "all": set(rates)}


def passed_by_task(evaluation: Evaluation, set_name: str) -> dict[str, float]:
    """By task id: the share of its samples that pass."""
    passed: dict[str, list[bool]] = defaultdict(list)
    for sample in evaluation.samples(set_name):
        passed[sample.task_id].append(sample.passed)
    return {task_id: sum(verdicts) / len(verdicts) for task_id, verdicts in passed.items()}


def score_group(passed: Sequence[Mapping[str, float]], chosen: set[str]) -> Cell:
    """pass@1 on the chosen problems, from each seed's shares of passed samples; problems that were not scored are out.

    The interval takes the mean over seeds as a share of so many problems.
    """
    tasks = [task_id for task_id in passed[0] if task_id in chosen]
    by_seed = tuple(sum(one[task_id] for task_id in tasks) for one in passed)
    if not tasks:
        return Cell(0, by_seed, None, None, None)
    solved = sum(by_seed) / len(by_seed)
    low, high = wilson_interval(solved, len(tasks))
    return Cell(len(tasks), by_seed, solved / len(tasks), low, high)
