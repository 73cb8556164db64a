import pytest

from hornbook.corpus.contamination.python_source import fenced_python, parse


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
