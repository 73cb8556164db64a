"""The rubric puts files in the order a teacher would, and says why."""

import re
import sys
import time
from pathlib import Path

import pytest

from hornbook.teacher.builtin import ExerciseTeacher, RubricTeacher
from hornbook.teacher.builtin.annotate import POINTS

TEACHING = '''"""Small tools for lists of numbers."""


def running_totals(numbers):
    """Return the sums of the first one, two, three, ... numbers."""
    totals = []
    total = 0
    # Each number adds to what came before it.
    for number in numbers:
        total += number
        totals.append(total)
    return totals


def largest(numbers):
    """Return the largest number, or None when there are none."""
    best = None
    for number in numbers:
        if best is None or number > best:
            best = number
    return best
'''
UNDOCUMENTED = re.sub(r'^ *(""".*?"""|#.*)\n', "", TEACHING, flags=re.MULTILINE)
HEAVY = "import numpy\nimport pandas\nfrom torch import nn\nfrom . import settings\n" + TEACHING
TABLE = "NAMES = {\n" + "".join(f"    'key{i}': {i},\n" for i in range(60)) + "}\n"
REEXPORT = "from .one import a, b\nfrom .two import c\n\n__all__ = ['a', 'b', 'c']\n"
ATTRIBUTES = "class Settings:\n" + "".join(f"    option_{i} = {i}\n" for i in range(30))
PARSER = (
    "import argparse\n\n\ndef main(argv):\n    parser = argparse.ArgumentParser()\n"
    + "".join(f"    parser.add_argument('--option{i}')\n" for i in range(20))
    + "    return parser.parse_args(argv)\n"
)
LONG = (
    "def compute(numbers):\n    total = 0\n"
    + "    for n in numbers:\n        total += n\n" * 600
    + "    return total\n"
)


def score(text: str) -> float:
    return RubricTeacher().annotate(text)[0]


def test_points_add_up_to_ten() -> None:
    assert sum(POINTS.values()) == pytest.approx(10)


def test_a_teaching_file_earns_nearly_everything() -> None:
    value, reason = RubricTeacher().annotate(TEACHING)
    assert value > 9.5
    assert "self-contained 1.50/1.5 (only the standard library)" in reason
    assert "documented 1.80/2 (3 of 3 docstrings, 1 comment lines)" in reason
    assert "algorithmic 4.00/4 (2 of 2 functions compute a result with control flow)" in reason
    assert [part.rsplit(" ", 1)[0] for part in re.findall(r"(?:^|; )([a-z -]+ [\d.]+/)", reason)] == list(POINTS)


@pytest.mark.parametrize(
    ("worse", "finding"),
    [
        (UNDOCUMENTED, "documented 0.00/2 (0 of 3 docstrings, 0 comment lines)"),
        (HEAVY, "self-contained 0.00/1.5 (needs ., numpy, pandas, ...)"),
        (LONG, "longest function 1203 lines"),
        (TABLE, "62 of 62 lines are data tables, but no function to learn from"),
        (REEXPORT, "no function to learn from"),
        (ATTRIBUTES, "31 of 31 lines are attribute-only classes"),
        (PARSER, "23 of 26 lines are argument parsers"),
    ],
)
def test_each_fault_costs_and_is_named(worse: str, finding: str) -> None:
    value, reason = RubricTeacher().annotate(worse)
    assert finding in reason
    assert value < score(TEACHING) - 1


def test_order() -> None:
    assert score(TEACHING) > score(HEAVY) > score(PARSER) > score(TABLE) > 0
    assert score(TEACHING) > score(UNDOCUMENTED) > score(REEXPORT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:\n", "not Python: .* at line 1"),
        ("print 'hello'\n", "not Python: .* at line 1"),
        ("a\x00b", "not Python: "),
        ("", "empty: no statements"),
        ("# only a comment\n", "empty: no statements"),
        ("x = " + "(" * 500 + ")" * 500, "not Python: "),
        ("\udcff = 1", "not Python: "),
    ],
)
def test_odd_input_scores_nothing_and_says_why(text: str, reason: str) -> None:
    value, given = RubricTeacher().annotate(text)
    assert value == 0.0
    assert re.match(reason, given)


@pytest.mark.parametrize(
    "text", ["x = " + "-" * 3000 + "1", "x = " + "+".join("1" * 3000), "s = '\\d'\n", "\ufeffx = 1"]
)
def test_deep_or_strange_files_do_not_raise(text: str) -> None:
    value, reason = RubricTeacher().annotate(text)
    assert 0.0 <= value < 5
    assert reason


def test_exercises_are_worth_more_than_the_median_of_the_standard_library() -> None:
    folder = Path(re.__file__).parent.parent
    files = [path.read_text() for path in sorted(folder.glob("*.py"))[:60]]
    ours = [score(exercise.prompt + exercise.solution) for exercise in ExerciseTeacher(0).exercises(50, "train")]
    theirs = sorted(score(text) for text in files)
    assert sorted(ours)[len(ours) // 2] > theirs[len(theirs) // 2]


@pytest.mark.skipif(sys.gettrace() is not None, reason="timing means nothing under a tracer")
def test_fast_enough_for_a_corpus() -> None:
    text = TEACHING * 20
    started = time.process_time()
    for _ in range(50):
        score(text)
    assert (time.process_time() - started) / 50 < 0.05
