"""Sections by style, length and difficulty in the words of a recipe; without any, requests are what they were."""

import hashlib
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import RecipeError
from hornbook.recipe import TeacherConfig, WriterConfig, WriteTextbooksConfig, load_recipe
from hornbook.run.machine import Machine
from hornbook.synthesize.chat_sections import Catalogue
from hornbook.synthesize.constraints import draw_section
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, section_request, tree_section_request
from hornbook.synthesize.topics import draw_tree_section, read_tree
from hornbook.synthesize.variety import Variety, draw_varied_section
from hornbook.synthesize.write_textbooks import write_textbooks
from hornbook.teacher.chat import ChatRequest
from hornbook.teacher_costs.askings import find_askings
from tests.synthesize.test_read_section import section
from tests.teacher.endpoint import Answer, endpoint

WRITER, TREE = WriterConfig(model="m"), read_tree()
VARIETY = Variety(("a dialogue", "dry and exact"), ("about 400 words", "about 80 words"), ("first week", "second year"))

PINNED = {
    "exercise": "397c7554d33241d97cf929133f55bb2a87702ac09be5c382b223489a6f027418",
    "plain": "5c180e252e797438f4f9f0268fe447c91e8421d9f05c9a5effffebe775fb863f",
    "list": "678fb51d55bba2e848812bd761a3c74450a8487e9a1426bcebb61e7999f66111",
    "tree": "0d3fa567b597ddc0bf7065d2905e26ae210471bcf427238feed9a78de0ab6a8b",
}
"""sha256 over the digests of the first 100 requests with seed 0: replies are kept by these, and cost to ask anew."""


def first_requests(kind: str) -> list[ChatRequest]:
    build = {
        "exercise": lambda index: exercise_request(WRITER, 0, index),
        "plain": lambda index: plain_exercise_request(WRITER, 0, index),
        "list": Catalogue(WRITER, 0).request,
        "tree": Catalogue(WRITER, 0, TREE).request,
    }[kind]
    return [build(index) for index in range(100)]


@pytest.mark.parametrize("kind", sorted(PINNED))
def test_requests_keep_their_digests(kind: str) -> None:
    digests = "".join(request.digest for request in first_requests(kind))
    assert hashlib.sha256(digests.encode()).hexdigest() == PINNED[kind]


def question(request: ChatRequest) -> dict[str, str]:
    lines = request.messages[-1].content.splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def test_a_section_of_the_tree_by_style_length_and_difficulty() -> None:
    request, plain = Catalogue(WRITER, 3, TREE, VARIETY).request(5), tree_section_request(WRITER, TREE, 3, 5)
    drawn, leaf = draw_varied_section(VARIETY, TREE, 3, 5), draw_tree_section(TREE, 3, 5)
    assert question(request) == {
        "Topic": f"{leaf.topic}: {leaf.subtopic}",
        "Reader": leaf.audience,
        "Form": leaf.form,
        "Style": drawn.style,
        "Level": drawn.level,
        "Length": drawn.length,
    }
    assert request.messages[-1].content.endswith(f"Write the section about {leaf.subtopic}, with code and asserts.")
    assert request.messages[:-1] == plain.messages[:-1]
    assert (request.seed, request.max_tokens, request.temperature) == (plain.seed, plain.max_tokens, plain.temperature)
    assert request.digest != plain.digest


def test_what_is_left_open_is_as_it_was() -> None:
    leaf = draw_tree_section(TREE, 3, 5)
    asked = question(Catalogue(WRITER, 3, TREE, Variety(styles=("a dialogue",))).request(5))
    assert (asked["Style"], asked["Level"], asked["Length"]) == ("a dialogue", leaf.level, leaf.length)
    listed, drawn = question(Catalogue(WRITER, 3, (), Variety(lengths=("short",))).request(5)), draw_section(3, 5)
    assert listed == {"Topic": drawn.topic, "Reader": drawn.audience, "Form": drawn.form, "Length": "short"}
    assert question(section_request(WRITER, 3, 5))["Length"] == drawn.length


def test_all_combinations_come_up_about_equally_often() -> None:
    drawn = [draw_varied_section(VARIETY, TREE, 0, index) for index in range(1600)]
    found = Counter((one.style, one.length, one.level) for one in drawn)
    assert set(found) == set(product(VARIETY.styles, VARIETY.lengths, VARIETY.difficulties))
    assert min(found.values()) > 150
    assert drawn == [draw_varied_section(VARIETY, TREE, 0, index) for index in range(1600)]
    assert drawn != [draw_varied_section(VARIETY, TREE, 1, index) for index in range(1600)]


@pytest.mark.parametrize("topics", ["tree", "list"])
def test_the_stage_and_the_plan_ask_for_it(tmp_path: Path, topics: str) -> None:
    asked: list[dict[str, Any]] = []

    def script(request: dict[str, Any], before: int) -> Answer:
        asked.append(request)
        return Answer(section(title=f"# Title {len(asked)}"))

    with endpoint(script) as server:
        words = [f'write_textbooks.topics="{topics}"', "writer.backend=openai", "writer.model=m"]
        words += [f"writer.base_url={server.url}", "write_textbooks.num_requests=6", "write_textbooks.num_sections=0"]
        words += ['write_textbooks.styles=["a dialogue"]', 'write_textbooks.difficulties=["hard", "easy"]']
        recipe = load_recipe("tiny", words)
        (tmp_path / "out").mkdir()
        write_textbooks(
            config=recipe.write_textbooks,
            teacher=TeacherConfig(),
            writer=recipe.writer,
            seed=recipe.seed,
            requests="",
            out=tmp_path / "out",
            machine=Machine(workers=1, replies=tmp_path / "replies.sqlite"),
        )
    last = [request["messages"][-1]["content"] for request in asked]
    assert len(last) == 6
    assert all("\nStyle: a dialogue\nLevel: " in text for text in last)
    assert {text.split("\nLevel: ")[1].split("\n")[0] for text in last} == {"hard", "easy"}
    assert sorted(last) == sorted(planned_questions(recipe, tmp_path))


def planned_questions(recipe: Any, tmp_path: Path) -> list[str]:
    from hornbook.pipeline import build
    from hornbook.run.folder import RunFolder
    from hornbook.run.runner import plan

    folder = RunFolder(tmp_path / "run")
    askings = find_askings(recipe, plan(build(recipe), folder), folder)
    (sections,) = [asking for asking in askings if asking.node == "write_textbooks"]
    return [request.messages[-1].content for request in sections.sample(6)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('["same", "same"]', "styles has the same words twice"),
        ('[""]', "styles"),
        ('["two\\nlines"]', "styles"),
    ],
)
def test_words_that_cannot_be_drawn_are_refused(value: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("tiny", [f"write_textbooks.styles={value}"])


def test_nothing_is_asked_for_by_default() -> None:
    assert not Variety.of(WriteTextbooksConfig())
    assert not Variety.of(load_recipe("starter").write_textbooks)
