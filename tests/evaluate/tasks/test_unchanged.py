import pytest

from hornbook.evaluate.tasks.task import Task
from hornbook.evaluate.tasks.unchanged import UNCHANGED_TASKS

from .cases import Cases, changed, check_cases

LOOP = """
    result = []
    for n in numbers:
        if n % 3:
            result.append(n)
        else:
            result.append(n * 2)
    return result
"""
IN_PLACE = """
    for i, n in enumerate(numbers):
        if n % 3 == 0:
            numbers[i] += n
    return numbers
"""


@pytest.mark.parametrize("task", UNCHANGED_TASKS, ids=lambda task: task.task_id)
def test_unchanged(task: Task) -> None:
    def wrong(*replacements: tuple[str, str]) -> str:
        return changed(task.reference, *replacements)

    check_cases(
        Cases(
            task,
            [LOOP, IN_PLACE],
            [
                (wrong((" if number % 3 == 0 else number", "")), {"others unchanged"}),
                (
                    wrong(
                        (
                            " if number % 3 == 0 else number for number in numbers]",
                            " for number in numbers if number % 3 == 0]",
                        )
                    ),
                    {"others unchanged", "one for each number, in order"},
                ),
                (wrong(("2 * number if", "number if")), {"multiples of 3 doubled", "others unchanged"}),
                (
                    wrong(("2 * number if", "number ** 2 if")),
                    {"multiples of 3 doubled", "one for each number, in order"},
                ),
                (wrong(("% 3", "% 2")), {"multiples of 3 doubled", "others unchanged"}),
                (wrong(("else number", "else 0")), {"others unchanged", "one for each number, in order"}),
                (
                    wrong(("return [", "return sorted(["), ("in numbers]", "in numbers])")),
                    {"one for each number, in order"},
                ),
                (changed(IN_PLACE, ("    return numbers\n", "")), {"returns a list of numbers"}),
            ],
        )
    )
