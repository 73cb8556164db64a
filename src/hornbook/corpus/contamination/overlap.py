r"""Exact overlap of texts with the problems that models are evaluated on (section 5.1 of the paper).

A word is a run of letters, digits and underscores (`\w+`), lower-cased; everything between words is ignored. The paper
compares docstrings with docstrings; here whole rows are compared with whole problems too, prompt and solution.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.contamination.python_source import parse
from hornbook.records import Problem

_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing modulo 2 to the 64."""
_ESCAPE = re.compile(r"\\[abfnrtv]")
_WORD = re.compile(r"\w+")
_FUNCTION = re.compile(r"\bdef (\w+)")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Match:
    """A run of words that a text and a problem have in common."""

    task_id: str
    text: str
    """The words, as many as go on alike."""
    where: str = "text"
    """`docstring` where it is in docstrings of both, else `text`."""
    line: int = 0
    """Where it begins in the text, counted from 1; of a docstring, where that begins."""
    row_text: str = ""
    """The lines of the text that hold it."""
    problem_text: str = ""
    """The lines of the problem that hold it."""


class NgramIndex:
    """The runs of `size` words of some problems: of their docstrings, and of their prompts with the solutions."""

    def __init__(self, problems: Iterable[Problem], size: int) -> None:
        self._texts, self._docstrings = _Runs(size), _Runs(size)
        for problem in problems:
            text = problem.prompt + "\n" + problem.canonical_solution
            self._texts.add(problem.task_id, text)
            # A prompt without a solution is a function once something stands under it.
            for source in (text, problem.prompt + "\n    pass\n", problem.prompt):
                if docstrings := docstrings_of(source):
                    for _, docstring in docstrings:
                        self._docstrings.add(problem.task_id, docstring)
                    break

    def find(self, text: str, source: str | None = None) -> Match | None:
        """The first run of words that the text and a problem share, or None.

        `source` is the Python whose docstrings are compared, the text itself where it is not given.
        """
        match = self._texts.find(text)
        if match is None and "\\" in text:
            # In a docstring `\n` ends a line, and what follows is a word of its own.
            unescaped = _ESCAPE.sub("  ", text)
            match = self._texts.find(unescaped) or self._docstrings.find(unescaped)
        if match is None:
            return None
        for line, docstring in docstrings_of(text if source is None else source) or ():
            inside = self._docstrings.find(docstring)
            if inside is not None:
                return Match(inside.task_id, inside.text, "docstring", line, inside.row_text, inside.problem_text)
        return match


class _Runs:
    """The runs of `size` words of some texts, and where each one first stands."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._vocabulary: dict[str, int] = {}
        self._texts: list[tuple[str, str, list[int]]] = []
        self._places: dict[tuple[int, ...], tuple[int, int]] = {}
        self._hashes = np.empty(0, np.uint64)

    def add(self, task_id: str, text: str) -> None:
        """Adds a text; a run that another has too stays that one's."""
        numbers = [self._vocabulary.setdefault(word, len(self._vocabulary) + 1) for word in words_of(text)]
        for start in range(len(numbers) - self.size + 1):
            self._places.setdefault(tuple(numbers[start : start + self.size]), (len(self._texts), start))
        self._texts.append((task_id, text, numbers))
        hashes = _hash_runs(np.array(numbers, np.uint64), self.size)
        self._hashes = np.union1d(self._hashes, hashes)

    def find(self, text: str) -> Match | None:
        """The first run that is in the text, with what goes on alike after it, or None."""
        if not self._places:
            return None
        words = words_of(text)
        # A word that no problem has is number 0.
        numbers = np.fromiter(map(self._vocabulary.get, words, repeat(0)), np.uint64, len(words))
        hashes = _hash_runs(numbers, self.size)
        places = np.searchsorted(self._hashes[:-1], hashes)
        for start in np.flatnonzero(self._hashes[places] == hashes).tolist():
            # Two runs may have one hash.
            place = self._places.get(tuple(numbers[start : start + self.size].tolist()))
            if place is not None:
                return self._match(text, words, numbers.tolist(), start, place)
        return None

    def _match(
        self, text: str, words: Sequence[str], numbers: Sequence[int], start: int, place: tuple[int, int]
    ) -> Match:
        task_id, problem, others = self._texts[place[0]]
        length = self.size
        for number, other in zip(numbers[start + length :], others[place[1] + length :], strict=False):
            if number != other:
                break
            length += 1
        line, row_text = _lines_around(text, start, start + length - 1)
        _, problem_text = _lines_around(problem, place[1], place[1] + length - 1)
        return Match(task_id, " ".join(words[start : start + length]), "text", line, row_text, problem_text)


def _hash_runs(numbers: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """A hash of each run of `size` numbers, in order; none where there are fewer."""
    count = max(0, len(numbers) - size + 1)
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes *= _HASH_BASE
        hashes += numbers[place : place + count]
    return hashes


def _lines_around(text: str, first: int, last: int) -> tuple[int, str]:
    """The lines that hold the words from number `first` to `last`, and the number of the first line."""
    # Lower-cased as in `words_of`, so that words have the same numbers; line ends stay as they are.
    lowered = text.lower()
    ends = [match.start() for number, match in enumerate(_WORD.finditer(lowered)) if number in (first, last)]
    begin, end = (lowered.count("\n", 0, place) for place in (ends[0], ends[-1]))
    return begin + 1, "\n".join(text.split("\n")[begin : end + 1])


def docstrings_of(source: str) -> list[tuple[int, str]] | None:
    """The docstrings of a module and of what it defines, each with its line; None where it does not parse."""
    module = parse(source)
    if module is None:
        return None
    found = []
    for node in ast.walk(module):
        if isinstance(node, _DOCUMENTED) and (docstring := ast.get_docstring(node, clean=False)):
            found.append((node.body[0].lineno, docstring))
    return found


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
