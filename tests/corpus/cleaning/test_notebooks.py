import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning.notebooks import NotebookError, notebook_source
from hornbook.corpus.cleaning.syntax import is_python


def notebook(*cells: tuple[str, Any], language: str = "python") -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": kind, "source": source, "outputs": [{"text": "printed"}]} for kind, source in cells
            ],
            "metadata": {"language_info": {"name": language}},
            "nbformat": 4,
        }
    )


def test_golden() -> None:
    made = notebook_source(
        notebook(
            ("markdown", ["# Title\n", "\n", "Some *prose* with ![a](data:image/png;base64,iVBORw0KGgo=) a picture."]),
            ("code", "%matplotlib inline\n!pip install numpy\nimport numpy as np\nfiles = !ls\nnp?"),
            ("code", ""),
            ("raw", "raw text"),
            ("code", "%%time\ntotal = sum(range(10))"),
            ("code", "%%bash\necho hello"),
            ("code", "if total:\n    !echo yes \\\n      or no\nprint(total)"),
        )
    )
    assert made == (
        "# # Title\n#\n# Some *prose* with ![a]() a picture.\n\n"
        "# %matplotlib inline\n# !pip install numpy\nimport numpy as np\n# files = !ls\n# np?\n\n"
        "# raw text\n\n"
        "# %%time\ntotal = sum(range(10))\n\n"
        "# %%bash\n# echo hello\n\n"
        "if total:\n    pass  # !echo yes \\\n# or no\nprint(total)\n"
    )
    assert is_python(made)


def test_python_that_looks_like_a_magic_stays() -> None:
    source = 'text = """\n%s\n!x\n"""\nprint("%d"\n      % 3)'
    assert notebook_source(notebook(("code", source))) == source + "\n"


def test_long_prose_is_wrapped() -> None:
    made = notebook_source(notebook(("markdown", "word " * 100)))
    assert max(map(len, made.split("\n"))) <= 102
    assert made.count("word") == 100


def test_nbformat_3() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}], "nbformat": 3}
    assert notebook_source(json.dumps(old)) == "a = 1\nb = 2\n"


def test_no_cells_is_an_empty_text() -> None:
    assert notebook_source(notebook()) == ""


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("", "notebook_broken", "not JSON"),
        ("{", "notebook_broken", "not JSON"),
        ("[" * 100_000, "notebook_broken", "not JSON"),
        ("[]", "notebook_broken", "neither 'cells' nor 'worksheets'"),
        ('{"cells": {}}', "notebook_broken", "neither 'cells' nor 'worksheets'"),
        ('{"cells": [1]}', "notebook_broken", "a cell is a int"),
        ('{"cells": [{"source": [1]}]}', "notebook_broken", "neither text nor a list of lines"),
        (notebook(("code", "x <- 1"), language="R"), "notebook_not_python", "'r'"),
    ],
)
def test_drop(text: str, reason: str, detail: str) -> None:
    with pytest.raises(NotebookError, match=detail) as raised:
        notebook_source(text)
    assert raised.value.reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "source", "metadata", "worksheets", "cell_type"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_json_gives_a_text_or_a_reason(value: Any) -> None:
    try:
        made = notebook_source(json.dumps(value))
    except NotebookError as error:
        made = error.reason
    assert made in ("", "notebook_broken", "notebook_not_python") or made.endswith("\n")


@given(st.lists(st.tuples(st.sampled_from(["markdown", "raw"]), st.text(max_size=60)), max_size=4))
def test_prose_is_always_python(cells: list[tuple[str, str]]) -> None:
    made = notebook_source(notebook(*cells))
    assert "\0" in made or is_python(made)
