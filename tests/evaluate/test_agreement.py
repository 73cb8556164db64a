import pytest

from hornbook.evaluate.agreement import measure_agreement


def test_grades_that_follow_the_tests_agree_fully() -> None:
    agreed = measure_agreement([(9, True), (8, True), (7, False), (0, False)])
    assert (agreed.roc_auc, agreed.kappa) == (1.0, 1.0)
    assert (agreed.mean_grade_passed, agreed.mean_grade_failed) == (8.5, 3.5)
    assert (agreed.passed_called_right, agreed.passed_called_wrong) == (2, 0)
    assert (agreed.failed_called_right, agreed.failed_called_wrong) == (0, 2)


def test_grades_turned_round_disagree_fully() -> None:
    agreed = measure_agreement([(1, True), (9, False)])
    assert (agreed.roc_auc, agreed.kappa) == (0.0, -1.0)


def test_grades_that_say_nothing_are_chance() -> None:
    agreed = measure_agreement([(10, True), (10, False), (10, True)])
    assert (agreed.roc_auc, agreed.kappa) == (0.5, 0.0)


def test_a_case_worked_by_hand() -> None:
    # Pairs of passed {10, 6, 8} and failed {6, 2, 9}: 3 + 1.5 + 2 = 6.5 of 9 won.
    # Called right: 10, 8 and 9. Observed 4 / 6, expected (3 * 3 + 3 * 3) / 36 = 1 / 2.
    agreed = measure_agreement([(10, True), (6, True), (8, True), (6, False), (2, False), (9, False)])
    assert agreed.roc_auc == pytest.approx(6.5 / 9)
    assert agreed.kappa == pytest.approx((4 / 6 - 1 / 2) / (1 / 2))
    assert agreed.lines() == [
        "agreement with the tests: ROC-AUC 0.72, kappa 0.33; mean grade 8.0 of passed, 5.7 of failed",
        "grade 8 or more: 2 of 3 passed, 1 of 3 failed",
    ]


def test_it_is_what_scikit_learn_computes() -> None:
    from sklearn.metrics import cohen_kappa_score, roc_auc_score

    pairs = [(n * 7 % 11, n * 5 % 13 < 6) for n in range(60)]
    agreed = measure_agreement(pairs)
    grades, passed = [grade for grade, _ in pairs], [is_passed for _, is_passed in pairs]
    assert agreed.roc_auc == pytest.approx(roc_auc_score(passed, grades))
    assert agreed.kappa == pytest.approx(cohen_kappa_score(passed, [grade >= 8 for grade in grades]))


def test_without_both_outcomes_nothing_is_claimed() -> None:
    only_passed, only_failed = measure_agreement([(9, True), (3, True)]), measure_agreement([(9, False)])
    assert (only_passed.roc_auc, only_passed.mean_grade_failed, only_failed.mean_grade_passed) == (None, None, None)
    assert only_passed.kappa == 0.0
    assert measure_agreement([(9, True)]).kappa is None
    assert only_passed.lines() == ["agreement with the tests: unknown, as every graded completion passed them"]
    assert only_failed.lines() == ["agreement with the tests: unknown, as every graded completion failed them"]
    with pytest.raises(ValueError, match="at least one"):
        measure_agreement([])
