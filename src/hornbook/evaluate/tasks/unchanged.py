"""What stays "unchanged" in three phrasings of one instruction (after appendix B, sensitivity to the prompt)."""

from hornbook.evaluate.tasks.task import Clause, Task, graded

PHRASINGS = (
    "Return a list in which each number that is divisible by 3 is doubled and every other number is unchanged.",
    "Double the multiples of 3 in the list and leave the rest as it is. Return the list.",
    "If a number can be divided by 3, twice the number goes into the result, otherwise the number itself.\n"
    "    Return all of them in order.",
)

PROMPT = '''from typing import List


def {name}(numbers: List[int]) -> List[int]:
    """
    {instruction}
    """
'''

REFERENCE = """
    return [2 * number if number % 3 == 0 else number for number in numbers]
"""

PREAMBLE = """
def result_of(candidate, numbers):
    # A list that is changed in place and not returned shows what was understood all the same.
    given = list(numbers)
    result = candidate(given)
    assert result is not None or given != numbers, "nothing is returned and nothing is changed"
    return given if result is None else result
"""

RUNS = """
def check(candidate):
    candidate([4, 9, 5])
"""

A_LIST = """
def check(candidate):
    result = candidate([400, 900, 500])
    assert isinstance(result, list) and result, f"returned {result!r:.60}"
    assert all(type(number) is int for number in result), f"returned {result!r:.60}"
"""

DOUBLED = """
def check(candidate):
    for numbers in ([400, 903, 500], [-603, 100], [303, 1200]):
        result = result_of(candidate, numbers)
        for number in numbers:
            if number % 3 == 0:
                assert 2 * number in result and number not in result, f"{numbers} gives {result}"
"""

UNCHANGED = """
def check(candidate):
    for numbers in ([401, 900, 500], [-601, 99], [301, 1203]):
        result = result_of(candidate, numbers)
        assert result != numbers, f"{numbers} stays as it is"
        for number in numbers:
            if number % 3:
                assert number in result and 2 * number not in result, f"{numbers} gives {result}"
"""

ONE_EACH = """
def check(candidate):
    # Which number became which is seen from its size alone, whatever was done to it.
    numbers = [10, 20_002, 1_000_001, 105, 9_999, 2_000_001]
    result = result_of(candidate, numbers)
    assert len(result) == len(numbers), f"{len(result)} of {len(numbers)} numbers"
    pairs = zip(numbers, result)
    assert all(0.4 * before <= after <= 4 * before for before, after in pairs), f"{numbers} gives {result}"
"""

ALL = """
def check(candidate):
    import random
    draw = random.Random(3)
    for size in range(30):
        numbers = [draw.randrange(-20, 21) for _ in range(size)]
        expected = [2 * number if number % 3 == 0 else number for number in numbers]
        result = candidate(list(numbers))
        assert result == expected, f"{numbers} gives {result}"
"""


def _task(number: int, instruction: str) -> Task:
    return graded(
        task_id=f"unchanged_{number}",
        title=f"Some change, others do not: phrasing {number}",
        shows="Whether the same instruction in other words gets the same answer.",
        source="appendix B",
        prompt=PROMPT.format(name="double_multiples", instruction=instruction),
        entry_point="double_multiples",
        preamble=PREAMBLE,
        runs=RUNS,
        api=Clause("returns a list of numbers", A_LIST),
        clauses=(
            Clause("multiples of 3 doubled", DOUBLED),
            Clause("others unchanged", UNCHANGED),
            Clause("one for each number, in order", ONE_EACH),
        ),
        all_correct=ALL,
        reference=REFERENCE,
    )


UNCHANGED_TASKS = tuple(_task(number, instruction) for number, instruction in enumerate(PHRASINGS, start=1))
