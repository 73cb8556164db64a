import pytest

from hornbook.corpus.contamination.ast_match import all_matches
from hornbook.errors import StageError
from hornbook.evaluate.problem_sets import problem_set_identities
from hornbook.studies.matches import Asked, Matches, draw, match_exercises, prune_exercises
from tests.corpus.rows import exercises
from tests.studies.small_run import COPIES, HELDOUT, MACHINE, OTHERS

TRAIN = [*OTHERS[:5], *COPIES, *OTHERS[5:]]
COPIED = {one.task_id for one in COPIES}


@pytest.fixture
def given(tmp_path):
    return exercises(tmp_path / "exercises", TRAIN, HELDOUT)


def match(given, tmp_path, names=("heldout",), least_rate=0.8) -> Matches:
    out = tmp_path / "matches"
    out.mkdir()
    found = match_exercises(
        exercises=given,
        asked=Asked(names=names),
        problems=problem_set_identities(names),
        least_rate=least_rate,
        out=out,
        machine=MACHINE,
    )
    return Matches(out, found.facts)


def prune(given, matches, tmp_path, threshold=0.9, how="matched", seed=0):
    out = tmp_path / f"{how}-{threshold}-{seed}"
    out.mkdir()
    return prune_exercises(exercises=given, matches=matches, threshold=threshold, how=how, seed=seed, out=out)


def test_planted_copies_are_found_with_their_problem(given, tmp_path):
    matches = match(given, tmp_path)
    rates = list(matches.rates())
    assert {one.task_id for one in rates} == COPIED
    assert {one.row for one in rates} == {5, 6}
    assert [(one.problem, one.rate) for one in rates] == [("task/total_of_squares", 1.0), ("task/joined", 1.0)]
    assert matches.facts.metrics["exercises"] == len(TRAIN)
    assert matches.facts.metrics["exercises_matched"] == 2


def test_every_problem_has_its_nearest_exercise_and_how_many_are_as_near(given, tmp_path):
    rows = {row.problem: row for row in match(given, tmp_path).problems()}
    assert set(rows) == {one.task_id for one in HELDOUT}
    assert rows["task/total_of_squares"].exercise == "task/sum_of_products"
    # The two copies differ in their call alone, by less than a fifth of their trees.
    assert rows["task/total_of_squares"].num_matches == len(
        [m for m in all_matches([o.prompt + o.solution for o in TRAIN], given.problems()[:1], 0.8) if m]
    )
    assert (rows["task/longest_step"].rate, rows["task/longest_step"].exercise) == (0.0, "")


def test_pairs_to_look_at_hold_both_codes(given, tmp_path):
    pairs = {pair.problem: pair for pair in match(given, tmp_path).pairs()}
    assert pairs["task/joined"].exercise == "task/glued"
    assert pairs["task/joined"].exercise_code == COPIES[1].prompt + COPIES[1].solution
    assert pairs["task/joined"].problem_code == HELDOUT[2].prompt + HELDOUT[2].solution
    assert "task/longest_step" not in pairs


def test_matched_exercises_are_pruned_and_the_rest_keeps_its_order(given, tmp_path):
    left = prune(given, match(given, tmp_path), tmp_path)
    assert list(left.read()) == [row for row in TRAIN if row.task_id not in COPIED]
    assert list(left.read_heldout()) == HELDOUT
    assert left.facts.drops == {"matches_problem": 2}


def test_the_control_drops_as_many_by_its_seed(given, tmp_path):
    matches = match(given, tmp_path)
    first, again, other = (
        [row.task_id for row in prune(given, matches, tmp_path / folder, how="random", seed=seed).read()]
        for folder, seed in (("a", 0), ("b", 0), ("c", 1))
        if (tmp_path / folder).mkdir() is None
    )
    assert len(first) == len(TRAIN) - 2
    assert first == again != other
    assert [row.task_id for row in TRAIN if row.task_id in first] == first


def test_a_draw_is_without_replacement_and_fair():
    counts = [0] * 20
    for number in range(400):
        drawn = draw(20, 5, str(number))
        assert len(drawn) == 5
        for row in drawn:
            counts[row] += 1
    # 100 expected each; 6 standard deviations.
    assert all(48 < count < 152 for count in counts)


def test_a_threshold_that_prunes_everything_is_refused(tmp_path):
    given = exercises(tmp_path / "copies", COPIES, HELDOUT)
    matches = match(given, tmp_path)
    with pytest.raises(StageError, match=r"all 2 exercises match a problem at 0\.9.*prune\.thresholds"):
        prune(given, matches, tmp_path)


def test_no_problem_to_compare_with_is_an_error(tmp_path):
    given = exercises(tmp_path / "none", TRAIN, [])
    with pytest.raises(StageError, match="no problems to compare exercises with"):
        match(given, tmp_path)


def test_nothing_matched_prunes_nothing(tmp_path):
    given = exercises(tmp_path / "others", OTHERS, HELDOUT)
    left = prune(given, match(given, tmp_path), tmp_path)
    assert list(left.read()) == OTHERS
    assert left.facts.drops == {}
