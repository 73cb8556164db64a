"""Replies read into drafts: what is tolerated, and one case per reason to drop."""

import ast

import pytest

from hornbook.synthesize.read_exercise import Claim, Unreadable, read_exercise, structure_of

GOOD = '''```python
from typing import List, Optional
import math

def find_odd_ages(ages: List[int], limit: int = 3) -> Optional[int]:
    """Return the first odd age above the limit.

    If there is none, return None.

    Example:
    >>> find_odd_ages([2, 5])
    7
    """

    for age in ages:  # in order
        if age % 2 and age > limit:
            return age
    return None


assert find_odd_ages([2, 5]) == 5
assert find_odd_ages([3, 9], limit=4) == 9
assert find_odd_ages([]) is None
assert not find_odd_ages([4])
assert find_odd_ages([5, 7]) > 3
assert find_odd_ages(list(range(3))) == 1
assert 11 == find_odd_ages([11])
```'''


def test_golden() -> None:
    draft = read_exercise(GOOD)
    assert draft.imports == "from typing import List, Optional\n"
    assert draft.signature == "def find_odd_ages(ages: List[int], limit: int = 3) -> Optional[int]:\n"
    assert draft.docstring == "Return the first odd age above the limit.\n\nIf there is none, return None."
    assert draft.solution.startswith("    for age in ages:  # in order\n")
    assert draft.solution.endswith("    return None\n")
    assert draft.claims == (
        Claim("[2, 5]", "5"),
        Claim("[3, 9], limit=4", "9"),
        Claim("[]", "None"),
        Claim("[4]", "False"),
        Claim("[11]", "11"),
    )


@pytest.mark.parametrize(
    "text",
    [
        f"Sure! Here it is:\n\n{GOOD}\n\nThis function finds an age.",
        GOOD.removeprefix("```python\n").removesuffix("```"),
        GOOD.removesuffix("```"),
        GOOD.replace("\n\nassert", "\n```\nand the tests:\n```python\nassert", 1),
        GOOD.replace("```python", "```py"),
        GOOD.replace("\n", "\r\n"),
    ],
)
def test_what_stands_around_the_code_does_not_matter(text: str) -> None:
    assert read_exercise(text) == read_exercise(GOOD)


def test_a_forgotten_import_of_typing_is_added() -> None:
    text = GOOD.replace("from typing import List, Optional\n", "")
    assert read_exercise(text).imports == "from typing import List, Optional\n"


DOCSTRING = '"""Return it."""'


def reply(
    body: str = "    return x + 1", docstring: str = f"    {DOCSTRING}\n", before: str = "", after: str = ""
) -> str:
    tests = "assert f(1) == 2\nassert f(2) == 3\n"
    return f"```python\n{before}def f(x: int) -> int:\n{docstring}{body}\n\n\n{after}{tests}```"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no_code", "I cannot write this."),
        ("no_code", "```python\nassert f(1) == 2\n```"),
        ("syntax_error", reply("    return (")),
        ("several_functions", reply(before="def g(x: int) -> int:\n    return x\n\n\n")),
        ("several_functions", reply(before="class A:\n    pass\n\n\n")),
        ("odd_signature", reply(before="@cache\n")),
        ("import_not_allowed", reply(before="import os\n\n\n")),
        ("import_not_allowed", reply("    import random\n    return random.randint(x, x)")),
        ("no_type_hints", reply().replace("x: int", "x")),
        ("no_type_hints", reply().replace(" -> int", "")),
        ("no_docstring", reply(docstring="")),
        ("no_docstring", reply(docstring='    """>>> f(1)\n    2\n    """\n')),
        ("odd_docstring", reply(docstring='    """Return \\\\n."""\n')),
        ("no_solution", reply("")),
        ("odd_indentation", reply("  return x + 1", f"  {DOCSTRING}\n")),
        ("trivial", reply("    return x")),
        ("trivial", reply("    pass")),
        ("trivial", reply("    return 0")),
        ("prints_or_reads", reply("    print(x)\n    return x + 1")),
        ("too_long", reply("    x += 1\n" * 40 + "    return x")),
        ("no_asserts", reply().replace("assert f", "assert g")),
    ],
)
def test_every_reason(reason: str, text: str) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read_exercise(text)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (
            'def g(c: list) -> int:\n    """Else."""\n    t: int = 0\n    for v in c:\n        t += v\n    return t',
            True,
        ),
        ("def f(a):\n    b = 1\n    for c in a:\n        b += c\n    return b", False),
        ("def f(a):\n    b = 0\n    for c in sorted(a):\n        b += c\n    return b", False),
        ("def f(a):\n    b = 0\n    for c in a:\n        b += a\n    return b", False),
    ],
)
def test_structure(other: str, is_same: bool) -> None:
    def structure(source: str) -> bytes:
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.FunctionDef)
        return structure_of(function)

    base = structure("def f(a):\n    b = 0\n    for c in a:\n        b += c\n    return b")
    assert (structure(other) == base) is is_same


def test_reading_the_structure_leaves_the_function_as_it_is() -> None:
    function = ast.parse("def f(a):\n    def g(b):\n        return b\n    return g(a)").body[0]
    assert isinstance(function, ast.FunctionDef)
    before = ast.dump(function)
    structure_of(function)
    assert ast.dump(function) == before
