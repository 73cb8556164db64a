r"""Exact overlap of texts with the problems that models are evaluated on.

A word is a run of letters, digits and underscores (`\w+`), lower-cased; everything between words is ignored.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hornbook.records import Problem

_WORD = re.compile(r"\w+")
_FUNCTION = re.compile(r"\bdef (\w+)")


@dataclass(frozen=True)
class Match:
    """A run of words that a text and a problem have in common."""

    task_id: str
    text: str


class NgramIndex:
    """The runs of `size` words of some problems' prompts and solutions."""

    def __init__(self, problems: Iterable[Problem], size: int) -> None:
        self.size = size
        self._vocabulary: dict[str, int] = {}
        self._owners: dict[tuple[int, ...], str] = {}
        for problem in problems:
            words = words_of(problem.prompt + "\n" + problem.canonical_solution)
            numbers = [self._vocabulary.setdefault(word, len(self._vocabulary) + 1) for word in words]
            for start in range(len(numbers) - size + 1):
                self._owners.setdefault(tuple(numbers[start : start + size]), problem.task_id)

    def find(self, text: str) -> Match | None:
        """The first run of words in the text that a problem has too, or None."""
        if not self._owners:
            return None
        words = words_of(text)
        # A word that no problem has is number 0. Most runs contain one, and only the others are looked up.
        numbers = [self._vocabulary.get(word, 0) for word in words]
        unknown_before = np.concatenate([[0], np.cumsum(np.array(numbers, dtype=np.int64) == 0)])
        starts = np.flatnonzero(unknown_before[self.size :] == unknown_before[: -self.size])
        for start in starts.tolist():
            owner = self._owners.get(tuple(numbers[start : start + self.size]))
            if owner is not None:
                return Match(owner, " ".join(words[start : start + self.size]))
        return None


class CopyIndex:
    """The functions of some problems, found in a text word for word: only whitespace may differ."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._parts: dict[str, list[tuple[str, str]]] = {}
        for problem in problems:
            function = _without_docstring(problem)
            for part in (squeeze(problem.prompt), squeeze(function)):
                self._parts.setdefault(problem.entry_point, []).append((part, problem.task_id))

    def find(self, text: str) -> Match | None:
        """The first prompt, or function without its docstring, that the text contains, or None."""
        squeezed = ""
        for name in _FUNCTION.findall(text):
            squeezed = squeezed or squeeze(text)
            for part, task_id in self._parts.get(name, ()):
                if part in squeezed:
                    return Match(task_id, part)
        return None


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased."""
    return _WORD.findall(text.lower())


def squeeze(text: str) -> str:
    """The text with every run of whitespace as one blank."""
    return " ".join(text.split())


def _without_docstring(problem: Problem) -> str:
    source = problem.prompt + problem.canonical_solution
    lines = source.splitlines(keepends=True)
    function = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point
    )
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines[docstring.lineno - 1 : docstring.end_lineno] = []
    return "".join(lines)
