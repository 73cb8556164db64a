from collections.abc import Sequence
from typing import Any, ClassVar, Self

import pytest

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.judging import decide_judging
from hornbook.evaluate.problem_sets import load_set
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.sandbox import Limits, Program, Verdict
from hornbook.records import Problem
from hornbook.run.machine import Machine

MACHINE = Machine(workers=1)


def problem(name: str, reference: str = "    return 1\n", test: str = "    assert candidate() == 1\n") -> Problem:
    head = f"class Box:\n    size = 1\n\n\ndef {name}():\n"
    return Problem(f"T/{name}", head, name, reference, f"def check(candidate):\n{test}")


class RecordingSandbox:
    """Stands in for the sandbox where a test is about who asks it what."""

    asked: ClassVar[list[tuple[float, str, list[Program]]]] = []
    apart_fails: frozenset[str] = frozenset()
    together_fails: frozenset[str] = frozenset()
    seconds = 0.1

    def __init__(self, limits: Limits, *, policy: str) -> None:
        self.limits, self.policy = limits, policy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run_all(self, programs: Sequence[Program], *, workers: int, on_progress: Any = None) -> list[Verdict]:
        self.asked.append((self.limits.timeout_s, self.policy, list(programs)))
        verdicts = []
        for program in programs:
            fails = self.apart_fails if program.judged == "apart" else self.together_fails
            passed = program.entry_point not in fails
            verdicts.append(Verdict(passed, "passed" if passed else "exception", "no", self.seconds))
        return verdicts


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> type[RecordingSandbox]:
    made = type("Made", (RecordingSandbox,), {"asked": []})
    monkeypatch.setattr("hornbook.evaluate.judging.Sandbox", made)
    return made


def test_a_reference_that_fails_apart_is_tried_together(sandbox: type[RecordingSandbox]) -> None:
    sandbox.apart_fails, sandbox.together_fails = frozenset({"b", "c"}), frozenset({"a", "c"})
    found = ProblemSet("trial", tuple(map(problem, "abc")), FUNCTION, "here")
    judging = decide_judging(found, Limits(timeout_s=2.0), Machine(workers=2, sandbox="rlimits"))
    assert [judging.mode(f"T/{name}") for name in "ab"] == ["apart", "together"]
    assert judging.unusable == {"T/c": "its reference does not pass its tests: exception: no"}
    assert [one.task_id for one in judging.usable(found)] == ["T/a", "T/b"]
    (patience, policy, first), (_, _, second) = sandbox.asked
    assert (patience, policy) == (8.0, "rlimits")
    assert [program.entry_point for program in first] == ["a", "b", "c"]
    assert first[0].source == "class Box:\n    size = 1\n\n\ndef a():\n    return 1\n\n"
    assert [(program.entry_point, program.judged) for program in second] == [("b", "together"), ("c", "together")]
    assert judging.count({"T/a", "T/b"}) == {"judged_apart": 1, "judged_together": 1, "left_out": 1}


def test_a_set_is_decided_once(sandbox: type[RecordingSandbox]) -> None:
    found = ProblemSet("once", (problem("once"),), FUNCTION, "here")
    assert decide_judging(found, Limits(), MACHINE) is decide_judging(found, Limits(), MACHINE)
    assert sum(bool(programs) for _, _, programs in sandbox.asked) == 1


def test_a_problem_without_a_reference_is_judged_apart_and_told(sandbox: type[RecordingSandbox]) -> None:
    found = ProblemSet("bare", (problem("bare", reference=""), problem("full")), FUNCTION, "here")
    judging = decide_judging(found, Limits(), MACHINE)
    assert (judging.unchecked, judging.mode("T/bare"), judging.unusable) == ({"T/bare"}, "apart", {})
    assert [program.entry_point for program in sandbox.asked[0][2]] == ["full"]


def test_a_reference_slower_than_programs_may_be_is_told(sandbox: type[RecordingSandbox]) -> None:
    sandbox.seconds = 3.5
    judging = decide_judging(ProblemSet("slow", (problem("slow"),), FUNCTION, "here"), Limits(timeout_s=3.0), MACHINE)
    assert judging.slow == {"T/slow": 3.5}
    assert judging.unusable == {}


def test_all_of_humaneval_can_be_judged_apart() -> None:
    judging = decide_judging(load_set("humaneval"), Limits(), MACHINE)
    assert (judging.together, judging.unusable, judging.unchecked) == (frozenset(), {}, frozenset())


def test_tests_that_need_the_programs_own_objects_are_judged_together() -> None:
    own_class = problem("box", reference="    return Box()\n", test="    assert type(candidate()).__name__ == 'Box'\n")
    wrong = problem("wrong", reference="    return 2\n")
    broken = Problem("T/broken", "def broken():\n", "broken", "    return 1\n", "def check(candidate:\n")
    found = ProblemSet("real", (problem("plain"), own_class, wrong, broken), FUNCTION, "here")
    judging = decide_judging(found, Limits(), MACHINE)
    assert judging.together == {"T/box"}
    assert list(judging.unusable) == ["T/wrong", "T/broken"]
    assert "wrong_answer" in judging.unusable["T/wrong"]
    assert "SyntaxError" in judging.unusable["T/broken"]
