"""The unconventional problems that ship with hornbook (after section 4 of the paper)."""

from __future__ import annotations

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.unconventional import load_unconventional


def load_unconventional_set() -> ProblemSet:
    """The problems as a set that is judged by its tests."""
    return ProblemSet("unconventional", tuple(load_unconventional()), FUNCTION, "written for hornbook")
