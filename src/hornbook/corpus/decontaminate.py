"""Removes what overlaps with the problems that models are evaluated on (section 5.1 of the paper).

Two questions, asked apart. Against HumanEval, whose text nobody here wrote: does a row share 13 words in a row with a
problem? Against the teacher's held-out problems, whose wording comes from the same grammar as the training
exercises: is a problem copied, or was its composition of operations trained on?
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import TypeVar

from hornbook.corpus.overlap import CopyIndex, Match, NgramIndex, squeeze
from hornbook.recipe import DecontaminateConfig
from hornbook.records import CodeFile, Exercise, TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import (
    CODE,
    EXERCISES,
    HELDOUT,
    TEXTBOOKS,
    CodeFiles,
    CodeTextbook,
    Exercises,
    Textbooks,
    humaneval_problems,
)
from hornbook.run.progress import track
from hornbook.run.stage import stage

OVERLAPS = "overlaps.jsonl"
MAX_SHOWN = 1000
"""How many dropped rows `overlaps.jsonl` shows with what they share."""

Row = TypeVar("Row")
Verdict = tuple[str, Match] | None
"""Why a row is dropped and what it shares with a problem; None where it stays."""


@stage(version=1)
def decontaminate_codetextbook(
    *,
    code: CodeFiles,
    textbooks: Textbooks,
    exercises: Exercises,
    config: DecontaminateConfig,
    humaneval: str,
    out: Path,
) -> CodeTextbook:
    """CodeTextbook without the rows that overlap with HumanEval or with the held-out problems of `exercises`.

    `humaneval` is `humaneval_identity()`, empty where HumanEval is not installed. Code is compared with both by runs
    of words; textbook sections with HumanEval by runs of words, with the held-out problems by verbatim copies.
    """
    benchmark = humaneval_problems() if humaneval else ()
    heldout = exercises.problems()
    all_ngrams = NgramIndex((*benchmark, *heldout), config.ngram_words)
    ngrams, copies = NgramIndex(benchmark, config.ngram_words), CopyIndex(heldout)
    log = Log()

    def judge_code(file: CodeFile) -> Verdict:
        return _verdict("ngram_overlap", all_ngrams.find(file.text))

    def judge_section(section: TextbookSection) -> Verdict:
        overlap = _verdict("ngram_overlap", ngrams.find(section.text))
        return overlap or _verdict("heldout_copy", copies.find(section.text))

    files = track(code.read(), "decontaminate code", sum(code.facts.rows.values()), "files")
    clean_code = decontaminate_rows(files, judge_code, lambda file: f"{file.origin} {file.path}", log)
    num_files = write_rows(out / CODE, CodeFile, clean_code)
    sections = track(textbooks.read(), "decontaminate textbooks", sum(textbooks.facts.rows.values()), "sections")
    clean_sections = decontaminate_rows(sections, judge_section, lambda section: section.topic, log)
    num_sections = write_rows(out / TEXTBOOKS, TextbookSection, clean_sections)
    log.write(out / OVERLAPS)
    metrics = {"humaneval_problems": len(benchmark), "heldout_problems": len(heldout)}
    rows = {CODE: num_files, TEXTBOOKS: num_sections}
    return CodeTextbook(out, Facts(rows=rows, drops=dict(sorted(log.drops.items())), metrics=metrics))


@stage(version=1)
def decontaminate_codeexercises(
    *, exercises: Exercises, config: DecontaminateConfig, humaneval: str, out: Path
) -> Exercises:
    """CodeExercises without the training rows that overlap with HumanEval or with the held-out exercises.

    The held-out exercises pass through. A training exercise is dropped as `heldout_composition` where two operations
    that stand next to each other in a held-out exercise stand together in it, in any order: held-out problems are then
    new compositions, which shared wording cannot give away.
    """
    benchmark = humaneval_problems() if humaneval else ()
    ngrams = NgramIndex(benchmark, config.ngram_words)
    heldout = list(exercises.read_heldout())
    prompts = {squeeze(exercise.prompt): exercise.task_id for exercise in heldout}
    pairs = {pair: exercise.task_id for exercise in heldout for pair in map(frozenset, pairwise(exercise.operations))}
    log = Log()

    def judge(exercise: Exercise) -> Verdict:
        match = ngrams.find(exercise.prompt + exercise.solution)
        if match is not None:
            return "ngram_overlap", match
        prompt = squeeze(exercise.prompt)
        if prompt in prompts:
            return "heldout_copy", Match(prompts[prompt], prompt)
        for pair in map(frozenset, combinations(exercise.operations, 2)):
            if pair in pairs:
                return "heldout_composition", Match(pairs[pair], " ".join(sorted(pair)))
        return None

    total = exercises.facts.rows.get(EXERCISES, 0)
    clean = decontaminate_rows(
        track(exercises.read(), "decontaminate exercises", total, "exercises"),
        judge,
        lambda exercise: exercise.task_id,
        log,
    )
    rows = {
        EXERCISES: write_rows(out / EXERCISES, Exercise, clean),
        HELDOUT: write_rows(out / HELDOUT, Exercise, heldout),
    }
    log.write(out / OVERLAPS)
    metrics = {"humaneval_problems": len(benchmark), "heldout_pairs": len(pairs)}
    return Exercises(out, Facts(rows=rows, drops=dict(sorted(log.drops.items())), metrics=metrics))


@dataclass
class Log:
    """The rows that were dropped: how many for which reason, and what the first of them share with a problem."""

    drops: Counter[str] = field(default_factory=Counter)
    shown: list[dict[str, str]] = field(default_factory=list)

    def add(self, row: str, reason: str, match: Match) -> None:
        """Counts one dropped row."""
        self.drops[reason] += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append({"row": row, "reason": reason, "problem": match.task_id, "text": match.text})

    def write(self, path: Path) -> None:
        """Writes the rows that are shown, one JSON object a line."""
        path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.shown), encoding="utf-8")


def decontaminate_rows(
    rows: Iterable[Row], judge: Callable[[Row], Verdict], name_of: Callable[[Row], str], log: Log
) -> Iterator[Row]:
    """Yields the rows that share nothing, in order; the others go to the log under their name."""
    for row in rows:
        verdict = judge(row)
        if verdict is None:
            yield row
        else:
            log.add(name_of(row), *verdict)


def _verdict(reason: str, match: Match | None) -> Verdict:
    return None if match is None else (reason, match)
