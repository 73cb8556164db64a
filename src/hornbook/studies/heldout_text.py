"""Text to measure the loss on: what no model of a study was trained on, without changing what a run trains on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.errors import StageError
from hornbook.records import CodeFile, read_rows, write_rows
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.datasets import FILES, CodeFiles, CodeTextbook, humaneval_problems, write_code_files
from hornbook.run.stage import stage
from hornbook.tokens.packing import validation_rows

TEXTS = "texts.parquet"
KEPT, REJECTED, HUMANEVAL = "kept", "rejected", "humaneval"
LARGEST_SHARE = 0.1
"""Of the rejected files' characters that may be taken away from the training on unfiltered code."""


@dataclass(frozen=True, slots=True)
class HeldOutDocument:
    """One text that no model of a study was trained on."""

    part: str
    """What it stands for."""
    origin: str
    path: str
    text: str


class HeldOutText(Artifact):
    """Texts by part. The metric `kept_share` is the share of the corpus that the part `kept` stands for."""

    def read(self) -> Iterator[HeldOutDocument]:
        """The texts, part by part."""
        return read_rows(self.folder / TEXTS, HeldOutDocument)


@stage(version=2)
def hold_out_code(
    *,
    files: CodeFiles,
    filtered: CodeFiles,
    codetextbook: CodeTextbook,
    validation_share: float,
    seed: int,
    max_chars: int,
    humaneval: str,
    out: Path,
) -> HeldOutText:
    """Code that neither the recipe's models were trained on nor those on unfiltered code, which leaves it out.

    `kept`: validation documents of the filtered code, split as `tokenize_codetextbook` does by `validation_share` and
    `seed`. `rejected`: files that the filter did not keep. Weighted by their share of the corpus, the two stand for
    `files`. `humaneval` (empty where it is not installed, or the run is not decontaminated against it): HumanEval's
    prompts with their solutions, which nobody here wrote and decontamination keeps out of every training. At most
    `max_chars` characters of the first two, by a seeded hash of their names.
    Raises StageError where a part would be empty.
    """
    names_kept = {(file.origin, file.path) for file in filtered.read()}
    sizes: dict[tuple[str, str], int] = {}
    kept_bytes = all_bytes = 0
    for file in files.read():
        size = len(file.text.encode())
        all_bytes += size
        if (file.origin, file.path) in names_kept:
            kept_bytes += size
        else:
            sizes[file.origin, file.path] = len(file.text)
    if not sizes:
        raise StageError(
            "stage hold_out_code: the filter keeps every file, so unfiltered and filtered code are the same. Lower "
            "filter.keep_share to have something to compare."
        )
    most = min(max_chars, round(LARGEST_SHARE * sum(sizes.values())))
    chosen = choose(list(sizes), list(sizes.values()), most, f"{seed}/{REJECTED}")

    def rejected() -> Iterator[HeldOutDocument]:
        for file in files.read():
            if (file.origin, file.path) in chosen:
                yield HeldOutDocument(REJECTED, file.origin, file.path, file.text)

    def code() -> Iterator[HeldOutDocument]:
        return (HeldOutDocument(KEPT, file.origin, file.path, file.text) for file in codetextbook.read_code())

    def problems() -> Iterator[HeldOutDocument]:
        for problem in humaneval_problems() if humaneval else ():
            text = problem.prompt + problem.canonical_solution
            yield HeldOutDocument(HUMANEVAL, HUMANEVAL, problem.task_id, text)

    kept = validation_documents(code, KEPT, validation_share, f"{seed}/code", max_chars)
    count = write_rows(out / TEXTS, HeldOutDocument, (*kept, *rejected(), *problems()))
    metrics = {"kept_share": kept_bytes / all_bytes, "kept_texts": len(kept), "rejected_texts": len(chosen)}
    return HeldOutText(out, Facts(rows={TEXTS: count}, metrics=metrics))


@stage(version=2)
def hold_out_validation(
    *, codetextbook: CodeTextbook, validation_share: float, seed: int, max_chars: int, out: Path
) -> HeldOutText:
    """The validation documents of CodeTextbook as the parts `code` and `textbooks`, of each at most `max_chars`.

    The split is that of `tokenize_codetextbook`. Raises StageError where a part would be empty.
    """

    def code() -> Iterator[HeldOutDocument]:
        return (HeldOutDocument("code", file.origin, file.path, file.text) for file in codetextbook.read_code())

    def textbooks() -> Iterator[HeldOutDocument]:
        sections = codetextbook.read_textbooks()
        return (HeldOutDocument("textbooks", one.topic, str(place), one.text) for place, one in enumerate(sections))

    rows = [
        document
        for part, read in (("code", code), ("textbooks", textbooks))
        for document in validation_documents(read, part, validation_share, f"{seed}/{part}", max_chars)
    ]
    return HeldOutText(out, Facts(rows={TEXTS: write_rows(out / TEXTS, HeldOutDocument, rows)}))


@stage(version=1, selects=True)
def leave_out(*, files: CodeFiles, text: HeldOutText, out: Path) -> CodeFiles:
    """The files without those that are held out."""
    held_out = {(document.origin, document.path) for document in text.read()}
    dropped = 0

    def rest() -> Iterator[CodeFile]:
        nonlocal dropped
        for file in files.read():
            if (file.origin, file.path) in held_out:
                dropped += 1
            else:
                yield file

    count = write_code_files(out, rest())
    return CodeFiles(out, Facts(rows={FILES: count}, drops={"held_out": dropped}))


def validation_documents(
    read: Callable[[], Iterable[HeldOutDocument]], part: str, share: float, key: str, max_chars: int
) -> list[HeldOutDocument]:
    """Of the documents that the packing of tokens keeps for validation, by the same `share` and `key`, some.

    Raises StageError where there are none.
    """
    valid = validation_rows(sum(1 for _ in read()), share, key)
    documents = [document for row, document in enumerate(read()) if row in valid]
    if not documents:
        raise StageError(
            f"no document of the part {part!r} is kept from training, so there is no loss to measure: set "
            "tokenize.validation_share, and see that each source has at least two documents"
        )
    names = [(document.origin, document.path) for document in documents]
    chosen = choose(names, [len(document.text) for document in documents], max_chars, key)
    return [document for document in documents if (document.origin, document.path) in chosen]


def choose(
    names: Sequence[tuple[str, str]], num_chars: Sequence[int], max_chars: int, key: str
) -> set[tuple[str, str]]:
    """Names in the order of their keyed hashes up to the first that does not fit; the shortest where that is the first.

    To go on after it would favour short documents.
    """
    ranks = [hashlib.sha256(f"hold out/{key}/{origin}/{path}".encode()).digest() for origin, path in names]
    left = max_chars
    chosen: set[tuple[str, str]] = set()
    for row in sorted(range(len(names)), key=ranks.__getitem__):
        if num_chars[row] > left:
            break
        left -= num_chars[row]
        chosen.add(names[row])
    return chosen or {names[min(range(len(names)), key=num_chars.__getitem__)]}
