"""Table 3 recomputed from the verdicts, another way."""

import json
from collections import Counter

import pytest
from scipy.stats import binomtest

from hornbook.evaluate.pass_at_k import compare_paired
from hornbook.evaluate.scores import Evaluation
from hornbook.run.datasets import EXERCISES
from hornbook.studies.prune import build_matching
from hornbook.studies.prune_page import NUMBERS, PAGE, PAIRS_PAGE, TABLE, verdict, write_pruning
from hornbook.studies.pruned import Row, collect_outcome, score_group, split_problems
from tests.studies.outcomes import pruning_outcome
from tests.studies.small_run import COPIES, OTHERS, small_recipe

ONE = ("heldout",)


def test_groups_split_at_the_threshold_and_cover_all():
    rates = {"a": 1.0, "b": 0.9, "c": 0.8999, "d": 0.0}
    assert split_problems(rates, 0.9) == {"similar": {"a", "b"}, "non_similar": {"c", "d"}, "all": set("abcd")}


def test_a_cell_is_the_mean_over_seeds_with_the_interval_of_its_problems_alone():
    seeds = [{"a": 1.0, "b": 0.0, "c": 1.0, "x": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0, "x": 0.0}]
    cell = score_group(seeds, {"a", "b", "c"})
    assert (cell.num_problems, cell.by_seed) == (3, (2.0, 3.0))
    assert cell.pass_at_1 == pytest.approx(2.5 / 3)
    three = [{f"{n}": float(n < 7) for n in range(10)}] * 3
    wilson = binomtest(7, 10).proportion_ci(method="wilson")
    cell = score_group(three, {f"{n}" for n in range(10)})
    assert (cell.low, cell.high) == (pytest.approx(wilson.low, abs=1e-6), pytest.approx(wilson.high, abs=1e-6))


def test_a_group_without_problems_has_no_score():
    cell = score_group([{"a": 1.0}], set())
    assert (cell.num_problems, cell.pass_at_1, cell.low, cell.high) == (0, None, None, None)


def test_the_table_is_what_the_verdicts_say(pruned):
    outcome = collect_outcome(pruned.study, pruned.made)
    rates = {row.problem: row.rate for row in pruned.made["prune.match_exercises"].problems()}
    for row in outcome.tables["heldout"]:
        assert row.num_exercises == len(COPIES) + len(OTHERS)
        # The two copies match at 1, so every threshold prunes these.
        left = pruned.made["prune.tau-1.matched.prune_exercises"].facts.rows[EXERCISES]
        assert row.num_pruned == row.num_exercises - left == 2
        for kind, name in (
            ("base", "small_base.evaluate"),
            ("all", "small.evaluate"),
            ("matched", "prune.small.tau-1.matched.0.evaluate"),
            ("random", "prune.small.tau-1.random.0.evaluate"),
        ):
            evaluation = pruned.made[name]
            assert isinstance(evaluation, Evaluation)
            solved, asked = Counter(), Counter()
            for sample in evaluation.samples("heldout"):
                group = "similar" if rates[sample.task_id] >= row.threshold else "non_similar"
                asked[group] += 1
                solved[group] += sample.passed
            for group in ("similar", "non_similar"):
                cell = row.cells[kind, group]
                assert (cell.num_problems, cell.by_seed) == (asked[group], (solved[group],))
            assert row.cells[kind, "all"].num_problems == sum(asked.values()) == 3


def test_as_many_tokens_are_read_whatever_was_pruned(pruned):
    facts = {name: artifact.facts.metrics for name, artifact in pruned.made.items() if name.endswith("finetune")}
    assert len(facts) == 3
    assert len({(one["steps"], one["tokens"]) for one in facts.values()}) == 1


def test_the_control_differs_from_the_pruned_and_has_as_many(pruned):
    left = {
        how: [row.task_id for row in pruned.made[f"prune.tau-1.{how}.prune_exercises"].read()]
        for how in ("matched", "random.0")
    }
    assert len(left["matched"]) == len(left["random.0"])
    assert left["matched"] != left["random.0"]


def test_the_page_the_table_and_the_numbers_say_the_same(tmp_path):
    outcome = pruning_outcome(sets=ONE)
    lines = write_pruning(tmp_path, "made-up", "small_model", outcome)
    page, table = (tmp_path / PAGE).read_text(), (tmp_path / TABLE).read_text()
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    row = outcome.tables["heldout"][-1]
    cell = row.cells["matched", "similar"]
    shown = f"{100 * cell.pass_at_1:.1f}%"
    assert shown in page
    assert f"{shown} [{100 * cell.low:.1f}, {100 * cell.high:.1f}]" in table
    assert any(shown in line for line in lines)
    found = numbers["sets"]["heldout"][-1]
    assert found["pass_at_1"]["matched"]["similar"]["pass_at_1"] == cell.pass_at_1
    assert found["num_pruned"] == row.num_pruned
    assert f"{row.num_pruned:,} ({100 * row.pruned_share:.1f}%)" in page
    assert page.count("<svg") == 3 * len(outcome.tables)


def test_the_side_by_side_page_escapes_what_it_shows(tmp_path):
    write_pruning(tmp_path, "made-up", "small_model", pruning_outcome(sets=ONE))
    page = (tmp_path / PAIRS_PAGE).read_text()
    assert "<script>alert" not in page
    assert "alert" in page
    assert "heldout/1" in page


def test_equal_outcomes_give_equal_bytes(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_pruning(tmp_path / folder, "made-up", "small_model", pruning_outcome(sets=ONE))
    for name in (PAGE, PAIRS_PAGE, TABLE, NUMBERS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("matched", "words"),
    [
        (0.1, "So pruning costs more there than fewer exercises explain"),
        (0.47, "no part of the score is shown to come from near copies"),
    ],
)
def test_the_verdict_follows_the_interval(tmp_path, matched, words):
    lines = write_pruning(tmp_path, "made-up", "small_model", pruning_outcome(sets=ONE, matched_similar=matched))
    assert any(words in line for line in lines)


def test_a_model_that_solves_nothing_has_no_score_to_explain(pruned, tmp_path):
    outcome = pruning_outcome(sets=ONE, level=0.0, matched_similar=0.0)
    lines = write_pruning(tmp_path, "made-up", "small_model", outcome)
    assert any("there is no score to explain" in line for line in lines)


def test_thresholds_come_highest_first_whatever_their_order():
    matching = build_matching(small_recipe("prune.thresholds=[0.8,0.95,0.9]"))
    assert list(matching.matches) == [0.95, 0.9, 0.8]


def small_table(num_seeds: int, lost: int = 4) -> Row:
    """Four problems, all similar, of which the pruned model solves `lost` fewer than the control's four."""
    solved, pruned = {f"{n}": 1.0 for n in range(4)}, {f"{n}": float(n >= lost) for n in range(4)}
    passed = {"base": solved, "all": solved, "matched": pruned, "random": solved}
    groups = {"similar": set(solved), "non_similar": set(), "all": set(solved)}
    cells = {
        (kind, group): score_group([one] * num_seeds, chosen)
        for kind, one in passed.items()
        for group, chosen in groups.items()
    }
    paired = compare_paired(list(solved.values()), list(pruned.values()), seed=0)
    return Row(0.8, 10, 100, cells, {"similar": paired, "non_similar": None, "all": paired})


def test_the_verdict_names_what_decides_it():
    row = small_table(num_seeds=3)
    assert row.against_random["similar"].high < 0
    # Four problems, all lost: the interval is without 0, and a test of four problems cannot tell.
    told = verdict([row])
    assert "p is 0.05 or more: no part of the score is shown to come from near copies" in told
    assert "0 is in the interval" not in told


def test_one_seed_says_nothing_of_the_exercises():
    told = verdict([small_table(num_seeds=1)])
    assert "between these two models; there is one seed" in told
    outcome = pruning_outcome(sets=ONE, matched_similar=0.1, seeds=1)
    assert outcome.tables["heldout"][-1].against_random["similar"].p_value < 0.05
    assert "So pruning costs" not in verdict(outcome.tables["heldout"])


def test_near_copies_were_worth_that_much_at_most():
    told = verdict(pruning_outcome(sets=ONE, matched_similar=0.1).tables["heldout"])
    assert "at most that much of the score came from near copies" in told


def test_what_costs_nothing_has_no_minus_sign():
    told = verdict([small_table(num_seeds=3, lost=0)])
    assert "costs +0.0 points more than the control (95% interval +0.0 to +0.0" in told
