"""Small files in the layouts of the real ones."""

PROBLEM_ROW = {
    "task_id": "T/0",
    "prompt": 'def one():\n    """One."""\n',
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def mbpp_task(number: int, name: str, code: str, tests: list[str], setup: str = "") -> dict[str, object]:
    return {
        "text": f"Write a function {name}.",
        "code": code,
        "task_id": number,
        "test_setup_code": setup,
        "test_list": tests,
        "challenge_test_list": [],
    }


MBPP_TASKS = [
    mbpp_task(2, "double", "def double(x):\r\n  return 2 * x", ["assert double(2) == 4", "assert double(0) == 0"]),
    mbpp_task(3, "halve", "import math\r\ndef halve(x):\r\n  return math.floor(x / 2)", ["assert halve(5) == 2"]),
    mbpp_task(4, "last", "def last(xs):\r\n  return xs[-1]", ["assert last([1, 2]) == 2"]),
    mbpp_task(
        11,
        "both",
        "import re\r\ndef other(x):\r\n  return x if re.match('\\w?', '') else 0\r\n"
        "def both(a, b):\r\n  return (other(a), b)",
        ["assert both(1, 2) == (1, 2) ", 'assert (both("a", None)) == ("a", None)'],
    ),
    mbpp_task(
        510,
        "depth",
        "class Node:\r\n  def __init__(self, inner=None):\r\n    self.inner = inner\r\n"
        "def depth(node):\r\n  return 0 if node is None else 1 + depth(node.inner)",
        ["assert depth(root) == 2", "assert depth(None) == 0"],
        "root = Node()\r\nroot.inner = Node() ",
    ),
]
