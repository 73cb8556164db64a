"""Sections are true, about the training side only, and of a readable length."""

import ast
import re

import pytest

from hornbook.records import TextbookSection
from hornbook.teacher.builtin import TextbookTeacher
from hornbook.teacher.builtin.audiences import AUDIENCES
from hornbook.teacher.builtin.composition import split_of
from hornbook.teacher.builtin.concepts import CONCEPTS
from hornbook.teacher.builtin.operations import BY_NAME
from hornbook.teacher.builtin.textbooks import MAX_CHARS, MIN_CHARS

FENCE = re.compile(r"```python\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def sections() -> list[TextbookSection]:
    return list(TextbookTeacher(5).sections(600))


def run(section: TextbookSection) -> tuple[dict[str, object], list[str]]:
    """Runs a section's code; gives what it defined and what it printed, in order."""
    printed: list[str] = []
    namespace: dict[str, object] = {"print": lambda value: printed.append(str(value))}
    for code in FENCE.findall(section.text):
        exec(code, namespace)
    return namespace, printed


def test_what_the_code_prints_is_what_the_comments_say(sections: list[TextbookSection]) -> None:
    for section in sections:
        _, printed = run(section)
        promised = re.findall(r"^print\(.*\)  # prints (.*)$", section.text, re.MULTILINE)
        assert len(promised) == 2
        assert printed == promised


def test_answers_are_what_the_calls_return(sections: list[TextbookSection]) -> None:
    for section in sections:
        namespace, _ = run(section)
        ((call, answer),) = re.findall(r"What does `(.*)` return\?\nAnswer: `(.*?)`", section.text)
        assert repr(eval(call, namespace)) == answer


def test_steps_that_are_traced_end_in_the_printed_result(sections: list[TextbookSection]) -> None:
    traced = 0
    for section in sections:
        results = re.findall(r"^- .*: the result is `(.*)`$", section.text, re.MULTILINE)
        if results:
            _, printed = run(section)
            result = ast.literal_eval(results[0])
            assert printed[0] in (str(result), repr(result))
            traced += 1
    assert traced > 100


def test_compositions_are_of_the_training_side(sections: list[TextbookSection]) -> None:
    concepts = {concept.name for concept in CONCEPTS}
    taught = [section.topic for section in sections if section.topic not in concepts]
    assert 0.6 < len(taught) / len(sections) < 0.9
    for topic in taught:
        assert split_of([BY_NAME[name] for name in topic.split(", ")]) == "train"


def test_variations_are_of_the_training_side(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = TextbookTeacher._write
    monkeypatch.setattr(TextbookTeacher, "_write", lambda *args: written.append(args[1]) or write(*args))
    list(TextbookTeacher(6).sections(200))
    assert len(written) > 400
    assert {split_of(chain) for chain in written} == {"train"}


def test_length_audience_and_parts(sections: list[TextbookSection]) -> None:
    assert {section.audience for section in sections} == {audience.name for audience in AUDIENCES}
    for section in sections:
        assert MIN_CHARS <= len(section.text) <= MAX_CHARS
        assert section.text.startswith("# ")
        assert section.text.endswith("\n")
        assert "{" not in section.text.split("```")[0]
        blocks = FENCE.findall(section.text)
        assert len(blocks) == 2
        for block in blocks:
            function = ast.parse(block).body[0]
            assert isinstance(function, ast.FunctionDef)
            assert ast.get_docstring(function)


def test_same_seed_same_sections_and_all_distinct(sections: list[TextbookSection]) -> None:
    assert list(TextbookTeacher(5).sections(20, start=40)) == sections[40:60]
    assert len({section.text for section in sections}) == len(sections)


def test_the_two_functions_of_a_section_differ(sections: list[TextbookSection]) -> None:
    for section in sections:
        one, other = (ast.parse(block).body[0] for block in FENCE.findall(section.text))
        assert ast.dump(one) != ast.dump(other)


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: concept.name)
def test_every_concept_shows_in_some_operations(concept: object) -> None:
    assert len(concept.operations()) >= 2


def test_every_concept_is_taught() -> None:
    taught = {section.topic for section in TextbookTeacher(1).sections(1000)}
    assert {concept.name for concept in CONCEPTS} <= taught


def test_audiences_are_chosen_by_name() -> None:
    name = AUDIENCES[2].name
    assert {section.audience for section in TextbookTeacher(1, audiences=[name]).sections(5)} == {name}
    with pytest.raises(ValueError, match="unknown audience 'nobody'"):
        TextbookTeacher(1, audiences=["nobody"])
