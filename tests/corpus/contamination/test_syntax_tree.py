import ast

import pytest

from hornbook.corpus.contamination.syntax_tree import functions_of, serialise


def tree(source: str) -> str:
    return serialise(ast.parse(source))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x = 1", "other = 'text'"),
        ("f(a, b)", "g(c, d)"),
        ("s.upper()", "t.split()"),
        ("def f(a: int = 3, *b) -> str:\n    return a", "def g(x=4, *y):\n    return y"),
        ("@cached\ndef f():\n    pass", "def f():\n    pass"),
        ("def f():\n    'What it does.'\n    return 1", "def g():\n    return 2  # a comment"),
        ("x: int = 1", "x = 1"),
        ("async def f():\n    pass", "def f():\n    pass"),
        ("import os.path as p", "import sys"),
        ("f'{a} and {b}'", "f'{c} or {d!r}'"),
        ("global x, y", "global z"),
    ],
)
def test_what_is_left_out(first: str, second: str) -> None:
    assert tree(first) == tree(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a + b", "a - b"),
        ("a < b", "a <= b"),
        ("a and b", "a or b"),
        ("x[1:]", "x[:1]"),
        ("x[::2]", "x[:2]"),
        ("f(g(a), b)", "f(g(a, b))"),
        ("f(a)", "f(*a)"),
        ("f(a)", "f(key=a)"),
        ("[a, [b]]", "[[a], b]"),
        ("a < b < c", "(a < b) < c"),
        ("if a:\n    x\n    y", "if a:\n    x\nelse:\n    y"),
        ("if a:\n    x\ny", "if a:\n    x\n    y"),
        (
            "if b:\n    if a:\n        x\n    y\nelse:\n    z",
            "if b:\n    if a:\n        x\n    else:\n        y\n    z",
        ),
        ("for a in b:\n    c\nelse:\n    d", "for a in b:\n    c\n    d"),
        ("try:\n    a\nexcept E:\n    b\nelse:\n    c", "try:\n    a\nexcept E:\n    b\nfinally:\n    c"),
        ("lambda a, b: c", "lambda a, b=1: c"),
        ("lambda *a: b", "lambda **a: b"),
        ("return_ = yield_", "return_ = (yield_,)"),
        ("[x for x in a if b]", "[x for x in a for b in c]"),
        ("with a as b:\n    pass", "with a, b:\n    pass"),
        ("match a:\n    case [b]:\n        pass", "match a:\n    case {1: b}:\n        pass"),
        ("while a:\n    break", "while a:\n    continue"),
    ],
)
def test_what_counts(first: str, second: str) -> None:
    assert tree(first) != tree(second)


def test_every_kind_of_node_has_a_character_of_its_own() -> None:
    source = "def f(a):\n    return [a]\n"
    function = ast.parse(source).body[0]
    assert len(serialise(function)) == len(["FunctionDef", "arguments", "arg", "Return", "List", "Name", "end", "end"])
    assert len(set(serialise(function))) == 7


def test_a_chain_deeper_than_pythons_stack() -> None:
    depth = 3000
    node: ast.expr = ast.Name("a")
    for _ in range(depth):
        node = ast.BinOp(node, ast.Add(), ast.Name("a"))
    assert len(serialise(node)) == 3 * depth + 1


SOURCE = """import os


def outer(a):
    \"\"\"Doc.\"\"\"
    def inner(b):
        return b
    return inner(a)


class Box:
    @property
    def size(self):
        return 1
"""


def test_functions_and_where_they_stand() -> None:
    found = functions_of(SOURCE)
    assert found is not None
    assert [(one.name, one.first_line, one.last_line) for one in found] == [
        ("outer", 4, 8),
        ("inner", 6, 7),
        ("size", 13, 14),
    ]
    assert found[1].text(SOURCE) == "def inner(b):\n    return b\n"
    assert found[2].text(SOURCE) == "def size(self):\n    return 1\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_where_python_ends_them(end: str) -> None:
    source = f"x = '\u2028'{end}\f{end}def f():{end}    return 1{end}"
    (found,) = functions_of(source) or ()
    assert found.text(source) == "def f():\n    return 1\n"


def test_a_source_without_a_function_is_one() -> None:
    (whole,) = functions_of("x = 1\nprint(x)\n") or ()
    assert (whole.name, whole.first_line, whole.tree) == ("", 1, tree("y = 2\nlen(y)"))
    assert whole.text("x = 1\nprint(x)\n") == "x = 1\nprint(x)\n"


@pytest.mark.parametrize("source", ["def f(:", "print 'a'", "x = '\0'", "(" * 300, "\ud800"])
def test_what_does_not_parse(source: str) -> None:
    assert functions_of(source) is None
