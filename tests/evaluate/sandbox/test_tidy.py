import pytest

from hornbook.evaluate.sandbox.inside.tidy import is_tidy
from hornbook.run.datasets import humaneval_problems


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def check(candidate):\n    assert candidate(1) == [1, 2][::-1]\n",
        "import math, random\nfrom collections import Counter\nrandom.seed(1)\nx = {}\nx['a'] = math.pi\n",
        "METADATA = {'author': 'x'}\nclass Node:\n    left = None\n    def __eq__(self, o): return True\n",
        "def check(candidate):\n    " + "x = 1\n    " * 300 + "import math\n",
    ],
)
def test_ordinary_tests_leave_nothing(source: str) -> None:
    assert is_tidy(compile(source, "<tests>", "exec"))


@pytest.mark.parametrize(
    "source",
    [
        "import math\nmath.floor = None\n",
        "def check(candidate):\n    import math\n    del math.floor\n",
        "import sys\n",
        "from os import path\n",
        "import importlib\n",
        "setattr(int, 'x', 1)\n",
        "eval('1')\n",
        "globals()['x'] = 1\n",
        "f = lambda: open('x')\n",
        "[].__class__.__base__\n",
        "def check(candidate):\n    class Node:\n        def f(self, x):\n            self.x = x\n",
        "def check(candidate):\n    " + "x = 1\n    " * 300 + "import sys\n",
        "".join(f"a{n} = 0\n" for n in range(400)) + "import sys\n",
    ],
)
def test_tests_that_could_leave_something_are_told(source: str) -> None:
    assert not is_tidy(compile(source, "<tests>", "exec"))


def test_the_tests_of_humaneval_leave_nothing() -> None:
    assert [p.task_id for p in humaneval_problems() if not is_tidy(compile(p.test, "<tests>", "exec"))] == []
