import ast
import io
import keyword
import random
import tokenize
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning import byte_bits, syntax_kernel, token_kernel
from hornbook.corpus.cleaning.syntax import is_python, parses

SOURCES = sorted(Path(__file__).parents[3].glob("src/hornbook/*/*.py"))


def in_doubt_by_the_tree(text: str) -> bool:
    """The oracle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


TEXTS = [
    "",
    "x = 1",
    "x =",
    "  x = 1",
    "\tif x:\n",
    "if x:\ny\n",
    "if x:\n\ty\n        z\n",
    "def f(:\n",
    "print 'hello'\n",
    "exec 'x'\n",
    "raise E, 'x'\n",
    "try:\n    x\nexcept E, e:\n    y\n",
    "try:\n    x\n",
    "if x <> y: pass\n",
    "x = `y`\n",
    "x = ur'y'\n",
    "x = 10L\n",
    "x = 0777\n",
    "x = '\\x1'\n",
    "path = 'C:\\Users'\n",
    "x = b'é'\n",
    "x = 1\0",
    "\x0cx = 1\n",
    "(" * 210 + ")" * 210,
    "-" * 100_000 + "1",
    "x = '\\d'\n",
    "1 if",
    "x = 1 if y\n",
    "else:\n    x\n",
    "match x:\n    case [1, *_]:\n        pass\n",
    "async def f():\n    await x\n    async with a as b, c: pass\n    return [d async for e in f if g]\n",
    "await x\nreturn 1\nnonlocal y\n",
    '"""doc"""\nfrom __future__ import annotations\n',
    "from __future__ import braces\n",
    "# coding: nonsense\nx = 1\n",
    "from __future__ import hornbook_parses_and_goes_no_further\nx = (\n",
    "from . import (a as b, c,)\nfrom .. d import e\nfrom ... f.g import *\nimport h.i as j, k\n",
    "from .a import\n",
    "import a,\n",
    "with (open(a) as b, c as d):\n    pass\n",
    "x: 'T' = y = 1\n",
    "x: int = 1\nx += yield\n",
    "print(*a, **b, c=d, sep='')\nprint(e for e in f)\nx[1:2, ::3, ...]\n",
    "x = {**a, b: c}\ny = {*a, b}\nz = {a: b for a, b in c}\n",
    "x = {a: b, c}\n",
    "f = lambda a, *b, c=1, **d: (yield)\n",
    "def f(a, /, b: int = 1, *c: T, d, **e) -> T: ...\n",
    "@a.b(c)\n@d\nclass E(F, metaclass=G): pass\n",
    "@a\nx = 1\n",
    "while (x := f()) is not None and y not in z: break\nelse: continue\n",
    "for x, *y in *a, b: pass\n",
    "try: x\nexcept* E: y\n",
    "x = 1; y = 2;\n;\n",
    "f(x=)\n",
    "x = a.1\n",
    "x = 1_000 + 0x_ff + 1e-3j + .5 + 5. + 0b11 + 0o17 + 00\n",
    "x = 1__0\n",
    "\\\n",
    "x = \\\n    1\n",
    "x = 'a' \"b\" '''c\n''' rb'd'\n",
    "'abc\n",
    "f'{x'\nf'}'\n",
    "f'{}'\n",
    "f'{{x}} {y:{z}} {a!r:>{b}}'\n",
    "f'{x}' 'y' rf'{z}\\d'\n",
    "é = ü\n",
    "x, = y\na, b, = c\n",
    "f(a, = 1)\n",
    "x = (" + "'a'\n" * 200 + ")\n",
    "case = 1\nmatch x:\n    case 1: y\n    case z if z: y\n",
    "if x:\n    print 'a'\n",
    "def f(x:\n    pass\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_agrees_with_ast(text: str) -> None:
    assert parses(text) is is_python(text) is in_doubt_by_the_tree(text)


@given(st.text(st.sampled_from(list("ax1 =+()[]{}:,.'\"\n#\\@*%ifr")), max_size=40))
def test_agrees_with_ast_on_anything(text: str) -> None:
    assert parses(text) is in_doubt_by_the_tree(text)
    assert is_python(text) or not parses(text)


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    if text.isprintable() or "\0" in text:
        assert is_python(text) in (True, False)


@pytest.mark.parametrize("text", ["f() = 1\n", "f(a=1, b)\n", "f'{x!z}'\n", "def f(*): pass\n"])
def test_what_the_tables_take_too(text: str) -> None:
    assert is_python(text)
    assert not parses(text)


def test_a_warning_is_no_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parses("x = 1 is 1\ny = '\\d'\n")


def test_the_tables_take_real_code() -> None:
    doubts = [path.name for path in SOURCES if syntax_kernel.doubtful_line(path.read_bytes()) is not None]
    assert len(SOURCES) > 80
    # Those with a `match` statement or an identifier of another script.
    assert len(doubts) <= len(SOURCES) / 20, doubts


def test_tokens_are_those_of_tokenize() -> None:
    compared = 0
    for path in SOURCES[::4]:
        text = path.read_text(encoding="utf-8")
        if syntax_kernel.doubtful_line(text.encode()) is not None:
            continue
        compared += 1
        expected = [
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type in (tokenize.NAME, tokenize.OP, tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE)
        ]
        found = [
            token
            for token in cut(text)
            if token not in (token_kernel.STRING, token_kernel.BYTES, token_kernel.NUMBER, 0)
        ]
        assert len(found) == len(expected), path
        for token, string in zip(found, expected, strict=True):
            if keyword.iskeyword(string):
                assert token_kernel.KEYWORDS[token - token_kernel.FIRST_KEYWORD] == string
            elif len(string) == 1 and not string.isalnum() and string not in "\n\t _":
                assert chr(token) == string
    assert compared > 20


def cut(text: str) -> list[int]:
    data = text.encode()
    tokens = np.empty(2 * len(data) + token_kernel.MAX_INDENTS + 2, dtype=np.uint8)
    tables = token_kernel.CLASSES, token_kernel.KEYWORD_KEYS, token_kernel.KEYWORD_TOKENS
    lines = np.empty((len(data) // 2 + 1, 2), dtype=np.int32)
    count, _ = token_kernel.cut(byte_bits.padded(data), len(data), *tables, tokens, lines)
    assert count > 0
    return [int(token) for token in tokens[:count]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n\nprint 'a'\ny = 2\n", "print 'a'\n"),
        ("class A:\n    def f(a b):  # why\n        pass\n", "def f(a b):  # why\n        pass"),
        ("if x:\n    y = (1,\n  2 3)\n# end\nz\n", "y = (1,\n  2 3)\n# end\n"),
        ("x = '\\N{DASH}'\n", ""),
        ("try:\n    x\ny\n", "y\n"),
        ("if x:\n    y\nelse z:\n    y\n", ""),
        ("match x:\n    case 1: y\n", ""),
        ("  x = 1\n", "x = 1\n"),
    ],
)
def test_the_doubtful_line_stands_alone(text: str, line: str) -> None:
    assert syntax_kernel.doubtful_line(text.encode()) == line.encode()


def test_one_edit_that_breaks_a_file_is_seen() -> None:
    chooser = random.Random(0)
    broken = missed = 0
    small = [path for path in SOURCES if 1000 < path.stat().st_size < 5000]
    for path in chooser.choices(small, k=300):
        text = path.read_text(encoding="utf-8")
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
        ]
        token = chooser.choice(tokens)
        line_start = sum(len(line) + 1 for line in text.split("\n")[: token.start[0] - 1])
        start, stop = line_start + token.start[1], line_start + token.end[1]
        edited = text[:start] + chooser.choice(["", ")", "(", ":", " x ", " if ", " = ", ","]) + text[stop:]
        if not parses(edited):
            broken += 1
            missed += is_python(edited)
    assert broken > 200
    assert missed <= 0.02 * broken
