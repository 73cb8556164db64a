import pytest

from hornbook.corpus.contamination.overlap import CopyIndex, NgramIndex, docstrings_of, words_of
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
        ("Of them give the first two numbers of a list, sorted", "give the first two numbers of a list"),
        # To the last word of both.
        ("so return ordered 2", None),
        ("so ordered return ordered 2", None),
        ("so numbers return ordered 2", None),
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
    assert (match and (match.task_id, match.text)) == (("P/0", found) if found else None)


def test_planted_overlap_is_found_wherever_it_is() -> None:
    index = NgramIndex([PROBLEM], 13)
    words = words_of(PROBLEM.prompt + PROBLEM.canonical_solution)
    filler = [f"filler{number}" for number in range(40)]
    for start in range(len(words) - 12):
        run = words[start : start + 13]
        for position in (0, 1, 20, 39, 40):
            text = " ".join([*filler[:position], *run, *filler[position:]])
            match = index.find(text)
            assert match is not None
            assert (match.task_id, match.text) == ("P/0", " ".join(run))
            assert index.find(text.replace(run[6], "changed")) is None


def test_a_run_goes_on_as_far_as_both_do() -> None:
    index = NgramIndex([PROBLEM], 3)
    words = words_of(PROBLEM.prompt + PROBLEM.canonical_solution)
    for length in range(3, len(words) + 1):
        for text in (" ".join(words[-length:]), " ".join(["before", *words[-length:], "after"])):
            match = index.find(text)
            assert match is not None
            assert match.text.split() == words[-length:]


ROW = '''import os


def other(a):
    """Do this:

    give the first two
    numbers of a list, please.
    """
    return a
'''


def test_where_a_run_is_and_what_stands_around_it() -> None:
    index = NgramIndex([PROBLEM], 5)
    match = index.find(ROW)
    assert match is not None
    assert (match.where, match.line) == ("docstring", 5)
    assert match.text == "give the first two numbers of a list"
    assert match.row_text == "    give the first two\n    numbers of a list, please."
    assert match.problem_text == "Give the first two numbers of a list that is sorted by size."
    comment = index.find("x = 1\n# give the first\ny = 2 # two numbers\n")
    assert comment is None
    comment = index.find("x = 1\n# İ give the first\n# two numbers\n")
    assert comment is not None
    assert (comment.where, comment.line) == ("text", 2)
    assert comment.row_text == "# İ give the first\n# two numbers"
    # In the code of the problem, not in its docstring.
    code = index.find("by size ordered sorted numbers")
    assert code is not None
    assert code.where == "text"


def test_docstrings_are_read_as_python_reads_them() -> None:
    escaped = 'def f():\n    "Give\\nthe\\nfirst\\ntwo\\nnumbers"\n'
    match = NgramIndex([PROBLEM], 5).find(escaped)
    assert match is not None
    assert (match.where, match.line, match.text) == ("docstring", 2, "give the first two numbers")
    # The first word after a backslash is another word in the source.
    assert "nthe" in words_of(escaped)


def test_the_source_of_a_row_may_be_a_part_of_it() -> None:
    text = f"Some prose.\n\n```python\n{ROW}```\n"
    index = NgramIndex([PROBLEM], 5)
    found, without = index.find(text, "\n" * 3 + ROW), index.find(text)
    assert found is not None
    assert without is not None
    assert (found.where, found.line) == ("docstring", 8)
    assert (without.where, without.line) == ("text", 10)


def test_docstrings() -> None:
    source = '"""A."""\nclass B:\n    "C."\n    async def d(self):\n        """E."""\n    def f(self): pass\n'
    assert docstrings_of(source) == [(1, "A."), (3, "C."), (5, "E.")]
    assert docstrings_of("def f(:") is None


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
