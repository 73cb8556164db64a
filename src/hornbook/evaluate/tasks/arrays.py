"""Logic over the elements and the indices of several arrays (after appendix A.1)."""

from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''from typing import List


def keep_by_position(first: List[int], second: List[int], third: List[int]) -> List[int]:
    """
    The three lists have the same length. Go through the positions 0, 1, 2, ... in order.
    At an even position, take the element of first if it is greater than the element of second there;
    otherwise take nothing.
    At an odd position, take the sum of the elements of second and third there.
    Leave out every taken value that is equal to its own position.
    Return a list of the values that are left, followed by how many they are.
    """
'''

REFERENCE = """
    kept = []
    for position in range(len(first)):
        if position % 2 == 0:
            if first[position] <= second[position]:
                continue
            value = first[position]
        else:
            value = second[position] + third[position]
        if value != position:
            kept.append(value)
    kept.append(len(kept))
    return kept
"""

# Large values stand for themselves: no sum, count or index of these inputs can be taken for them.
PREAMBLE = """
def has(result, *values):
    return isinstance(result, list) and all(value in result for value in values)
"""

RUNS = """
def check(candidate):
    candidate([9, 2, 5], [4, 1, 8], [7, 6, 3])
"""

A_LIST = """
def check(candidate):
    result = candidate([9000, 1, 8000, 1], [4, 300, 4, 200], [0, 40, 0, 20])
    assert isinstance(result, list) and result, f"returned {result!r:.60}"
    assert all(type(value) is int for value in result), f"returned {result!r:.60}"
"""

EVEN = """
def check(candidate):
    result = candidate([9000, 0, 300, 0, 500], [4000, 0, 700, 0, 500], [1, 0, 1, 0, 1])
    assert has(result, 9000), f"9000 is greater than 4000 but is not taken: {result}"
    assert not {300, 700, 500} & set(result), f"taken although it is not greater: {result}"
"""

ODD = """
def check(candidate):
    result = candidate([1, 5000, 1, 6000], [2, 300, 2, 10], [3, 40, 3, 700])
    assert has(result, 340, 710), f"the sums 340 and 710 are not taken: {result}"
    assert not {5000, 6000} & set(result), f"elements of first are taken: {result}"
"""

LEFT_OUT = """
def check(candidate):
    # Once by odd positions alone and once by even ones: what is taken there is another clause's.
    odd = candidate([1] * 12, [9000, 300] + [9000, 1] * 5, [0, 40, 0, 2, 0, 4, 0, 6, 0, 8, 0, 10])
    even = candidate([0, 1, 2, 1, 900], [-5, 300, -5, 300, -5], [0, 40, 0, 40, 0])
    left_out = (has(odd, 340) and 9 not in odd and 11 not in odd) or (has(even, 900) and 0 not in even)
    assert left_out, f"values equal to their position stay: {odd}"
"""

ORDER = """
def check(candidate):
    result = candidate([900, 1, 100, 1, 500], [-5, 300, -5, 200, -5], [0, 40, 0, 2, 0])
    evens = [value for value in result if value in (900, 100, 500)]
    odds = [value for value in result if value in (340, 202)]
    assert evens == [900, 100, 500] or odds == [340, 202], f"not in order: {result}"
    found = [value for value in result if value in (900, 100, 500, 340, 202)]
    rank = {900: 0, 340: 1, 100: 2, 202: 3, 500: 4}
    assert found == sorted(found, key=rank.get), f"not in order: {result}"
"""

COUNT = """
def check(candidate):
    for lists in (
        ([900, 1, 800, 1, 700], [4, 300, 4, 200, 4], [0, 40, 0, 20, 0]),
        ([900, 1, 1, 1], [4, 300, 4, 200], [0, 40, 0, 20]),
    ):
        result = candidate(*lists)
        assert len(result) > 1 and result[-1] == len(result) - 1, f"how many there are does not stand last: {result}"
"""

ALL = """
def expected(first, second, third):
    kept = []
    for position, (a, b, c) in enumerate(zip(first, second, third)):
        if position % 2:
            value = b + c
        elif a > b:
            value = a
        else:
            continue
        if value != position:
            kept.append(value)
    return kept + [len(kept)]

def check(candidate):
    assert candidate([], [], []) == [0]
    assert candidate([0], [-1], [5]) == [0]
    import random
    draw = random.Random(7)
    for _ in range(200):
        size = draw.randrange(9)
        lists = [[draw.randrange(-4, 9) for _ in range(size)] for _ in range(3)]
        result = list(candidate(*[list(values) for values in lists]))
        assert result == expected(*lists), f"{lists} gives {result}, not {expected(*lists)}"
"""

ARRAYS = graded(
    task_id="arrays",
    title="Logic over several arrays",
    shows="Whether each condition of a compound instruction is understood, and applied to the right thing.",
    source="appendix A.1",
    prompt=PROMPT,
    entry_point="keep_by_position",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("returns a list of numbers", A_LIST),
    clauses=(
        Clause("even positions", EVEN),
        Clause("odd positions", ODD),
        Clause("own position left out", LEFT_OUT),
        Clause("order", ORDER),
        Clause("count at the end", COUNT),
    ),
    all_correct=ALL,
    reference=REFERENCE,
)
