from collections.abc import Iterator
from pathlib import Path

import pytest

from hornbook.recipe import TeacherConfig, WriterConfig, WriteTextbooksConfig
from hornbook.records import TextbookSection
from hornbook.run.datasets import TEXTBOOKS, Textbooks
from hornbook.run.machine import Machine
from hornbook.synthesize import write_textbooks as module
from hornbook.synthesize.write_textbooks import write_textbooks
from hornbook.teacher.builtin import TextbookTeacher


def run(out: Path, num_sections: int = 120, workers: int = 1, seed: int = 3) -> Textbooks:
    out.mkdir()
    config = WriteTextbooksConfig(num_sections=num_sections)
    return write_textbooks(
        config=config,
        teacher=TeacherConfig(),
        writer=WriterConfig(),
        seed=seed,
        requests="",
        out=out,
        machine=Machine(workers=workers),
    )


def test_golden(tmp_path: Path) -> None:
    made = run(tmp_path / "out")
    sections = list(made.read())
    assert sections == list(TextbookTeacher(3).sections(120))
    assert made.facts.rows == {TEXTBOOKS: 120}
    assert made.facts.drops == {}
    metrics = made.facts.metrics
    assert metrics["distinct_topics"] == len({section.topic for section in sections})
    assert metrics["mean_chars"] == pytest.approx(sum(len(section.text) for section in sections) / 120, abs=0.1)


def test_same_bytes_with_one_and_two_workers(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two", workers=2)
    assert (one.folder / TEXTBOOKS).read_bytes() == (two.folder / TEXTBOOKS).read_bytes()
    assert one.facts == two.facts


def test_another_seed_writes_others(tmp_path: Path) -> None:
    assert list(run(tmp_path / "a", 10).read()) != list(run(tmp_path / "b", 10, seed=4).read())


def test_repeated_text_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Repeating:
        def sections(self, count: int, *, start: int = 0) -> Iterator[TextbookSection]:
            for index in range(start, start + count):
                yield TextbookSection(f"topic {index}", "beginners", f"text {index % 40}")

    class Teacher:
        textbooks = Repeating()

    monkeypatch.setattr(module, "build_teacher", lambda *_: Teacher)
    made = run(tmp_path / "out", 100)
    assert [section.topic for section in made.read()] == [f"topic {index}" for index in range(40)]
    assert made.facts.drops == {"duplicate": 60}
