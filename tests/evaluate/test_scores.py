from dataclasses import replace
from pathlib import Path

import pytest

from hornbook.evaluate.scores import (
    SCORES,
    Estimate,
    Evaluation,
    Scores,
    compare_evaluations,
    compare_samples,
    read_scores,
    samples_file,
    score_set,
    write_scores,
)
from hornbook.records import Sample, write_rows


def sample(task: int, verdict: str) -> Sample:
    return Sample(f"t/{task}", "m", "x", verdict == "passed", verdict, "")


def test_scores_are_counted_by_verdict_and_depth() -> None:
    samples = [sample(n, "passed" if n < 6 else "exception" if n < 9 else "timed_out") for n in range(10)]
    scored = score_set(samples, {f"t/{n}": 2 if n < 8 else 3 for n in range(10)}, seed=0)
    assert (scored.total.num_problems, scored.total.num_solved, scored.total.pass_at_1) == (10, 6, 0.6)
    assert (scored.total.low, scored.total.high) == pytest.approx((0.3127, 0.8318), abs=1e-4)
    assert scored.total.interval == "wilson"
    assert scored.verdicts == {
        "passed": 6,
        "wrong_answer": 0,
        "exception": 3,
        "syntax_error": 0,
        "timed_out": 1,
        "crashed": 0,
    }
    assert {depth: (s.num_solved, s.num_problems) for depth, s in scored.by_depth.items()} == {"2": (6, 8), "3": (0, 2)}
    assert scored.pass_at_k == {"1": Estimate(0.6, scored.total.low, scored.total.high)}


def test_several_samples_a_problem_give_pass_at_k_and_a_bootstrap() -> None:
    samples = [sample(task, "passed" if n < 5 * task else "exception") for task in range(3) for n in range(10)]
    scored = score_set(samples, {}, seed=0)
    assert scored.total.pass_at_1 == pytest.approx(0.5)
    assert scored.total.num_solved == 2
    assert scored.total.interval == "bootstrap"
    assert 0 <= scored.total.low <= 0.5 <= scored.total.high <= 1
    assert {k: found.value for k, found in scored.pass_at_k.items()} == {
        "1": pytest.approx(0.5),
        "10": pytest.approx(2 / 3),
    }
    assert scored.pass_at_k["10"].low <= 2 / 3 <= scored.pass_at_k["10"].high
    assert (scored.pass_at_k["1"].low, scored.pass_at_k["1"].high) == (scored.total.low, scored.total.high)


def test_pass_at_k_goes_as_far_as_the_fewest_samples() -> None:
    samples = [sample(0, "passed")] * 100 + [sample(1, "exception")] * 9
    assert list(score_set(samples, {}, seed=0).pass_at_k) == ["1"]
    assert list(score_set(samples + [sample(1, "passed")] * 91, {}, seed=0).pass_at_k) == ["1", "10", "100"]


def test_scores_come_back_from_their_file(tmp_path: Path) -> None:
    samples = [sample(n, "passed") for n in range(4)]
    scored = replace(
        score_set(samples, {"t/1": 2}, 0), unusable={"t/9": "why"}, protocol={"judged_apart": 4}, notes=("a", "b")
    )
    scores = Scores("m", {"heldout": scored}, {"decoding": "greedy"}, {"humaneval": "no"}, {"sandbox": "required"})
    write_scores(tmp_path / "a", scores)
    write_scores(tmp_path / "b", read_scores(tmp_path / "a"))
    assert read_scores(tmp_path / "a") == scores
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def evaluation(folder: Path, passed: dict[int, bool], protocol: dict[str, str | int | float]) -> Evaluation:
    folder.mkdir()
    samples = [sample(task, "passed" if is_passed else "exception") for task, is_passed in passed.items()]
    write_rows(folder / samples_file("heldout"), Sample, samples)
    write_scores(folder / SCORES, Scores("m", {"heldout": score_set(samples, {}, 0)}, protocol, {}))
    return Evaluation(folder)


def test_evaluations_are_paired_by_problem(tmp_path: Path) -> None:
    protocol: dict[str, str | int | float] = {"samples_per_problem": 1, "max_new_tokens": 10}
    first = evaluation(tmp_path / "a", {1: True, 2: False, 3: False, 4: True}, protocol)
    # Another order of the same problems.
    second = evaluation(tmp_path / "b", {4: True, 3: True, 2: True, 1: False}, protocol)
    compared = compare_evaluations(first, second)["heldout"]
    assert (compared.only_first, compared.only_second, compared.difference) == (1, 2, 0.25)


def test_samples_of_several_draws_are_compared_by_their_shares() -> None:
    first = [sample(task, "passed") for task in (1, 2) for _ in range(2)]
    second = [sample(1, "passed"), sample(1, "exception"), sample(2, "passed"), sample(2, "passed")]
    compared = compare_samples(first, second, 0)
    assert compared is not None
    assert (compared.difference, compared.only_first, compared.p_value) == (-0.25, 1, 1.0)
    assert compared.test == "sign-flip permutation over problems"
    assert compare_samples(first, second[:2], 0) is None
    assert compare_samples([], [], 0) is None


def test_what_is_not_comparable_is_not_compared(tmp_path: Path) -> None:
    protocol: dict[str, str | int | float] = {"samples_per_problem": 1, "max_new_tokens": 10}
    first = evaluation(tmp_path / "a", {1: True, 2: False}, protocol)
    other_protocol = evaluation(tmp_path / "b", {1: True, 2: False}, protocol | {"max_new_tokens": 20})
    other_problems = evaluation(tmp_path / "c", {1: True, 3: False}, protocol)
    assert compare_evaluations(first, other_protocol) == {}
    assert compare_evaluations(first, other_problems) == {}
    assert list(compare_evaluations(first, first)) == ["heldout"]
