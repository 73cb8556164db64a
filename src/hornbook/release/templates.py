"""The pages' templates: one style, the filters that they share, and no file that a page would fetch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import jinja2

from hornbook.release.text import (
    MODEL_NAMES,
    SET_NAMES,
    code_style,
    interval,
    label_of,
    p_value,
    percent,
    short_count,
)
from hornbook.teacher.budget import show_dollars


def render(template: str, context: Mapping[str, object], package: str = "hornbook.release") -> str:
    """A page for a context, from a template of a package; a name that the context lacks is an error, not a blank."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read(name, package)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "interval": interval,
        "p_value": p_value,
        "label": label_of,
        "short": short_count,
        "dollars": show_dollars,
    }
    environment.globals |= {"SET_NAMES": SET_NAMES, "MODEL_NAMES": MODEL_NAMES, "style": _style()}
    return environment.get_template(template).render(**context)


def _read(name: str, package: str = "hornbook.release") -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def _style() -> str:
    dark = f"@media (prefers-color-scheme: dark) {{\n{code_style('github-dark')}\n}}"
    return "\n".join([_read("style.css"), code_style("friendly"), dark])
