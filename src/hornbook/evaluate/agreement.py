"""How well a teacher's grades agree with the tests, which are the measure of what is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

RIGHT_FROM = 8
"""The lowest grade that calls a completion right: the prompt gives 8 to 10 to what is right on every input."""


@dataclass(frozen=True)
class Agreement:
    """Grades against verdicts, over the graded completions."""

    mean_grade_passed: float | None
    """None where no completion passed."""
    mean_grade_failed: float | None
    """None where none failed."""
    roc_auc: float | None
    """Probability that a completion that passed has a higher grade than one that failed, a tie counting half: 1 agrees,
    0.5 is chance. None where all passed or all failed."""
    kappa: float | None
    """Cohen's kappa of `passed` and a grade of at least `RIGHT_FROM`: 1 agrees, 0 is chance. None where both are
    constant."""
    passed_called_right: int
    passed_called_wrong: int
    failed_called_right: int
    failed_called_wrong: int

    def lines(self) -> list[str]:
        """For a terminal."""
        if self.roc_auc is None:
            outcome = "passed" if self.mean_grade_failed is None else "failed"
            return [f"agreement with the tests: unknown, as every graded completion {outcome} them"]
        kappa = "unknown" if self.kappa is None else f"{self.kappa:.2f}"
        return [
            f"agreement with the tests: ROC-AUC {self.roc_auc:.2f}, kappa {kappa}; mean grade "
            f"{self.mean_grade_passed:.1f} of passed, {self.mean_grade_failed:.1f} of failed",
            f"grade {RIGHT_FROM} or more: {self.passed_called_right} of "
            f"{self.passed_called_right + self.passed_called_wrong} passed, {self.failed_called_right} of "
            f"{self.failed_called_right + self.failed_called_wrong} failed",
        ]


def measure_agreement(pairs: Sequence[tuple[int, bool]]) -> Agreement:
    """Agreement of (grade, passed) pairs. Raises ValueError without pairs."""
    if not pairs:
        raise ValueError("agreement needs at least one graded completion")
    passed = [grade for grade, is_passed in pairs if is_passed]
    failed = [grade for grade, is_passed in pairs if not is_passed]
    passed_right = sum(grade >= RIGHT_FROM for grade in passed)
    failed_right = sum(grade >= RIGHT_FROM for grade in failed)
    return Agreement(
        mean_grade_passed=fmean(passed) if passed else None,
        mean_grade_failed=fmean(failed) if failed else None,
        roc_auc=_roc_auc(passed, failed),
        kappa=_kappa(passed_right, len(passed) - passed_right, failed_right, len(failed) - failed_right),
        passed_called_right=passed_right,
        passed_called_wrong=len(passed) - passed_right,
        failed_called_right=failed_right,
        failed_called_wrong=len(failed) - failed_right,
    )


def _roc_auc(passed: Sequence[int], failed: Sequence[int]) -> float | None:
    """Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747: the Mann-Whitney form."""
    if not passed or not failed:
        return None
    # By grade, because there are few grades and may be many completions.
    wins = sum(
        passed.count(ours) * failed.count(theirs) * (1.0 if ours > theirs else 0.5)
        for ours in set(passed)
        for theirs in set(failed)
        if ours >= theirs
    )
    return wins / (len(passed) * len(failed))


def _kappa(passed_right: int, passed_wrong: int, failed_right: int, failed_wrong: int) -> float | None:
    """Source: Cohen 1960, doi:10.1177/001316446002000104."""
    total = passed_right + passed_wrong + failed_right + failed_wrong
    observed = (passed_right + failed_wrong) / total
    right, passed = passed_right + failed_right, passed_right + passed_wrong
    expected = (right * passed + (total - right) * (total - passed)) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)
