"""What requests are drawn from: stable, diverse, and free of the benchmarks."""

import re

import pytest

from hornbook.recipe import WriterConfig
from hornbook.run.datasets import humaneval_problems
from hornbook.synthesize.constraints import BEGINNING, draw_exercise, draw_section, possible_names, read_examples
from hornbook.synthesize.read_exercise import read_exercise
from hornbook.synthesize.read_section import read_section
from hornbook.synthesize.requests import MAX_EXERCISE_TOKENS, exercise_request, section_request

WRITER = WriterConfig(backend="recorded", model="m")


def test_a_request_depends_on_seed_and_index_alone() -> None:
    for request in (exercise_request, section_request):
        assert request(WRITER, 0, 7).canonical == request(WRITER, 0, 7).canonical
        asked = {request(WRITER, seed, index).digest for seed in range(2) for index in range(50)}
        assert len(asked) == 100


def test_the_sampling_is_the_recipes() -> None:
    request = exercise_request(WRITER, 0, 0)
    assert (request.model, request.temperature, request.max_tokens) == ("m", 0.8, MAX_EXERCISE_TOKENS)
    assert request.seed is not None
    assert 0 <= request.seed < 2**31
    assert exercise_request(WriterConfig(max_tokens=90), 0, 0).max_tokens == 90
    assert section_request(WRITER, 0, 0).max_tokens == WRITER.max_tokens


@pytest.mark.slow
def test_more_than_a_million_names_and_none_of_humaneval() -> None:
    names = possible_names()
    assert len(names) > 1_000_000
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name) for name in names)
    assert not names & {problem.entry_point for problem in humaneval_problems()}
    drawn = [draw_exercise(3, index) for index in range(5000)]
    whole = [one.function_name for one in drawn if not one.topic]
    assert set(whole) <= names
    assert len(set(whole)) > 0.9 * len(whole) > 600
    assert all(one.function_name.startswith(BEGINNING) for one in drawn if one.topic)


def test_constraints_are_spread() -> None:
    drawn = [draw_exercise(3, index) for index in range(3000)]
    assert len({one.data for one in drawn}) == 18
    assert len({one.topic for one in drawn}) > 150
    assert len({one.twist for one in drawn}) > 30
    sections = [draw_section(3, index) for index in range(3000)]
    assert len({(one.topic, one.audience, one.form) for one in sections}) > 2700


def test_no_problem_of_humaneval_is_in_a_prompt() -> None:
    """No run of eight words of a problem stands in what the teacher is told."""
    told = [message.content for index in range(60) for message in exercise_request(WRITER, 0, index).messages]
    told += [message.content for index in range(60) for message in section_request(WRITER, 0, index).messages]
    text = " ".join(" ".join(re.findall(r"\w+", part.lower())) for part in told)
    for problem in humaneval_problems():
        words = re.findall(r"\w+", problem.prompt.lower())
        for start in range(len(words) - 7):
            assert f" {' '.join(words[start : start + 8])} " not in text, problem.task_id


@pytest.mark.parametrize("example", read_examples()["exercises"], ids=lambda example: example["function_name"])
def test_worked_exercises_are_what_is_asked_for(example: dict[str, str]) -> None:
    draft = read_exercise(example["reply"])
    assert draft.name == example["function_name"]
    namespace: dict[str, object] = {}
    exec(example["reply"], namespace)
    assert len(draft.claims) == 3
    assert len({claim.expected for claim in draft.claims}) == 3


@pytest.mark.parametrize("example", read_examples()["sections"], ids=lambda example: example["topic"])
def test_worked_sections_are_what_is_asked_for(example: dict[str, str]) -> None:
    exec(read_section(example["reply"]).code, {})
