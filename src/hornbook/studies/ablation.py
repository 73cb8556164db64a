"""What an ablation found: scores and losses over seeds, and whether their order is the paper's."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hornbook.evaluate.pass_at_k import PairedComparison, compare_paired
from hornbook.evaluate.scores import Evaluation
from hornbook.recipe import SizeName
from hornbook.run.artifact import Artifact
from hornbook.studies.ablate import Ablation, Arm, DataName
from hornbook.studies.heldout_text import HUMANEVAL, KEPT, REJECTED
from hornbook.studies.loss import Losses
from hornbook.studies.sizes import epochs_of

CORPUS = "corpus"
"""`kept` and `rejected` in the proportion in which the corpus has them."""
DATA_NAMES: Mapping[DataName, str] = {
    "unfiltered": "unfiltered code",
    "filtered": "filtered code",
    "textbooks": "filtered code + textbooks",
}
PART_NAMES = {
    CORPUS: "the corpus",
    KEPT: "what the filter keeps",
    REJECTED: "what it rejects",
    HUMANEVAL: "HumanEval's text",
}
PAPER = {"unfiltered": 0.1219, "filtered": 0.1768, "textbooks": 0.2012, "finetuned": 0.45}
"""HumanEval pass@1 of the paper's 350M models: section 2.1, and table 1 (phi-1-small). The one on unfiltered code had
96,000 steps, the others 36,000; the paper finetunes neither of the models without textbooks."""
STEPS: tuple[tuple[tuple[DataName, bool], tuple[DataName, bool]], ...] = (
    (("unfiltered", False), ("filtered", False)),
    (("filtered", False), ("textbooks", False)),
    (("unfiltered", False), ("unfiltered", True)),
    (("filtered", False), ("filtered", True)),
    (("textbooks", False), ("textbooks", True)),
    (("unfiltered", True), ("filtered", True)),
    (("filtered", True), ("textbooks", True)),
)
"""Pairs of kinds, (data, whether finetuned), of which the second should be better if the order is the paper's."""
SIGNIFICANT = 0.05
"""A difference with a p-value below this is taken for one."""
IN_PAPER = (STEPS[0], STEPS[1], STEPS[4])
"""Those that the paper itself reports."""


@dataclass(frozen=True)
class Spread:
    """One number of each seed."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Their sample standard deviation; None for a single seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Kind:
    """The models of one size on one data set, before or after finetuning: one a seed."""

    size: SizeName
    data: DataName
    is_finetuned: bool
    pass_at_1: Mapping[str, Spread]
    """By problem set."""
    solved: Mapping[str, Mapping[str, float]]
    """By problem set and task id: the share of the samples of all seeds that pass."""
    bits_per_byte: Mapping[str, Spread]
    """By part of the held-out text."""
    epochs: Mapping[str, float]
    """How often the base's training read each source; of the seed 0."""
    tokens: int
    """Positions that the base was trained on."""


@dataclass(frozen=True)
class Step:
    """One step of the paper's order, on one problem set at one size."""

    size: SizeName
    set_name: str
    first: tuple[DataName, bool]
    second: tuple[DataName, bool]
    paired: PairedComparison
    """Over problems, each with its share of passes over all seeds."""
    by_seed: tuple[float, ...]
    """The gain in pass@1 of each seed."""
    is_in_paper: bool

    @property
    def verdict(self) -> str:
        """Whether the order is the paper's here; `undecided` where the test or the seeds do not tell.

        The test is over problems alone, and a few seeds cannot give one over trainings: they must agree on the sign.
        One seed tells two models apart and not the data that they were trained on.
        """
        if len(self.by_seed) == 1:
            return "undecided (one seed)"
        if self.paired.p_value >= SIGNIFICANT:
            return "undecided"
        if min(self.by_seed) > 0:
            return "as in the paper"
        return "against the paper's order" if max(self.by_seed) < 0 else "undecided"


@dataclass(frozen=True)
class Outcome:
    """All that an ablation found."""

    kinds: tuple[Kind, ...]
    steps: tuple[Step, ...]
    remarks: tuple[str, ...]
    """What a reader of the scores must know, a sentence each."""
    held_out: Mapping[str, tuple[int, int]]
    """By part of the text that the loss is measured on: documents and bytes."""


def collect_outcome(ablation: Ablation, made: Mapping[str, Artifact]) -> Outcome:
    """The outcome of an ablation whose nodes are all made."""
    text = made[ablation.text.name]
    kept_share = float(text.facts.metrics["kept_share"] or 0.0)
    by_kind: dict[tuple[SizeName, DataName, bool], list[Arm]] = defaultdict(list)
    for arm in ablation.arms:
        by_kind[arm.size, arm.data, arm.is_finetuned].append(arm)
    kinds = tuple(_kind(arms, made, kept_share) for arms in by_kind.values())
    remarks = {remark for arm in ablation.arms for remark in _evaluation(arm, made).scores().remarks()}
    return Outcome(kinds, tuple(compare_steps(kinds)), tuple(sorted(remarks)), _held_out(ablation.arms[0], made))


def _kind(arms: Sequence[Arm], made: Mapping[str, Artifact], kept_share: float) -> Kind:
    evaluations = [_evaluation(arm, made) for arm in arms]
    losses = [with_corpus(_losses(arm, made).bits_per_byte(), kept_share) for arm in arms]
    bases = [arm.model if not arm.is_finetuned else arm.model.inputs["base"] for arm in arms]
    facts = made[bases[0].name].facts.metrics
    sets = list(evaluations[0].scores().sets)
    return Kind(
        size=arms[0].size,
        data=arms[0].data,
        is_finetuned=arms[0].is_finetuned,
        pass_at_1={
            name: Spread(tuple(one.scores().sets[name].total.pass_at_1 for one in evaluations)) for name in sets
        },
        solved={name: mean_passed(evaluations, name) for name in sets},
        bits_per_byte={part: Spread(tuple(one[part] for one in losses)) for part in PART_NAMES if part in losses[0]},
        epochs=epochs_of(facts),
        tokens=int(facts["tokens"] or 0),
    )


def _evaluation(arm: Arm, made: Mapping[str, Artifact]) -> Evaluation:
    found = made[arm.scores.name]
    assert isinstance(found, Evaluation)
    return found


def _losses(arm: Arm, made: Mapping[str, Artifact]) -> Losses:
    found = made[arm.losses.name]
    assert isinstance(found, Losses)
    return found


def _held_out(arm: Arm, made: Mapping[str, Artifact]) -> Mapping[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for document in _losses(arm, made).read():
        texts, size = counts.get(document.part, (0, 0))
        counts[document.part] = (texts + 1, size + document.num_bytes)
    return counts


def with_corpus(parts: Mapping[str, float], kept_share: float) -> dict[str, float]:
    """The loss by part, and that of the corpus: the two parts of it weighted by their shares of its bytes."""
    return {CORPUS: kept_share * parts[KEPT] + (1 - kept_share) * parts[REJECTED], **parts}


def mean_passed(evaluations: Sequence[Evaluation], set_name: str) -> dict[str, float]:
    """By task id: the share of the samples of all evaluations that pass."""
    passed: dict[str, list[bool]] = defaultdict(list)
    for evaluation in evaluations:
        for sample in evaluation.samples(set_name):
            passed[sample.task_id].append(sample.passed)
    return {task_id: sum(verdicts) / len(verdicts) for task_id, verdicts in passed.items()}


def compare_steps(kinds: Sequence[Kind]) -> list[Step]:
    """Each step of the paper's order, at each size and on each problem set, on the same problems."""
    found = {(kind.size, kind.data, kind.is_finetuned): kind for kind in kinds}
    steps = []
    for size in dict.fromkeys(kind.size for kind in kinds):
        for first, second in STEPS:
            before, after = found[(size, *first)], found[(size, *second)]
            for name in before.pass_at_1:
                tasks = [task for task in before.solved[name] if task in after.solved[name]]
                paired = compare_paired(
                    [before.solved[name][task] for task in tasks], [after.solved[name][task] for task in tasks], seed=0
                )
                seeds = zip(before.pass_at_1[name].values, after.pass_at_1[name].values, strict=True)
                by_seed = tuple(later - earlier for earlier, later in seeds)
                steps.append(Step(size, name, first, second, paired, by_seed, (first, second) in IN_PAPER))
    return steps


def kind_name(kind: tuple[DataName, bool]) -> str:
    """A kind of model in words."""
    data, is_finetuned = kind
    return DATA_NAMES[data] + (", finetuned" if is_finetuned else "")
