"""The teacher writes textbooks (section 2.2 of the paper)."""

from __future__ import annotations

import statistics
from pathlib import Path

from hornbook.recipe import TeacherConfig, WriteTextbooksConfig
from hornbook.records import TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import TEXTBOOKS, Textbooks
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.teacher.protocol import build_teacher

SECTIONS_PER_TASK = 50


@stage(version=1)
def write_textbooks(
    *, config: WriteTextbooksConfig, teacher: TeacherConfig, seed: int, out: Path, machine: Machine
) -> Textbooks:
    """As many sections as the recipe asks for, in the order of their indices; a repeated text is left out."""
    sections: dict[str, TextbookSection] = {}
    with meter("write_textbooks", config.num_sections, "sections") as shown:
        starts = range(0, config.num_sections, SECTIONS_PER_TASK)
        tasks = ((teacher, seed, start, min(SECTIONS_PER_TASK, config.num_sections - start)) for start in starts)
        for written in in_workers(_write_task, tasks, machine.workers):
            for section in written:
                sections.setdefault(section.text, section)
            shown.advance(len(written))
    count = write_rows(out / TEXTBOOKS, TextbookSection, sections.values())
    metrics: dict[str, float] = {
        "distinct_topics": len({section.topic for section in sections.values()}),
        "distinct_audiences": len({section.audience for section in sections.values()}),
        "mean_chars": round(statistics.fmean(map(len, sections)), 1),
    }
    drops = {"duplicate": config.num_sections - count} if count < config.num_sections else {}
    return Textbooks(out, Facts(rows={TEXTBOOKS: count}, drops=drops, metrics=metrics))


def _write_task(teacher: TeacherConfig, seed: int, start: int, count: int) -> list[TextbookSection]:
    return list(build_teacher(teacher, seed).textbooks.sections(count, start=start))
