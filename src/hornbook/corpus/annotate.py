"""The teacher annotates a sample of the corpus with its educational value (section 2.1 of the paper)."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hornbook.corpus.blocks import Block, cut_into_blocks
from hornbook.corpus.chat_annotate import Asked, annotate_by_chat
from hornbook.corpus.judgement import judgements_identity
from hornbook.corpus.licenses import is_permissive_name
from hornbook.recipe import AnnotateConfig, AnnotatorConfig, TeacherConfig
from hornbook.records import Annotation, CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import ANNOTATIONS, Annotations, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import track
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.teacher.chat import check_teacher, replies_file
from hornbook.teacher.protocol import build_teacher
from hornbook.teacher.starter.annotation_set import AnnotationSet

FILES_PER_TASK = 32
GOOD_VALUE = 5.0
UNANNOTATED = "unannotated.jsonl"
"""Where a language model was asked: the files that got no score, with the reason and what the model said."""


@stage(version=1)
def annotate(
    *,
    files: CodeFiles,
    config: AnnotateConfig,
    teacher: TeacherConfig,
    annotator: AnnotatorConfig,
    prompts: str,
    seed: int,
    out: Path,
    machine: Machine,
) -> Annotations:
    """A score and a reason for a sample of the files under permissive licences, spread over origins and lengths.

    They are the built-in teacher's, or those of the language model that `annotator` names. The starter set has files
    of its own, which stand in for the corpus's. `prompts` is `annotator_identity(annotator)`: it is not used but makes
    the fingerprint follow the words. Raises TeacherError where the model cannot answer or scored nothing.
    """
    is_starter = annotator.backend == "starter"
    sample = starter_sample(config, annotator, seed) if is_starter else read_sample(files, config, seed)
    asked = Asked()
    if annotator.backend:
        replies = replies_file(annotator.replies, machine.replies)
        annotations = list(annotate_by_chat(sample, annotator, replies, asked, device=machine.device))
        asked.check(annotator.model)
        lines = [json.dumps(asdict(file)) + "\n" for file in asked.unannotated]
        (out / UNANNOTATED).write_text("".join(lines), encoding="utf-8")
    else:
        annotated = _annotate_files(sample, teacher, seed, machine.workers)
        annotations = list(track(annotated, "annotate", len(sample), "files"))
    count = write_rows(out / ANNOTATIONS, Annotation, annotations)
    metrics = _measure(annotations) | (asked.metrics() if annotator.backend else {})
    return Annotations(out, Facts(rows={ANNOTATIONS: count}, drops=asked.drops, metrics=metrics))


def check_annotator(config: AnnotatorConfig, replies: Path) -> None:
    """Raises what the stage would for its teacher, before code is collected; `replies` is the run's reply cache."""
    if config.backend:
        check_teacher(config, replies_file(config.replies, replies))
    if config.backend == "starter":
        AnnotationSet().read_settings().check(config)


def annotator_identity(config: AnnotatorConfig) -> str:
    """What annotations depend on besides the recipe and the corpus: the prompts, and what ships of the starter set."""
    if not config.backend:
        return ""
    return judgements_identity() + (AnnotationSet().identity() if config.backend == "starter" else "")


def starter_sample(config: AnnotateConfig, annotator: AnnotatorConfig, seed: int) -> list[CodeFile]:
    """The starter set's files that are annotated, ordered by origin and path.

    Raises ArtifactError where none ship, and TeacherError where they were annotated in another way than asked for.
    """
    starter = AnnotationSet()
    starter.read_settings().check(annotator)
    files = starter.read_files()
    chosen = sample_names([(file.origin, len(file.text), file.path) for file in files], config.sample_files, seed)
    return [file for file in files if (file.origin, file.path) in chosen]


def read_sample(files: CodeFiles, config: AnnotateConfig, seed: int) -> list[CodeFile]:
    """The files that are annotated, ordered by origin and path. Of the others no text is made a Python string."""
    blocks = cut_into_blocks(files.shards())
    names = [_names(block) for block in blocks]
    chosen = sample_names([name for of_block in names for name in of_block if name], config.sample_files, seed)
    sample = []
    for block, of_block in zip(blocks, names, strict=True):
        rows = [row for row, name in enumerate(of_block) if name and (name[0], name[2]) in chosen]
        if rows:
            sample += [CodeFile(**row) for row in block.read().take(pa.array(rows)).to_pylist()]
    return sorted(sample, key=lambda file: (file.origin, file.path))


def _names(block: Block) -> list[tuple[str, int, str] | None]:
    """Origin, length in characters and path of each file of a block, or None where its licence is not permissive."""
    table = block.read(["text", "origin", "path", "license"])
    columns = (table["origin"].to_pylist(), pc.utf8_length(table["text"]).to_pylist(), table["path"].to_pylist())
    licenses = table["license"].to_pylist()
    named = zip(*columns, strict=True)
    return [name if is_permissive_name(license) else None for name, license in zip(named, licenses, strict=True)]


def sample_names(files: Sequence[tuple[str, int, str]], sample_files: int, seed: int) -> set[tuple[str, str]]:
    """Origin and path of the files to annotate, from (origin, length, path) of all.

    Systematic sampling: the files are laid out by origin and length and every k-th is taken from a seeded start, so
    each origin, and each length within it, has its share of the sample.
    """
    ordered = sorted(files)
    if sample_files >= len(ordered):
        return {(origin, path) for origin, _, path in ordered}
    offset = int.from_bytes(hashlib.sha256(f"annotate/{seed}".encode()).digest()[:8], "big") / 2**64
    step = len(ordered) / sample_files
    positions = {int((number + offset) * step) for number in range(sample_files)}
    return {(ordered[position][0], ordered[position][2]) for position in positions}


def _measure(annotations: Sequence[Annotation]) -> dict[str, float]:
    if not annotations:
        return {}
    values = [annotation.educational_value for annotation in annotations]
    num_chars = [len(annotation.text) for annotation in annotations]
    read = sum(chars * row.share_read for chars, row in zip(num_chars, annotations, strict=True))
    return {
        "mean_educational_value": round(statistics.fmean(values), 4),
        "share_at_least_5": round(sum(value >= GOOD_VALUE for value in values) / len(values), 4),
        "windows_read": sum(len(row.window_values) for row in annotations),
        "chars_share_read": round(read / max(1, sum(num_chars)), 4),
    }


def _annotate_files(files: Sequence[CodeFile], teacher: TeacherConfig, seed: int, workers: int) -> Iterator[Annotation]:
    tasks = (files[start : start + FILES_PER_TASK] for start in range(0, len(files), FILES_PER_TASK))
    for annotated in in_workers(_annotate_task, ((task, teacher, seed) for task in tasks), workers):
        yield from annotated


def _annotate_task(files: Sequence[CodeFile], teacher: TeacherConfig, seed: int) -> list[Annotation]:
    annotator = build_teacher(teacher, seed).annotator
    annotations = []
    for file in files:
        value, reason = annotator.annotate(file.text)
        annotations.append(
            Annotation(
                text=file.text,
                origin=file.origin,
                path=file.path,
                license=file.license,
                educational_value=value,
                reason=reason,
                annotator=teacher.backend,
                num_windows=1,
                window_values=(value,),
                share_read=1.0,
            )
        )
    return annotations
