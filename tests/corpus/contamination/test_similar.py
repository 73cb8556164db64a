from pathlib import Path

import numpy as np
import pytest

from hornbook.corpus.contamination.similar import ProblemEmbedding, distances, find_similar, normalise, problem_text
from hornbook.recipe import DecontaminateConfig
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems
from tests.corpus.embedders.folders import write_checkpoint

CONFIG = DecontaminateConfig(embedding_size=16)
PROBLEMS = humaneval_problems()


def test_distances_are_those_of_the_plain_formula() -> None:
    draw = np.random.default_rng(0)
    rows, problems = normalise(draw.normal(size=(50, 8))), normalise(draw.normal(size=(20, 8)))
    expected = np.linalg.norm(rows[:, None] - problems[None], axis=2)
    for rows_per_product in (1, 7, 4096):
        found = np.stack(list(distances(rows, problems, rows_per_product)))
        assert found.dtype == np.float32
        assert found.shape == (50, 20)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert (found.argmin(axis=1) == expected.argmin(axis=1)).all()


def test_equal_opposite_and_no_direction() -> None:
    unit = normalise(np.array([[3.0, 4.0], [-3.0, -4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(unit, [[0.6, 0.8], [-0.6, -0.8], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(next(distances(unit, unit)), [0, 2, 1], atol=1e-3)


SOURCES = [problem.prompt + problem.canonical_solution for problem in PROBLEMS[:12]]


def test_a_copy_is_at_no_distance_with_rate_one() -> None:
    for number, found in enumerate(find_similar(SOURCES, PROBLEMS, CONFIG, 0.95)):
        assert found is not None
        nearest = found[0]
        assert (nearest.problem, nearest.rate) == (number, 1.0)
        assert nearest.distance == pytest.approx(0, abs=2e-3)
        assert nearest.function.name == PROBLEMS[number].entry_point


def test_both_thresholds_hold_and_a_higher_tau_finds_what_has_that_rate() -> None:
    wide = CONFIG.model_copy(update={"max_distance": 2.0})
    embedding = ProblemEmbedding(PROBLEMS, CONFIG, "cpu")
    by_syntax = [found or [] for found in find_similar(SOURCES, PROBLEMS, wide, 0.7, embedding=embedding)]
    assert max(map(len, by_syntax)) > 1
    for tau in (0.7, 0.9):
        for max_distance in (0.9, 2.0):
            config = CONFIG.model_copy(update={"max_distance": max_distance})
            found = find_similar(SOURCES, PROBLEMS, config, tau, embedding=embedding)
            assert [{(one.problem, one.rate) for one in row or ()} for row in found] == [
                {(one.problem, one.rate) for one in row if one.rate >= tau and one.distance <= max_distance}
                for row in by_syntax
            ]
    for row in by_syntax:
        assert [one.distance for one in row] == sorted(one.distance for one in row)


def test_verdict_does_not_depend_on_the_rows_beside_it() -> None:
    together = list(find_similar(SOURCES, PROBLEMS, CONFIG, 0.8))
    apart = [found for source in SOURCES[:2] for found in find_similar([source], PROBLEMS, CONFIG, 0.8)]
    for one, other in zip(together, apart, strict=False):
        assert [(s.problem, s.rate) for s in one or ()] == [(s.problem, s.rate) for s in other or ()]
        assert [s.distance for s in one or ()] == pytest.approx([s.distance for s in other or ()], abs=1e-3)


def test_rows_that_do_not_parse_are_told_from_those_that_match_nothing() -> None:
    assert list(find_similar(["def f(:", "x = 1", ""], PROBLEMS, CONFIG, 0.8)) == [None, [], []]


def test_same_syntax_of_another_meaning_is_not_near() -> None:
    (length,) = [problem for problem in PROBLEMS if problem.entry_point == "strlen"]
    docstring = "Puts what is in the basket in order of price, dear things last."
    source = f'def order(basket):\n    """{docstring}"""\n    return sorted(basket)\n'
    wide = CONFIG.model_copy(update={"max_distance": 2.0})
    (by_syntax,), (by_both,) = (find_similar([source], PROBLEMS, config, 0.95) for config in (wide, CONFIG))
    assert length in [PROBLEMS[one.problem] for one in by_syntax or ()]
    assert by_both == []


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_problems(count: int) -> None:
    found = list(find_similar(SOURCES[:count], PROBLEMS[:count], CONFIG, 0.95))
    assert [[one.problem for one in row or ()] for row in found] == [[number] for number in range(count)]


def test_problems_without_a_solution_match_nothing() -> None:
    bare = Problem("P/0", SOURCES[0].split('"""')[0], "has_close_elements", "", "")
    assert list(find_similar(SOURCES[:1], [bare], CONFIG, 0.8)) == [[]]
    (found,) = find_similar(SOURCES[:1], [bare, PROBLEMS[0]], CONFIG, 0.95)
    assert [one.problem for one in found or ()] == [1]


def test_a_model_of_ours_embeds(tmp_path: Path) -> None:
    config = DecontaminateConfig(
        embedder="checkpoint", embedder_model=str(write_checkpoint(tmp_path)), max_distance=0.001
    )
    problems = PROBLEMS[:3]
    texts = [problem_text(problem) for problem in problems]
    table = np.stack(list(ProblemEmbedding(problems, config, "cpu").distances(texts)))
    assert np.diag(table) == pytest.approx(0, abs=2e-3)
    assert table[~np.eye(3, dtype=bool)].min() > 0.005
    found = list(find_similar(SOURCES[:3], problems, config.model_copy(update={"max_distance": 0.004}), 0.95))
    assert [[one.problem for one in row or ()] for row in found] == [[0], [1], [2]]


def test_what_is_embedded_of_a_problem() -> None:
    function = 'def f(x):\n    """Says x."""\n    return x\n'
    assert problem_text(Problem("P/0", "import os\n\n\n" + function[:30], "f", function[30:], "")) == function
    # MBPP says what is asked above the function, a few examples in prose say it of other functions.
    assert problem_text(Problem("P/1", '"""Say x."""\n', "f", function, "")) == '"""Say x."""\n' + function
    assert problem_text(Problem("P/2", "Here are some tasks: [BEGIN]\n", "f", function, "")) == function
    assert problem_text(Problem("P/3", function[:30], "f", "", "")) == ""
