import pytest

from hornbook.evaluate import clauses
from hornbook.evaluate.clauses import grade_completions, grade_verdict
from hornbook.evaluate.sandbox import Verdict, VerdictName
from hornbook.evaluate.tasks import TASKS
from hornbook.evaluate.tasks.task import Clause, graded


def small_task(**changes: str) -> clauses.Task:
    sources = {
        "runs": "def check(candidate):\n    candidate()\n",
        "all_correct": "def check(candidate):\n    assert candidate() == 6\n",
        **changes,
    }
    return graded(
        task_id="six",
        title="Six",
        shows="",
        source="",
        prompt='def six():\n    """Return six."""\n',
        entry_point="six",
        api=Clause("a number", "def check(candidate):\n    assert isinstance(candidate(), int), 'no number'\n"),
        clauses=(Clause("even", "def check(candidate):\n    assert candidate() % 2 == 0\n"),),
        reference="\n    return 6\n",
        **sources,
    )


def grade(task: clauses.Task, *completions: str) -> list[list[tuple[str, bool, str]]]:
    found = grade_completions([(task, text) for text in completions], policy="required", workers=2)
    return [[(one.level, one.is_met, one.detail) for one in results] for results in found]


def test_each_level_is_judged_by_itself_and_says_why() -> None:
    right, wrong, raising, broken = grade(
        small_task(), "\n    return 6\n", "\n    return 5\n", "\n    return 1 / 0\n", "\n    return ((\n"
    )
    assert right == [(level, True, "") for level in ("parses", "runs", "api", "clause", "all_correct")]
    assert wrong == [
        ("parses", True, ""),
        ("runs", True, ""),
        ("api", True, ""),
        ("clause", False, "wrong answer: assert candidate() % 2 == 0"),
        ("all_correct", False, "wrong answer: assert candidate() == 6"),
    ]
    assert [is_met for _, is_met, _ in raising] == [True, False, False, False, False]
    assert raising[2][2] == "exception: ZeroDivisionError: division by zero"
    assert [is_met for _, is_met, _ in broken] == [False] * 5
    assert broken[4][2].startswith("syntax error: SyntaxError: '(' was never closed (<program>, line 3)")


def test_what_is_not_all_met_is_not_all_correct() -> None:
    (found,) = grade(small_task(all_correct="def check(candidate):\n    pass\n"), "\n    return 5\n")
    assert found[-1] == ("all_correct", False, "not all of the above")


def test_a_program_that_hangs_or_crashes_is_started_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clauses, "TASK_LIMITS", clauses.Limits(timeout_s=1.0))
    started: list[int] = []

    class Counting(clauses.Sandbox):
        def run_all(self, programs, **settings):  # type: ignore[no-untyped-def]
            started.append(len(programs))
            return super().run_all(programs, **settings)

    monkeypatch.setattr(clauses, "Sandbox", Counting)
    hanging, leaving = grade(small_task(), "\n    while True:\n        pass\n", "\n    import os\n    os._exit(0)\n")
    assert started == [2, 0]
    assert [is_met for _, is_met, _ in hanging] == [is_met for _, is_met, _ in leaving] == [True] + [False] * 4
    assert {detail for _, _, detail in hanging[1:]} == {"timed out: still running when its time was up"}
    assert leaving[1][2].startswith("crashed")


def test_line_numbers_in_messages_are_the_readers_also_behind_a_stand_in() -> None:
    task = TASKS["form"]
    (found,) = grade(task, "\n    return ((\n")
    line = len(task.prompt.rstrip().splitlines()) + 1
    assert f"line {line})" in found[0][2]


@pytest.mark.parametrize(
    ("verdict", "met"),
    [
        ("passed", {"parses", "runs", "all correct"}),
        ("wrong_answer", {"parses", "runs"}),
        ("exception", {"parses"}),
        ("timed_out", {"parses"}),
        ("crashed", {"parses"}),
        ("syntax_error", set()),
    ],
)
def test_a_problems_grade_is_read_off_its_verdict(verdict: VerdictName, met: set[str]) -> None:
    results = grade_verdict(Verdict(verdict == "passed", verdict, "why", 0.1))
    assert {result.name for result in results if result.is_met} == met
    assert {result.detail for result in results if not result.is_met} <= {f"{verdict.replace('_', ' ')}: why"}
