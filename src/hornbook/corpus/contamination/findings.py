"""What decontamination found: a line for every row that is dropped, and the same in a few numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hornbook.run.datasets import OVERLAPS

SUMMARY = "decontamination.json"
MAX_SHOWN = 1000
"""How many dropped rows of each reason show the texts, row's and problem's; the others say where to look."""
MAX_TEXT_CHARS = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a row is dropped: the problem that it overlaps with, and what they share, for a person to judge."""

    reason: str
    """As it is counted: `ngram_overlap`, `similar_function`, `heldout_copy`, `heldout_composition`."""
    problem: str
    """Task id."""
    shared: str
    """Words that both have, or the function's name, or the operations."""
    where: str = ""
    """`docstring`: in docstrings of both; `text`: anywhere in the row; `function`: a function of it."""
    line: int = 0
    """Line of the row where that begins, counted from 1; 0 for all of it."""
    row_text: str = ""
    problem_text: str = ""
    rate: float | None = None
    """AST match rate, in [0, 1]."""
    distance: float | None = None
    """L2 between normalised embeddings."""


class Log:
    """Writes `overlaps.jsonl`, one JSON object for each dropped row, and counts. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.drops: Counter[str] = Counter()
        self.problems: dict[str, Counter[str]] = {}
        self._folder = folder
        self._file = (folder / OVERLAPS).open("w", encoding="utf-8")

    def add(self, row: str, finding: Finding) -> None:
        """Records one dropped row."""
        self.drops[finding.reason] += 1
        self.problems.setdefault(finding.reason, Counter())[finding.problem] += 1
        shown = {name: value for name, value in asdict(finding).items() if value not in ("", 0, None)}
        for name in ("row_text", "problem_text"):
            if self.drops[finding.reason] > MAX_SHOWN:
                shown.pop(name, None)
            elif name in shown:
                shown[name] = shown[name][:MAX_TEXT_CHARS]
        self._file.write(json.dumps({"row": row, **shown}, ensure_ascii=False) + "\n")

    def write_summary(self, about: Mapping[str, object]) -> None:
        """Writes `decontamination.json`: `about`, dropped rows by reason, and by reason each problem with its rows."""
        problems = {reason: dict(counts.most_common()) for reason, counts in sorted(self.problems.items())}
        summary = {**about, "dropped_rows": dict(sorted(self.drops.items())), "rows_by_problem": problems}
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        (self._folder / SUMMARY).write_text(text + "\n", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
