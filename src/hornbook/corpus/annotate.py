"""The teacher annotates a sample of the corpus with its educational value (section 2.1 of the paper)."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from hornbook.recipe import AnnotateConfig, TeacherConfig
from hornbook.records import Annotation, CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import ANNOTATIONS, Annotations, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import track
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.teacher.protocol import build_teacher

FILES_PER_TASK = 32
GOOD_VALUE = 5.0


@stage(version=1)
def annotate(
    *, files: CodeFiles, config: AnnotateConfig, teacher: TeacherConfig, seed: int, out: Path, machine: Machine
) -> Annotations:
    """The teacher's score and reason for a sample of the files, spread over origins and lengths."""
    chosen = sample_names(
        [(file.origin, len(file.text), file.path) for file in files.read()], config.sample_files, seed
    )
    sample = [file for file in files.read() if (file.origin, file.path) in chosen]
    sample.sort(key=lambda file: (file.origin, file.path))
    annotated = _annotate_files(sample, teacher, seed, machine.workers)
    annotations = list(track(annotated, "annotate", len(sample), "files"))
    values = [annotation.educational_value for annotation in annotations]
    count = write_rows(out / ANNOTATIONS, Annotation, annotations)
    metrics: dict[str, float] = {}
    if values:
        metrics["mean_educational_value"] = round(statistics.fmean(values), 4)
        metrics["share_at_least_5"] = round(sum(value >= GOOD_VALUE for value in values) / len(values), 4)
    return Annotations(out, Facts(rows={ANNOTATIONS: count}, metrics=metrics))


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


def _annotate_files(files: Sequence[CodeFile], teacher: TeacherConfig, seed: int, workers: int) -> Iterator[Annotation]:
    tasks = (files[start : start + FILES_PER_TASK] for start in range(0, len(files), FILES_PER_TASK))
    for annotated in in_workers(_annotate_task, ((task, teacher, seed) for task in tasks), workers):
        yield from annotated


def _annotate_task(files: Sequence[CodeFile], teacher: TeacherConfig, seed: int) -> list[Annotation]:
    annotator = build_teacher(teacher, seed).annotator
    annotations = []
    for file in files:
        value, reason = annotator.annotate(file.text)
        annotations.append(Annotation(file.text, file.origin, file.path, value, reason))
    return annotations
