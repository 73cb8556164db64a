"""The starter set: its replies belong to today's requests, and come into a reply cache as they are needed."""

import json
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hornbook.cli import app
from hornbook.corpus.chat_annotate import annotation_requests
from hornbook.corpus.licenses import is_permissive_name
from hornbook.errors import ArtifactError, TeacherError
from hornbook.recipe import AnnotatorConfig, GradeConfig, WriterConfig, load_recipe
from hornbook.records import Exercise, UnverifiedExercise, read_rows
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, section_request
from hornbook.teacher import starter as module
from hornbook.teacher.chat import ChatReply, check_teacher, open_chat_teacher
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.starter import (
    DIGEST_CHARS,
    MODEL,
    NUM_BASELINE,
    NUM_EXERCISES,
    NUM_SECTIONS,
    StarterSet,
    read_lines,
)
from hornbook.teacher.starter.annotation_set import AnnotationSet
from tests.teacher.processes import Forked

WRITER = WriterConfig(backend="starter", model=MODEL)


def requests(start: int, count: int) -> list:
    return [exercise_request(WRITER, 0, index) for index in range(start, start + count)]


def test_the_recorded_replies_belong_to_the_requests_as_they_are() -> None:
    """A change of a prompt, a word list or what `requests` renders would leave the starter set without requests."""
    recorded = [json.loads(line)[0] for line in islice(read_lines(), 200)]
    assert recorded == [request.digest[:DIGEST_CHARS] for request in requests(0, 200)]


def test_what_the_set_holds() -> None:
    lines = list(read_lines())
    assert len(lines) == NUM_EXERCISES + NUM_SECTIONS + NUM_BASELINE
    digests = [json.loads(line)[0] for line in lines]
    assert len(set(digests)) == len(digests)
    sections = [section_request(WRITER, 0, index).digest[:DIGEST_CHARS] for index in range(NUM_SECTIONS)]
    baseline = [plain_exercise_request(WRITER, 0, index).digest[:DIGEST_CHARS] for index in range(NUM_BASELINE)]
    assert digests[NUM_EXERCISES:] == sections + baseline
    for index in range(0, NUM_EXERCISES, 997):
        assert digests[index] == exercise_request(WRITER, 0, index).digest[:DIGEST_CHARS]


def test_the_recorded_annotations_belong_to_the_requests_as_they_are() -> None:
    """A change of a prompt, an example or the windows would leave them without requests."""
    shipped = AnnotationSet()
    config = AnnotatorConfig(**asdict(shipped.read_settings()))
    digests = {json.loads(line)[0] for line in read_lines(shipped.replies)}
    files = shipped.read_files()
    asked = [request.digest[:DIGEST_CHARS] for request in annotation_requests(files, config)]
    assert len(files) == 1500
    assert set(asked) == digests
    assert {file.origin for file in files} == {text.origin for text in shipped.read_licenses()}
    assert all(is_permissive_name(file.license) for file in files)


def test_replies_come_as_they_are_needed(tmp_path: Path) -> None:
    asked = [*requests(5, 3), section_request(WRITER, 0, 2), *requests(0, 2)]
    with open_chat_teacher(WRITER, tmp_path / "r.sqlite") as teacher:
        first = teacher.ask(asked[:2])
        every = teacher.ask(asked)
    assert every[:2] == first
    assert all(isinstance(reply, ChatReply) for reply in every)
    assert len({reply.text for reply in every if isinstance(reply, ChatReply)}) == len(asked)
    assert all(reply.prompt_tokens > 300 for reply in every if isinstance(reply, ChatReply))
    with ReplyCache(tmp_path / "r.sqlite") as cache:
        assert len(cache) == len(asked)
        assert cache.find(asked[0]) == every[0]
        # A reply that is there already is not read anew.
        monkey = StarterSet(cache)
        monkey.supply(asked)
        assert next(monkey._lines) == next(read_lines())


def test_what_is_beyond_the_set_is_counted_and_the_set_described(tmp_path: Path) -> None:
    asked = requests(NUM_EXERCISES - 2, 5)
    with open_chat_teacher(WRITER, tmp_path / "r.sqlite") as teacher:
        with pytest.raises(TeacherError) as caught:
            teacher.ask(asked)
        assert len(teacher.ask(asked[:2])) == 2
    assert f"({NUM_EXERCISES:,} requests for exercises, {NUM_SECTIONS:,} for textbook sections" in str(caught.value)
    assert "and 2 more of these 5 requests" in str(caught.value)
    other = WRITER.model_copy(update={"model": "other"})
    said = f"model '{MODEL}'.*holds no reply to request .* to 'other'"
    with open_chat_teacher(other, tmp_path / "r") as teacher, pytest.raises(TeacherError, match=said):
        teacher.ask([exercise_request(other, 0, 0)])


FILL = f"""
import sys
from pathlib import Path
from hornbook.recipe import WriterConfig
from hornbook.synthesize.requests import exercise_request
from hornbook.teacher.chat import open_chat_teacher
writer = WriterConfig(backend="starter", model={MODEL!r})
start = int(sys.argv[2])
with open_chat_teacher(writer, Path(sys.argv[1])) as teacher:
    for reply in teacher.ask([exercise_request(writer, 0, index) for index in range(start, start + 60)]):
        print(len(reply.text), reply.finish_reason)
"""


def test_two_processes_may_fill_one_cache(tmp_path: Path) -> None:
    fillers = [Forked(FILL, tmp_path / "r.sqlite", start) for start in (0, 0, 30)]
    first, second, later = (filler.printed(120).splitlines() for filler in fillers)
    assert len(first) == 60
    assert first == second
    assert first[30:] == later[:30]
    with ReplyCache(tmp_path / "r.sqlite") as cache:
        assert len(cache) == 90


def test_no_cache_needs_to_be_there_before(tmp_path: Path) -> None:
    check_teacher(WRITER, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.xz").write_bytes(b"not packed")
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    monkeypatch.setattr(module, "REPLIES", "bad.xz")
    with ReplyCache(tmp_path / "r.sqlite") as cache, pytest.raises(ArtifactError, match=r"bad\.xz: cannot be read"):
        StarterSet(cache).supply(requests(0, 1))


def test_the_starter_recipe_asks_for_what_is_there() -> None:
    recipe = load_recipe("starter")
    assert recipe.seed == 0
    assert (recipe.writer.backend, recipe.writer.model) == ("starter", MODEL)
    assert 0 < recipe.write_exercises.num_requests <= NUM_EXERCISES
    assert 0 < recipe.write_textbooks.num_requests <= NUM_SECTIONS
    assert (recipe.write_textbooks.topics, recipe.write_textbooks.max_repairs) == ("list", 0)
    nano = load_recipe("nano")
    assert recipe.model == nano.model
    assert nano.write_exercises.num_requests == nano.write_textbooks.num_requests == 0


def test_a_user_gets_exercises_from_the_set(tmp_path: Path) -> None:
    options = {
        "writer.backend": "starter",
        "writer.model": MODEL,
        "write_exercises.num_requests": "40",
        "write_exercises.num_exercises": "20",
        "write_exercises.num_heldout": "2",
    }
    words = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    command = ["run", "tiny", "--out", str(tmp_path / "run"), "--workers", "1", *words, "--until", "write_exercises"]
    finished = CliRunner().invoke(app, command, catch_exceptions=False)
    assert finished.exit_code == 0
    (manifest,) = (tmp_path / "run" / "write_exercises").glob("*/manifest.json")
    metrics = json.loads(manifest.read_text())["metrics"]
    rows = list(read_rows(manifest.parent / "exercises.parquet", Exercise))
    written = [row for row in rows if row.task_id.startswith(MODEL)]
    assert {row.verdict for row in written} == {"held", "held_in_part"}
    assert len(rows) - 20 == len(written) == metrics["teacher_kept"] >= 8
    assert metrics["teacher_requests"] == 40
    assert metrics["writer_diversity_sample"] == len(written)
    apart = list(read_rows(manifest.parent / "unverified.parquet", UnverifiedExercise))
    assert 40 - len(written) >= len(apart) == metrics["unverified_rows"] >= 15


def test_a_grader_has_nothing_in_the_set(tmp_path: Path) -> None:
    grader = GradeConfig(backend="starter", model=MODEL)
    with open_chat_teacher(grader, tmp_path / "r") as teacher, pytest.raises(TeacherError, match="the starter set"):
        teacher.ask([exercise_request(WRITER, 1, 0)])
