"""Removes what overlaps with the problems that models are evaluated on (section 5 of the paper).

Three questions, asked apart. Against benchmarks, whose text nobody here wrote: does a row share 13 words in a row with
a problem (section 5.1)? Is one of its functions near a problem's in meaning and alike in syntax (section 5.2)? Against
the teacher's held-out problems, whose wording and syntax come from the same grammar as the training exercises: is a
problem copied, or was its composition of operations trained on?

Differs from paper: there the rows of section 5 are studied and pruned after the fact; here they are left out at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Generic, TypeVar

from hornbook.corpus.contamination.compared import Compared, load_compared
from hornbook.corpus.contamination.findings import Finding, Log
from hornbook.corpus.contamination.overlap import CopyIndex, Match, NgramIndex, squeeze
from hornbook.corpus.contamination.python_source import fenced_python, python_of
from hornbook.corpus.contamination.similar import ProblemEmbedding, find_similar, problem_text
from hornbook.recipe import DecontaminateConfig
from hornbook.records import CodeFile, Exercise, TextbookSection, write_rows
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import (
    CODE,
    EXERCISES,
    HELDOUT,
    TEXTBOOKS,
    CodeFiles,
    CodeTextbook,
    Exercises,
    Textbooks,
)
from hornbook.run.machine import Machine
from hornbook.run.progress import track
from hornbook.run.stage import stage

Row = TypeVar("Row")


@stage(version=2)
def decontaminate_codetextbook(
    *,
    code: CodeFiles,
    textbooks: Textbooks,
    exercises: Exercises,
    config: DecontaminateConfig,
    problems: tuple[str, ...],
    embedder: str,
    out: Path,
    machine: Machine,
) -> CodeTextbook:
    """CodeTextbook without the rows that overlap with a benchmark or with the held-out problems of `exercises`.

    Code is compared with both by runs of words; textbook sections with benchmarks by runs of words, with the held-out
    problems by verbatim copies; functions of both, in a section or a post those of its code blocks, with benchmarks by
    the rule of section 5.2. `overlaps.jsonl` has a line for each row that is dropped. `problems` and `embedder` are
    `compared_identities(config)` and `embedder_identity(config)`: they are not used but make the fingerprint follow the
    files.
    """
    compared = load_compared(config, exercises)
    all_ngrams = NgramIndex((*compared.benchmark, *compared.heldout), config.ngram_words)
    ngrams, copies = NgramIndex(compared.benchmark, config.ngram_words), CopyIndex(compared.heldout)
    blocks_unparsed = 0

    def judge_code(file: CodeFile, source: str) -> Finding | None:
        return _overlap("ngram_overlap", all_ngrams.find(file.text, source))

    def judge_section(section: TextbookSection, source: str) -> Finding | None:
        match = ngrams.find(section.text, source)
        return _overlap("ngram_overlap", match) or _overlap("heldout_copy", copies.find(section.text))

    def source_in(found: tuple[str, int]) -> str:
        nonlocal blocks_unparsed
        source, num_unparsed = found
        blocks_unparsed += num_unparsed
        return source

    with Log(out) as log:
        comparison = Comparison(compared, config, machine, log)
        files = track(code.read(), "decontaminate code", sum(code.facts.rows.values()), "files")
        kinds: RowKind[CodeFile] = RowKind(
            lambda file: f"{file.origin} {file.path}", lambda file: source_in(python_of(file.text))
        )
        num_files = write_rows(out / CODE, CodeFile, comparison.clean(files, judge_code, kinds))
        sections = track(textbooks.read(), "decontaminate textbooks", sum(textbooks.facts.rows.values()), "sections")
        kind: RowKind[TextbookSection] = RowKind(
            lambda section: section.topic, lambda section: source_in(fenced_python(section.text))
        )
        num_sections = write_rows(out / TEXTBOOKS, TextbookSection, comparison.clean(sections, judge_section, kind))
        facts = comparison.facts({CODE: num_files, TEXTBOOKS: num_sections}, code_blocks_unparsed=blocks_unparsed)
    return CodeTextbook(out, facts)


@stage(version=2)
def decontaminate_codeexercises(
    *,
    exercises: Exercises,
    config: DecontaminateConfig,
    problems: tuple[str, ...],
    embedder: str,
    out: Path,
    machine: Machine,
) -> Exercises:
    """CodeExercises without the training rows that overlap with a benchmark or with the held-out exercises.

    The held-out exercises pass through. A training exercise is dropped as `heldout_composition` where two operations
    that stand next to each other in a held-out exercise stand together in it, in any order: held-out problems are then
    new compositions, which shared wording cannot give away. `problems` and `embedder` as for CodeTextbook.
    """
    compared = load_compared(config, exercises)
    ngrams = NgramIndex(compared.benchmark, config.ngram_words)
    prompts = {squeeze(problem.prompt): problem.task_id for problem in compared.heldout}
    heldout = list(exercises.read_heldout())
    pairs = {pair: exercise.task_id for exercise in heldout for pair in map(frozenset, pairwise(exercise.operations))}

    def judge(exercise: Exercise, source: str) -> Finding | None:
        match = ngrams.find(source)
        if match is not None:
            return _overlap("ngram_overlap", match)
        prompt = squeeze(exercise.prompt)
        if prompt in prompts:
            return Finding("heldout_copy", prompts[prompt], prompt)
        for pair in map(frozenset, combinations(exercise.operations, 2)):
            if pair in pairs:
                return Finding("heldout_composition", pairs[pair], " ".join(sorted(pair)))
        return None

    total = exercises.facts.rows.get(EXERCISES, 0)
    kind: RowKind[Exercise] = RowKind(lambda row: row.task_id, lambda row: row.prompt + row.solution)
    with Log(out) as log:
        comparison = Comparison(compared, config, machine, log)
        rows = track(exercises.read(), "decontaminate exercises", total, "exercises")
        num_exercises = write_rows(out / EXERCISES, Exercise, comparison.clean(rows, judge, kind))
        num_heldout = write_rows(out / HELDOUT, Exercise, heldout)
        facts = comparison.facts({EXERCISES: num_exercises, HELDOUT: num_heldout}, heldout_pairs=len(pairs))
    return Exercises(out, facts)


@dataclass(frozen=True)
class RowKind(Generic[Row]):
    """How rows of a type are named in the record, and which Python is in one."""

    name_of: Callable[[Row], str]
    source_of: Callable[[Row], str]


class Comparison:
    """Rows against problems: what stays, and in the log what does not."""

    def __init__(self, compared: Compared, config: DecontaminateConfig, machine: Machine, log: Log) -> None:
        self._compared, self._config, self._machine, self._log = compared, config, machine, log
        self._texts = [problem_text(problem) for problem in compared.benchmark]
        self._embedding: ProblemEmbedding | None = None
        self._num_rows = self._num_unparsed = 0
        self._compares_functions = config.min_match_rate > 0 and any(self._texts)

    def clean(
        self, rows: Iterable[Row], judge: Callable[[Row, str], Finding | None], kind: RowKind[Row]
    ) -> Iterator[Row]:
        """Yields the rows that `judge` and the rule of section 5.2 find nothing in, in order; the others are logged."""
        for row, finding in self._compare(rows, judge, kind):
            self._num_rows += 1
            if finding is None:
                yield row
            else:
                self._log.add(kind.name_of(row), finding)

    def _compare(
        self, rows: Iterable[Row], judge: Callable[[Row, str], Finding | None], kind: RowKind[Row]
    ) -> Iterator[tuple[Row, Finding | None]]:
        tau, machine = self._config.min_match_rate, self._machine
        if not self._compares_functions:
            yield from ((row, judge(row, kind.source_of(row))) for row in rows)
            return
        waiting: deque[tuple[Row, str, Finding | None]] = deque()

        def sources() -> Iterator[str]:
            for row in rows:
                source = kind.source_of(row)
                finding = judge(row, source)
                waiting.append((row, source, finding))
                # What is dropped already needs no second reason.
                yield "" if finding else source

        problems = self._compared.benchmark
        self._embedding = self._embedding or ProblemEmbedding(problems, self._config, machine.device)
        found = find_similar(sources(), problems, self._config, tau, workers=machine.workers, embedding=self._embedding)
        for similar in found:
            row, source, finding = waiting.popleft()
            self._num_unparsed += similar is None
            if similar:
                nearest = similar[0]
                problem = problems[nearest.problem]
                finding = Finding(
                    reason="similar_function",
                    problem=problem.task_id,
                    shared=nearest.function.name,
                    where="function",
                    line=nearest.function.first_line,
                    row_text=nearest.function.text(source),
                    problem_text=self._texts[nearest.problem],
                    rate=round(nearest.rate, 4),
                    distance=round(nearest.distance, 4),
                )
            yield row, finding

    def facts(self, rows: dict[str, int], **metrics: Fact) -> Facts:
        """The facts of the artifact; writes `decontamination.json` too."""
        counts = {f"{label}_problems": count for label, count in self._compared.num_problems.items()}
        metrics = {
            **counts,
            "problems_without_solution": sum(not text for text in self._texts),
            "rows_unparsed": self._num_unparsed if self._compares_functions else None,
            **metrics,
        }
        config = self._config
        settings = {
            "ngram_words": config.ngram_words,
            "min_match_rate": config.min_match_rate,
            "max_distance": config.max_distance,
            "embedder": config.embedder,
        }
        self._log.write_summary({**settings, **metrics, "rows": self._num_rows})
        return Facts(rows=rows, drops=dict(sorted(self._log.drops.items())), metrics=metrics)


def _overlap(reason: str, match: Match | None) -> Finding | None:
    if match is None:
        return None
    return Finding(reason, match.task_id, match.text, match.where, match.line, match.row_text, match.problem_text)
