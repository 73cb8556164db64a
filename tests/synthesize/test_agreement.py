"""Exercises accepted by agreement, from further solutions in the cache to rows, and the rule itself."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from hornbook.evaluate.sandbox import Limits
from hornbook.records import Exercise
from hornbook.synthesize import verify_exercise
from hornbook.synthesize.agree import RAISED, Candidates, choose_inputs, find_agreement
from hornbook.synthesize.follow_ups import solution_request
from hornbook.synthesize.read_exercise import ExerciseDraft, read_exercise
from hornbook.synthesize.verify_exercise import Verified, open_sandboxes
from hornbook.teacher.chat import ChatReply
from hornbook.teacher.replies import ReplyCache
from tests.synthesize.test_chat_writing import SEED, name, reply, run_exercises, writer_of

WRONG = "assert {name}([1, 4]) == 7\nassert {name}([]) == 1\nassert {name}([2, 2]) == 9\n"
LOOP = "    total = 0\n    for number in numbers:\n        total += number\n    return total"
FIRST = "    return numbers[0] if numbers else 0"


def draft(body: str) -> ExerciseDraft:
    return read_exercise(reply(name(0), body, WRONG))


def agree(*bodies: str, inputs: Sequence[str] = ("[1, 4]", "[]", "[2, 2]")) -> Verified | str:
    with open_sandboxes("required") as sandboxes:
        (outcome,) = find_agreement([Candidates([draft(body) for body in bodies], inputs)], sandboxes, workers=1)
    return outcome


def test_computed_results_replace_the_stated_ones() -> None:
    outcome = agree("    return sum(numbers)", LOOP)
    assert isinstance(outcome, Verified)
    assert outcome.verdict == "agreed"
    assert [(claim.arguments, claim.expected) for claim in outcome.held] == [
        ("[1, 4]", "5"),
        ("[]", "0"),
        ("[2, 2]", "4"),
    ]
    assert outcome.draft.solution == "    return sum(numbers)\n"


@pytest.mark.parametrize(
    ("bodies", "is_agreed"),
    [
        (["    return sum(numbers)", LOOP, FIRST], True),
        # Who wrote the task may be the one who is wrong.
        ([FIRST, "    return sum(numbers)", LOOP], True),
        (["    return sum(numbers)", FIRST], False),
        # The same solution in other words is no witness.
        (["    return sum(numbers)", "    return sum(numbers)", FIRST], False),
        ([LOOP, LOOP.replace("total", "result")], False),
        # Half is no majority.
        (["    return sum(numbers)", LOOP, FIRST, "    return 2 + 3"], False),
        (["    return sum(numbers)", LOOP, "    while True:\n        numbers = numbers", "    return {}[1]"], False),
    ],
)
def test_a_majority_of_different_solutions_decides(
    bodies: list[str], is_agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of them loops.
    monkeypatch.setattr(verify_exercise, "LIMITS", Limits(timeout_s=1.0))
    outcome = agree(*bodies)
    if is_agreed:
        assert isinstance(outcome, Verified)
        assert "sum" in outcome.draft.solution
    else:
        assert outcome == "no_agreement"


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("    return 3 + 0", "    return 4 - 1", "one_result"),
        ("    return [][1]", "    return {}[1]", "too_few_results"),
        ("    return [numbers] * 99", "    return [numbers for _ in range(99)]", "too_few_results"),
        ("    return (n for n in numbers)", "    return iter(numbers)", "too_few_results"),
    ],
)
def test_what_is_agreed_on_must_make_an_exercise(first: str, second: str, reason: str) -> None:
    assert agree(first, second, inputs=("[12345678]", "[12345679]")) == reason


def test_results_that_depend_on_the_order_of_a_set_are_no_agreement() -> None:
    words = "['a', 'b', 'c', 'd']"
    assert (
        agree("    return list(set(numbers))", "    return [n for n in set(numbers)]", inputs=(words,))
        == "no_agreement"
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            "    return {'b', 'a'}, len(numbers)",
            "    return set('ab'), len(numbers)",
            ["({'a', 'b'}, 1)", "({'a', 'b'}, 2)"],
        ),
        (
            "    return {'x': len(numbers), 'a': 1}",
            "    return {'a': 1} | {'x': len(numbers)}",
            ["{'x': 1, 'a': 1}", "{'x': 2, 'a': 1}"],
        ),
        (
            "    return 0.1 * len(numbers) * 3",
            "    return 0.3 * len(numbers)",
            ["0.30000000000000004", "0.6000000000000001"],
        ),
        ("    return len(numbers),", "    return tuple([len(numbers)])", ["(1,)", "(2,)"]),
    ],
)
def test_results_are_compared_by_what_they_mean(first: str, second: str, expected: list[str]) -> None:
    outcome = agree(first, second, inputs=("[1]", "[1, 2]"))
    assert isinstance(outcome, Verified)
    assert [claim.expected for claim in outcome.held] == expected
    assert [ast.literal_eval(text) for text in expected] == [claim.value for claim in outcome.held]


def test_a_number_and_a_truth_value_differ() -> None:
    assert agree("    return len(numbers) > 1", "    return int(len(numbers) > 1)") == "no_agreement"


def test_inputs_with_new_results_come_first_and_none_that_raises() -> None:
    assert choose_inputs("abcdefg", ("1", RAISED, "1", "2", "1", "3", "1")) == ["a", "d", "f", "c", "e"]


def run_agreement(
    tmp_path: Path, solutions: list[str], **fields: float
) -> tuple[list[Exercise], dict[str, int], dict[str, object]]:
    """One exercise with wrong results, one that holds, and the replies to the requests for further solutions."""
    writer = writer_of(tmp_path)
    wrong = reply(name(0), "    return sum(numbers)", WRONG)
    with ReplyCache(Path(writer.replies)) as cache:
        for number, text in enumerate(solutions, start=1):
            request = solution_request(writer, SEED, 0, number, read_exercise(wrong))
            cache.keep(request, ChatReply(text, "stop", 50, 20, "2026-01-01"))
    made = run_exercises(tmp_path, [wrong, reply(name(1), LOOP)], **fields)
    return list(made.read()), dict(made.facts.drops), dict(made.facts.metrics)


def test_further_solutions_are_asked_for_only_where_the_results_do_not_hold(tmp_path: Path) -> None:
    rows, drops, metrics = run_agreement(
        tmp_path, [reply(name(0), FIRST), reply(name(0), LOOP + " + 0")], num_solutions=3
    )
    agreed, held = rows
    assert (agreed.verdict, held.verdict) == ("agreed", "held")
    assert drops == {}
    assert (metrics["teacher_agreed"], metrics["teacher_held"]) == (1, 1)
    # Two exercises and two solutions of one of them.
    assert metrics["teacher_requests"] == 4
    namespace: dict[str, object] = {}
    exec(agreed.prompt + agreed.solution + agreed.tests, namespace)
    namespace["check"](sum)  # type: ignore[operator]
    assert "== 7" not in agreed.prompt + agreed.tests


def test_solutions_that_disagree_keep_the_exercise_apart(tmp_path: Path) -> None:
    rows, drops, _ = run_agreement(tmp_path, [reply(name(0), FIRST)], num_solutions=2)
    assert [row.verdict for row in rows] == ["held"]
    assert drops == {"no_agreement": 1}


@pytest.mark.parametrize(
    ("solutions", "counted"),
    [
        ([], "solutions_not_recorded"),
        (["I cannot."], "solutions_no_code"),
        ([reply("other", LOOP)], "solutions_other_signature"),
        (
            [reply(name(0), LOOP).replace("numbers: list[int]", "numbers: list[int], start: int")],
            "solutions_other_signature",
        ),
        ([reply(name(0), "    print(numbers)\n    return 1")], "solutions_prints_or_reads"),
    ],
)
def test_without_a_further_solution_the_reason_stays(tmp_path: Path, solutions: list[str], counted: str) -> None:
    _, drops, metrics = run_agreement(tmp_path, solutions, num_solutions=2)
    assert drops == {"tests_fail": 1}
    assert metrics[counted] == 1


def test_without_being_asked_to_no_further_solution_is_asked_for(tmp_path: Path) -> None:
    _, drops, metrics = run_agreement(tmp_path, [reply(name(0), LOOP)])
    assert drops == {"tests_fail": 1}
    assert metrics["teacher_requests"] == 2
