"""The words that a language model is asked with: one Jinja template per file, named `purpose.part.jinja`."""

from __future__ import annotations

import functools
import hashlib
import re
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

SUFFIX = ".jinja"


def render(name: str, **values: str) -> str:
    """A prompt with its values filled in. Raises jinja2.UndefinedError where one is missing.

    Every template may use `fence`, a row of backticks longer than any in the values, so that no value ends the block
    that it stands in.
    """
    # A lone surrogate is valid in JSON, where completions come from, and in no request.
    sendable = {key: value.encode("utf-8", "replace").decode() for key, value in values.items()}
    longest = max((len(row) for value in sendable.values() for row in re.findall("`+", value)), default=0)
    return _template(name).render(fence="`" * max(3, longest + 1), **sendable)


def prompts_identity(purpose: str) -> str:
    """Hex sha256 of all prompts of a purpose, for the fingerprint of a stage that asks with them."""
    files = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in resources.files(__name__).iterdir()
        if entry.name.startswith(f"{purpose}.") and entry.name.endswith(SUFFIX)
    }
    assert files, purpose
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{files[name]}\0".encode())
    return digest.hexdigest()


@functools.cache
def _template(name: str) -> Template:
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    return environment.from_string((resources.files(__name__) / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
