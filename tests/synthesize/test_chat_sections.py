"""Sections by a chat teacher: about the tree and its proposed leaves, repaired once, and none twice."""

import random
from pathlib import Path

import pytest

from hornbook.errors import RecipeError, TeacherError
from hornbook.recipe import TeacherConfig, WriterConfig, WriteTextbooksConfig, load_recipe
from hornbook.records import Subtopic, read_rows
from hornbook.run.datasets import SUBTOPICS, Textbooks
from hornbook.run.machine import Machine
from hornbook.synthesize.follow_ups import repair_request
from hornbook.synthesize.requests import proposal_request, section_request, tree_section_request
from hornbook.synthesize.topics import draw_tree_section, read_tree
from hornbook.synthesize.write_textbooks import write_textbooks
from hornbook.teacher.chat import ChatReply, ChatRequest
from hornbook.teacher.replies import ReplyCache
from tests.synthesize.test_read_section import CODE, PROSE, section
from tests.synthesize.test_topics import GOOD, NAMES
from tests.teacher.endpoint import Answer, endpoint

SEED = 5
BROKEN = section(code="assert 1 + 1 == 3")
ERROR = "AssertionError: assert 1 + 1 == 3 fails: the left side is 2"


def words(seed: int) -> str:
    return " ".join(random.Random(seed).choices(PROSE.split(), k=200))


def writer_of(tmp_path: Path) -> WriterConfig:
    return WriterConfig(backend="recorded", model="m", replies=str(tmp_path / "replies.sqlite"))


def keep(writer: WriterConfig, request: ChatRequest, text: str, finish_reason: str = "stop") -> None:
    with ReplyCache(Path(writer.replies)) as cache:
        cache.keep(request, ChatReply(text, finish_reason, 300, 100, "2026-01-01"))


def run(writer: WriterConfig, out: Path, **fields: object) -> Textbooks:
    out.mkdir()
    return write_textbooks(
        config=WriteTextbooksConfig.model_validate({"num_sections": 0, "num_requests": 1, **fields}),
        teacher=TeacherConfig(),
        writer=writer,
        seed=SEED,
        requests="",
        out=out,
        machine=Machine(workers=1),
    )


def test_sections_are_about_the_leaves_of_the_tree_in_turn(tmp_path: Path) -> None:
    writer, tree = writer_of(tmp_path), read_tree()
    for index in range(2):
        keep(
            writer,
            tree_section_request(writer, tree, SEED, index),
            section(prose=words(index), code=f"assert {index} < 2"),
        )
    made = run(writer, tmp_path / "out", num_requests=2)
    drawn = [draw_tree_section(tree, SEED, index) for index in range(2)]
    rows = list(made.read())
    assert [row.topic for row in rows] == [f"{one.topic}: {one.subtopic}" for one in drawn]
    assert [row.audience for row in rows] == [one.audience for one in drawn]
    assert list(read_rows(made.folder / SUBTOPICS, Subtopic)) == tree
    assert made.facts.metrics["teacher_acceptance_rate"] == 1.0


def test_a_teacher_extends_the_tree(tmp_path: Path) -> None:
    writer, tree = writer_of(tmp_path), read_tree()
    known: dict[str, list[str]] = {}
    for leaf in tree:
        known.setdefault(leaf.topic, []).append(leaf.name)
    first, second, *_ = known
    keep(writer, proposal_request(writer, first, known[first], SEED), GOOD)
    keep(writer, proposal_request(writer, second, known[second], SEED), "Many things.")
    extended = [*tree, *(Subtopic(first, name) for name in NAMES)]
    keep(writer, tree_section_request(writer, extended, SEED, 0), section())
    made = run(writer, tmp_path / "out", num_proposed_topics=2)
    assert list(read_rows(made.folder / SUBTOPICS, Subtopic)) == extended
    metrics = made.facts.metrics
    assert (metrics["proposed_subtopics"], metrics["proposals_odd_list"], metrics["proposals_requests"]) == (8, 1, 2)


def test_a_proposal_that_is_not_recorded_is_an_error(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    keep(writer, tree_section_request(writer, read_tree(), SEED, 0), section())
    with pytest.raises(TeacherError, match="holds no reply to request"):
        run(writer, tmp_path / "out", num_proposed_topics=1)


def test_the_tree_is_extended_only_where_it_is_used() -> None:
    with pytest.raises(RecipeError, match="num_proposed_topics 3 extends the tree of topics, and topics is 'list'"):
        load_recipe("nano", ["write_textbooks.num_proposed_topics=3", "write_textbooks.topics=list"])


def run_repair(tmp_path: Path, text: str, repaired: str | None, error: str, finish_reason: str = "stop") -> Textbooks:
    """A section that holds, then one whose code has an error, and the reply to the request to repair it."""
    writer = writer_of(tmp_path)
    keep(writer, section_request(writer, SEED, 0), section())
    broken = section_request(writer, SEED, 1)
    keep(writer, broken, text)
    if repaired is not None:
        keep(writer, repair_request(broken, text, error), repaired, finish_reason)
    return run(writer, tmp_path / "out", num_requests=2, topics="list")


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        (BROKEN, ERROR, "tests_fail"),
        (section(code="assert undefined"), "NameError: name 'undefined' is not defined", "exception"),
        (section(code="total = = 3\nassert total"), "SyntaxError: invalid syntax: total = = 3", "syntax_error"),
    ],
)
def test_a_section_is_repaired_by_its_error(tmp_path: Path, text: str, error: str, reason: str) -> None:
    other = section(
        title="# Doubling", prose="Twice a number is the number and itself once more. " * 8, code="assert 2 * 3 == 6"
    )
    made = run_repair(tmp_path, text, other, error)
    assert [row.text for row in made.read()] == [section(), other]
    metrics = made.facts.metrics
    assert (metrics["repairs_asked"], metrics["repaired"], metrics[f"repairs_of_{reason}"]) == (1, 1, 1)
    assert metrics["teacher_requests"] == 3
    assert made.facts.drops == {}


@pytest.mark.parametrize(
    ("repaired", "finish_reason", "reason"),
    [
        (None, "", "repair_not_recorded"),
        (BROKEN, "stop", "tests_fail"),
        ("I cannot.", "stop", "no_title"),
        (section(), "length", "cut_off"),
        ("", "stop", "empty_reply"),
        (section(), "stop", "duplicate_code"),
        (section(code=f"{CODE}\nassert total != 4"), "stop", "near_repeat"),
    ],
)
def test_a_repair_that_does_not_help_is_counted(
    tmp_path: Path, repaired: str | None, finish_reason: str, reason: str
) -> None:
    made = run_repair(tmp_path, BROKEN, repaired, ERROR, finish_reason)
    assert [row.text for row in made.read()] == [section()]
    assert made.facts.drops == {reason: 1}
    assert made.facts.metrics["repairs_asked"] == 1


def test_what_has_no_error_to_show_is_not_repaired(tmp_path: Path) -> None:
    made = run_repair(tmp_path, section(title="Adding up"), None, "")
    assert made.facts.drops == {"no_title": 1}
    assert made.facts.metrics["repairs_asked"] == 0


def test_sections_that_share_much_of_their_text_are_near_repeats(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    changed = section(prose=f"{words(0)} And something new.", code="assert sum([1, 2]) == 3")
    keep(writer, section_request(writer, SEED, 0), section(prose=words(0)))
    keep(writer, section_request(writer, SEED, 1), changed)
    made = run(writer, tmp_path / "strict", num_requests=2, topics="list")
    assert made.facts.drops == {"near_repeat": 1}
    made = run(writer, tmp_path / "lax", num_requests=2, topics="list", max_similarity=1.0)
    assert len(list(made.read())) == 2


def test_a_live_teacher_is_shown_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORNBOOK_TEST_KEY", "k")

    def answer(request: dict, asked_before: int) -> Answer:
        return Answer(section() if len(request["messages"]) == 6 else BROKEN)

    with endpoint(answer) as server:
        writer = WriterConfig(
            backend="openai",
            model="m",
            base_url=server.url,
            api_key_env="HORNBOOK_TEST_KEY",
            replies=str(tmp_path / "replies.sqlite"),
        )
        made = run(writer, tmp_path / "out")
        assert len(server.asked) == 2
        assert [message["role"] for message in server.asked[1]["messages"][-2:]] == ["assistant", "user"]
        assert server.asked[1]["messages"][-2]["content"] == BROKEN
        assert ERROR in server.asked[1]["messages"][-1]["content"]
    assert [row.text for row in made.read()] == [section()]
