"""The teacher writes textbooks (section 2.2 of the paper)."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from hornbook.recipe import TeacherConfig, WriterConfig, WriteTextbooksConfig
from hornbook.records import Subtopic, TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import SUBTOPICS, TEXTBOOKS, Textbooks
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.run.workers import in_workers
from hornbook.synthesize.asking import Asked
from hornbook.synthesize.chat_sections import Catalogue, Repairs, chat_sections, propose_subtopics
from hornbook.synthesize.topics import read_tree
from hornbook.synthesize.variety import Variety
from hornbook.teacher.chat import replies_file
from hornbook.teacher.protocol import build_teacher

SECTIONS_PER_TASK = 50


@stage(version=2)
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

    The writer is asked about the tree of topics, which it may first extend: `subtopics.parquet` has its leaves.
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
    asked, repairs = Asked("write_textbooks"), Repairs()
    metrics: dict[str, float] = {}
    if config.num_requests:
        replies = replies_file(writer.replies, machine.replies)
        subtopics = _subtopics(config, writer, seed, out, machine, metrics)
        catalogue = Catalogue(writer, seed, subtopics, Variety.of(config))
        for section in chat_sections(config, catalogue, replies, machine, asked, repairs):
            sections.setdefault(section.text, section)
        asked.check(writer)
        drops += asked.drops
        metrics |= {**asked.metrics(), "teacher_acceptance_rate": round(asked.num_kept / config.num_requests, 4)}
        metrics |= {"repairs_asked": repairs.num_asked, "repaired": repairs.num_repaired}
        metrics |= {f"repairs_of_{reason}": count for reason, count in sorted(repairs.errors.items())}
    count = write_rows(out / TEXTBOOKS, TextbookSection, sections.values())
    metrics |= {
        "distinct_topics": len({section.topic for section in sections.values()}),
        "distinct_audiences": len({section.audience for section in sections.values()}),
        "mean_chars": round(statistics.fmean(map(len, sections)), 1),
    }
    return Textbooks(out, Facts(rows={TEXTBOOKS: count}, drops=dict(sorted((+drops).items())), metrics=metrics))


def _subtopics(
    config: WriteTextbooksConfig,
    writer: WriterConfig,
    seed: int,
    out: Path,
    machine: Machine,
    metrics: dict[str, float],
) -> list[Subtopic]:
    """The leaves that sections are asked for, written into the artifact; none where the word lists are asked for."""
    if config.topics == "list":
        return []
    subtopics = read_tree()
    if config.num_proposed_topics:
        proposing = Asked("write_textbooks: subtopics")
        proposed = propose_subtopics(
            config.num_proposed_topics, writer, seed, replies_file(writer.replies, machine.replies), machine, proposing
        )
        proposing.check(writer)
        subtopics += proposed
        metrics["proposed_subtopics"] = len(proposed)
        metrics |= {f"proposals_{reason}": count for reason, count in sorted(proposing.drops.items())}
        metrics |= proposing.tally.metrics("proposals_")
    write_rows(out / SUBTOPICS, Subtopic, subtopics)
    return subtopics


def _write_task(teacher: TeacherConfig, seed: int, start: int, count: int) -> list[TextbookSection]:
    return list(build_teacher(teacher, seed).textbooks.sections(count, start=start))
