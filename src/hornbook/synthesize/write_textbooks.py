"""The teacher writes textbooks (section 2.2 of the paper)."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from hornbook.recipe import TeacherConfig, WriterConfig, WriteTextbooksConfig
from hornbook.records import TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import TEXTBOOKS, Textbooks
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.synthesize.asking import Asked, replies_file
from hornbook.synthesize.chat_sections import chat_sections
from hornbook.teacher.protocol import build_teacher

SECTIONS_PER_TASK = 50


@stage(version=1)
def write_textbooks(
    *,
    config: WriteTextbooksConfig,
    teacher: TeacherConfig,
    writer: WriterConfig,
    seed: int,
    requests: str,
    out: Path,
    machine: Machine,
) -> Textbooks:
    """The built-in teacher's sections in the order of their indices, then the writer's; a repeated text is left out.

    `requests` is `requests_identity()` where a writer is asked: it is not used but makes the fingerprint follow the
    prompts.
    """
    sections: dict[str, TextbookSection] = {}
    with meter("write_textbooks", config.num_sections, "sections") as shown:
        starts = range(0, config.num_sections, SECTIONS_PER_TASK)
        tasks = ((teacher, seed, start, min(SECTIONS_PER_TASK, config.num_sections - start)) for start in starts)
        for written in in_workers(_write_task, tasks, machine.workers):
            for section in written:
                sections.setdefault(section.text, section)
            shown.advance(len(written))
    drops = Counter({"duplicate": config.num_sections - len(sections)})
    asked = Asked("write_textbooks")
    if config.num_requests:
        for section in chat_sections(config.num_requests, writer, seed, replies_file(writer, out), machine, asked):
            sections.setdefault(section.text, section)
        asked.check(writer)
        drops += asked.drops
    count = write_rows(out / TEXTBOOKS, TextbookSection, sections.values())
    metrics: dict[str, float] = {
        "distinct_topics": len({section.topic for section in sections.values()}),
        "distinct_audiences": len({section.audience for section in sections.values()}),
        "mean_chars": round(statistics.fmean(map(len, sections)), 1),
    }
    if asked.num_requests:
        metrics |= asked.metrics()
    return Textbooks(out, Facts(rows={TEXTBOOKS: count}, drops=dict(sorted((+drops).items())), metrics=metrics))


def _write_task(teacher: TeacherConfig, seed: int, start: int, count: int) -> list[TextbookSection]:
    return list(build_teacher(teacher, seed).textbooks.sections(count, start=start))
