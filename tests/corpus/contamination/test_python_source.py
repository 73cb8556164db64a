import pytest

from hornbook.corpus.contamination.python_source import fenced_python, parse, python_of


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "(" * 300, "\ud800"])
def test_what_does_not_parse(source: str) -> None:
    assert parse(source) is None
    assert parse("x = 1") is not None


TEXT = """# Title

```python
def f():
    return 1
```

Prose with `code`, and what is no Python:

```text
def g(): not this
```

```python
def broken(:
```

  ```python title="two"
  x = 1
  ```
"""


def test_blocks_stay_on_their_lines() -> None:
    source, num_unparsed = fenced_python(TEXT)
    assert num_unparsed == 1
    assert source.split("\n")[3:5] == ["def f():", "    return 1"]
    assert source.replace("\n", "") == "def f():    return 1x = 1"
    assert source.count("\n") == TEXT.count("\n")


def test_several_blocks_and_none() -> None:
    source, num_unparsed = fenced_python("```py\na = 1\n```\nand\n```python\nb = 2\n```")
    assert (source, num_unparsed) == ("\na = 1\n\n\n\nb = 2\n", 0)
    assert fenced_python("No code.\n") == ("\n", 0)


def test_bare_and_longer_fences() -> None:
    text = "```\na = 1\n```\nIt says:\n```\nError! No\n```\n````python\nb = '''\n```\n'''\n````\n```` \nc = 1\n`````\n"
    source, num_unparsed = fenced_python(text)
    assert num_unparsed == 0
    assert [line for line in source.split("\n") if line] == ["a = 1", "b = '''", "```", "'''", "c = 1"]
    # What closes a block of another language opens none.
    assert fenced_python("```sh\nls\n```\nx = 1\n```sh\nls\n```\n")[0].strip() == ""


def test_the_python_of_a_file_and_of_a_post() -> None:
    documented = '"""Says:\n\n```\nx = 1\n```\n"""\ny = 2\n'
    assert python_of(documented) == (documented, 0)
    assert python_of("def f(:\n") == ("def f(:\n", 0)
    post = "How?\n\n```\nx = 1\n```\n\n```python\ndef f(:\n```\n"
    assert python_of(post) == ("\n\n\nx = 1\n\n\n\n\n\n", 1)
    prose = "How?\n\n```\nno python\n```\n"
    assert python_of(prose) == (prose, 0)
