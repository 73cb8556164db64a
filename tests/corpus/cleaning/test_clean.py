import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning.clean import Cleaned, Dropped, clean
from hornbook.corpus.sources.protocol import Kind, RawFile
from hornbook.recipe import CollectConfig

CONFIG = CollectConfig(min_chars=40, max_chars=2000, max_line_chars=120)
BODY = "def double(number):\n    return number * 2\n\n\nprint(double(2))\n"
KEY = '"AKIA' + 'QWERTZ23UIOPASDF"'


def raw(content: bytes | str, path: str = "file.py", license: str = "MIT", kind: Kind = "python") -> RawFile:
    return RawFile("o-1", path, license, content, kind)


def notebook(source: str) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": source}], "nbformat": 4}).encode()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (raw(b""), "empty"),
        (raw(b"\n \n\t\n"), "empty"),
        (raw(b"x = 1\n"), "too_short"),
        (raw(b"x = 1\n" * 400), "too_large"),
        (raw(b"x = 1\n" * 4000), "too_large"),
        (raw(BODY + "# " + "x" * 200), "too_long_lines"),
        (raw(BODY.encode() + b"\xff\x00"), "not_utf8"),
        (raw(b"# coding: nonsense\n" + BODY.encode()), "not_utf8"),
        (raw("x = '\ud800'\n" + BODY), "not_utf8"),
        (raw(BODY + "def (\n"), "syntax_error"),
        (raw(BODY + "\0"), "syntax_error"),
        (raw(BODY * 6 + "(\n" * 210 + ")\n" * 210), "syntax_error"),
        (raw("# Automatically generated, do not touch.\n" + BODY), "auto_generated"),
        (raw(BODY, path="message_pb2.py"), "auto_generated"),
        (raw("# Vendored from another project\n" + BODY), "vendored_copy"),
        (raw(BODY, path="_vendor/six.py"), "vendored_copy"),
        (raw(BODY, path="tests/test_double.py"), "test_file"),
        (raw(BODY, path="double.min.py"), "minified"),
        (raw(("a=1;" * 28 + "\n") * 5), "minified"),
        (raw("TABLE = [\n" + "    1, 2, 3,\n" * 20 + "]\n"), "mostly_data"),
        (raw(BODY + f"key = {KEY}\n"), "secret_found"),
        (raw(BODY, license=""), "license_unknown"),
        (raw(BODY, license="GPL-3.0-only"), "license_not_permissive"),
        (raw("# SPDX-License-Identifier: GPL-2.0-or-later\n" + BODY), "license_not_permissive"),
        (raw(b"{", kind="notebook"), "notebook_broken"),
        (
            raw(b'{"cells": [], "metadata": {"language_info": {"name": "julia"}}}', kind="notebook"),
            "notebook_not_python",
        ),
        (raw(notebook(""), kind="notebook"), "empty"),
        (raw(notebook(BODY + "def (\n"), kind="notebook"), "syntax_error"),
        (raw(notebook("x = 1\n" * 400), kind="notebook"), "too_large"),
        (raw("words " * 20, license="", kind="prose"), "license_unknown"),
        (raw("words " * 20 + KEY, license="CC-BY-SA-4.0", kind="prose"), "secret_found"),
        (RawFile("o-1", "tests/x.py", "MIT", b"", drop_reason="link"), "link"),
    ],
)
def test_drop_reason(given: RawFile, reason: str) -> None:
    assert clean(given, CONFIG) == Dropped(reason)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (raw(BODY), Cleaned(BODY, (), "MIT")),
        (raw(BODY.replace("\n", "\r\n").encode("utf-8-sig")), Cleaned(BODY, (), "MIT")),
        (raw((BODY + "# é\n").encode("latin-1")), Cleaned(BODY + "# é\n", ("latin1",), "MIT")),
        (
            raw("# Ada <ada@lovelace.org>, 93.184.216.34\n" + BODY),
            Cleaned("# Ada <email@example.com>, 192.0.2.1\n" + BODY, ("masked_email", "masked_ip"), "MIT"),
        ),
        (
            raw("# SPDX-License-Identifier: BSD-3-Clause\n" + BODY, license=""),
            Cleaned("# SPDX-License-Identifier: BSD-3-Clause\n" + BODY, (), "BSD-3-Clause"),
        ),
        (raw(notebook("%pylab\n" + BODY), kind="notebook"), Cleaned("# %pylab\n" + BODY, ("notebook",), "MIT")),
        # Prose need not be Python, may have long lines, and is under the site's licence.
        (
            raw("Ask ada@lovelace.org. " * 20, path="tests/test_x.py", license="CC-BY-SA-4.0", kind="prose"),
            Cleaned("Ask email@example.com. " * 20, ("masked_email",), "CC-BY-SA-4.0"),
        ),
    ],
)
def test_cleaned(given: RawFile, expected: Cleaned) -> None:
    assert clean(given, CONFIG) == expected


def test_addresses_stay_where_the_recipe_says_so() -> None:
    text = "# Ada <ada@lovelace.org>\n" + BODY
    assert clean(raw(text), CONFIG.model_copy(update={"mask_addresses": False})) == Cleaned(text, (), "MIT")


kinds: st.SearchStrategy[Any] = st.sampled_from(["python", "notebook", "prose"])
contents = st.binary(max_size=300) | st.text(max_size=300) | st.text(max_size=200).map(lambda text: BODY + text)


@given(contents, kinds, st.text(max_size=20), st.sampled_from(["MIT", "", "no licence", "GPL-2.0-only"]))
def test_total(content: bytes | str, kind: Kind, path: str, license: str) -> None:
    config = CollectConfig(min_chars=1, max_chars=250)
    outcome = clean(RawFile("o", path, license, content, kind), config)
    if isinstance(outcome, Dropped):
        assert outcome.reason.replace("_", "").isalnum()
        return
    assert len(outcome.text) <= config.max_chars + 200
    assert outcome.text.encode().decode() == outcome.text
    assert outcome.license
    if kind != "prose":
        ast.parse(outcome.text)
        # What was cleaned is clean.
        again = clean(RawFile("o", "", outcome.license, outcome.text), config)
        assert again == Cleaned(outcome.text, (), outcome.license)
