"""The tree of topics: its size and order, how sections come from it, and proposals read strictly."""

from collections import Counter

import pytest

from hornbook.recipe import WriterConfig
from hornbook.synthesize.read_exercise import Unreadable
from hornbook.synthesize.requests import proposal_request, tree_section_request
from hornbook.synthesize.topics import draw_tree_section, read_proposal, read_tree

WRITER = WriterConfig(backend="recorded", model="m")
NAMES = [f"something about number {number}" for number in range(8)]
GOOD = "\n".join(f"- {name}" for name in NAMES)


def test_forty_topics_of_eight_with_basic_reasoning_and_algorithms_first() -> None:
    tree = read_tree()
    per_topic = Counter(leaf.topic for leaf in tree)
    assert len(per_topic) >= 40
    assert set(per_topic.values()) == {8}
    assert len({leaf.name for leaf in tree}) == len(tree)
    assert list(per_topic)[:4] == ["thinking in steps", "logic", "counting", "searching"]
    topics = list(per_topic)
    assert max(map(topics.index, ("sorting", "recursion"))) < min(map(topics.index, ("strings", "classes", "games")))


def test_subtopics_come_in_turn_and_all_else_is_spread() -> None:
    tree = read_tree()
    drawn = [draw_tree_section(tree, 0, index) for index in range(3 * len(tree))]
    assert Counter(Counter((one.topic, one.subtopic) for one in drawn).values()) == {3: len(tree)}
    assert [one.subtopic for one in drawn[:8]] == [leaf.name for leaf in tree[:8]]
    assert len({one.audience for one in drawn}) >= 16
    assert len({(one.audience, one.form, one.level, one.length) for one in drawn}) > 600
    assert drawn[5] == draw_tree_section(tree, 0, 5) != draw_tree_section(tree, 1, 5)


def test_a_request_says_what_the_section_shall_be() -> None:
    tree = read_tree()
    last = tree_section_request(WRITER, tree, 0, 9).messages[-1].content
    drawn = draw_tree_section(tree, 0, 9)
    for value in (drawn.topic, drawn.subtopic, drawn.audience, drawn.form, drawn.level, drawn.length):
        assert value in last
    assert (
        len({tree_section_request(WRITER, tree, seed, index).digest for seed in (0, 1) for index in range(99)}) == 198
    )


def test_a_proposal_is_asked_for_with_what_is_there() -> None:
    content = proposal_request(WRITER, "sets", ["every item once", "is it in there"], 0).messages[-1].content
    assert 'The chapter "sets"' in content
    assert "\n- every item once\n- is it in there\n" in content
    assert "exactly 8 further subtopics" in content


def test_a_proposal() -> None:
    assert [leaf.name for leaf in read_proposal(f"\n{GOOD}\n", "sets", ["x"])] == NAMES
    assert {leaf.topic for leaf in read_proposal(GOOD, "sets", [])} == {"sets"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "odd_list"),
        (GOOD + "\n- one more", "odd_list"),
        ("\n".join(GOOD.splitlines()[:7]), "odd_list"),
        (f"Here they are:\n{GOOD}", "odd_list"),
        (GOOD.replace("- ", "* "), "odd_list"),
        (GOOD.replace(NAMES[3], "word " * 11), "odd_list"),
        (GOOD.replace(NAMES[3], "x" * 81), "odd_list"),
        (GOOD.replace(NAMES[3], NAMES[2].upper()), "known_subtopic"),
        (GOOD.replace(NAMES[3], "Every Item Once"), "known_subtopic"),
    ],
)
def test_an_odd_proposal_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read_proposal(text, "sets", ["every item once"])
