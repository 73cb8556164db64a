import pytest

from hornbook.corpus.overlap import CopyIndex, Match, NgramIndex, words_of
from hornbook.records import Problem

PROBLEM = Problem(
    task_id="P/0",
    prompt='def first_two(numbers):\n    """Give the first two numbers of a list that is sorted by size."""\n',
    entry_point="first_two",
    canonical_solution="    ordered = sorted(numbers)\n    return ordered[:2]\n",
    test="",
)


def test_words() -> None:
    assert words_of("The Cat_2's x1+3\n\tÉtude") == ["the", "cat_2", "s", "x1", "3", "étude"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Give the first two numbers", "give the first two numbers"),
        ("x = 1  # GIVE the\n# first -- two... NUMBERS here", "give the first two numbers"),
        ("give the first two numbers of a list", "give the first two numbers"),
        ("give the first two", None),
        ("give the first three two numbers", None),
        ("numbers two first the give", None),
        # Across the end of the prompt and the beginning of the solution.
        ("sorted by size ordered sorted", "sorted by size ordered sorted"),
        # Two of its words make no run although every one of them is in the problem.
        ("give numbers list ordered return of a sorted", None),
        ("", None),
        ("give", None),
    ],
)
def test_runs_of_five_words(text: str, found: str | None) -> None:
    match = NgramIndex([PROBLEM], 5).find(text)
    assert match == (Match("P/0", found) if found else None)


def test_planted_overlap_is_found_wherever_it_is() -> None:
    index = NgramIndex([PROBLEM], 13)
    words = words_of(PROBLEM.prompt + PROBLEM.canonical_solution)
    filler = [f"filler{number}" for number in range(40)]
    for start in range(len(words) - 12):
        run = words[start : start + 13]
        for position in (0, 1, 20, 39, 40):
            text = " ".join([*filler[:position], *run, *filler[position:]])
            assert index.find(text) == Match("P/0", " ".join(run))
            assert index.find(text.replace(run[6], "changed")) is None


def test_problems_shorter_than_a_run_match_nothing() -> None:
    index = NgramIndex([PROBLEM], 100)
    assert index.find(PROBLEM.prompt + PROBLEM.canonical_solution) is None


def test_no_problems() -> None:
    assert NgramIndex([], 13).find("any text") is None
    assert CopyIndex([]).find("def any(): pass") is None


BARE = "def first_two(numbers):\n    ordered = sorted(numbers)\n    return ordered[:2]"


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        ("Look:\n\n" + PROBLEM.prompt, True),
        ("Look:\n\n" + PROBLEM.prompt.replace("    ", "  ").replace("two numbers", "two\n  numbers"), True),
        ("Look:\n\n" + BARE + "\n\nDone.", True),
        (BARE.replace("ordered", "in_order"), False),
        (BARE.replace("first_two", "first_three"), False),
        ("The function first_two(numbers) sorts.", False),
        ("def first_two(numbers):\n    return sorted(numbers)[:2]", False),
    ],
)
def test_copies(text: str, is_copy: bool) -> None:
    match = CopyIndex([PROBLEM]).find(text)
    assert (match is not None) is is_copy
    if match:
        assert match.task_id == "P/0"
        assert match.text.startswith("def first_two(numbers):")
