"""What a chat teacher writes, from replies in the cache to rows: replayed by the `recorded` backend."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from hornbook.errors import RecipeError, TeacherError
from hornbook.recipe import TeacherConfig, WriteExercisesConfig, WriterConfig, WriteTextbooksConfig, load_recipe
from hornbook.records import Exercise, read_rows
from hornbook.run.datasets import BASELINE, DIVERSITY, EXERCISES, HELDOUT, TEXTBOOKS, Exercises, Textbooks
from hornbook.run.machine import Machine
from hornbook.synthesize.constraints import draw_section
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, section_request
from hornbook.synthesize.write_exercises import write_exercises
from hornbook.synthesize.write_textbooks import write_textbooks
from hornbook.teacher.builtin import ExerciseTeacher
from hornbook.teacher.chat import ChatReply
from hornbook.teacher.replies import ReplyCache
from tests.synthesize.test_read_section import CODE, section

SEED = 5
GOOD_TESTS = "assert {name}([1, 4]) == 5\nassert {name}([]) == 0\nassert {name}([2, 2]) == {third}\n"


def reply(name: str, body: str = "    return sum(numbers)", tests: str = GOOD_TESTS, third: int = 4) -> str:
    docstring = '    """Add up the numbers of the list; an empty list gives 0."""\n'
    checks = tests.format(name=name, third=third)
    return f"```python\ndef {name}(numbers: list[int]) -> int:\n{docstring}{body}\n\n\n{checks}```"


LOOP = "    total = 0\n    for number in numbers:\n        total += number\n    return total"
UNSTABLE = '''```python
def second_of_set(words: list[str]) -> str:
    """Return a word of the list."""
    return list(set(words))[1 % len(set(words))]


assert second_of_set(["d"]) == "d"
assert second_of_set(["a", "b", "c", "d"]) == "c"
```'''
"""Returns what the order of a set says: the same in one process, another in the next."""


def name(index: int) -> str:
    return f"add_numbers_{index}"


def record(path: Path, writer: WriterConfig, texts: list[str], *, sections: bool = False) -> None:
    """Fills a reply cache; `(cut)` and `(refused)` at the end of a text stand for how it ended."""
    request = section_request if sections else exercise_request
    with ReplyCache(path) as cache:
        for index, text in enumerate(texts):
            reason = "length" if text.endswith("(cut)") else "content_filter" if text.endswith("(refused)") else "stop"
            cache.keep(request(writer, SEED, index), ChatReply(text, reason, 300, 100, "2026-01-01"))


def writer_of(tmp_path: Path) -> WriterConfig:
    return WriterConfig(backend="recorded", model="m", replies=str(tmp_path / "replies.sqlite"))


def run_exercises(
    tmp_path: Path, texts: list[str], *, workers: int = 1, entry_points: tuple[str, ...] = (), **fields: float
) -> Exercises:
    writer, out = writer_of(tmp_path), tmp_path / f"out-{workers}-{'-'.join(map(str, fields.values()))}"
    record(Path(writer.replies), writer, texts)
    out.mkdir()
    config = {"num_exercises": 0, "num_heldout": 5, "num_requests": len(texts), **fields}
    return write_exercises(
        config=WriteExercisesConfig.model_validate(config),
        teacher=TeacherConfig(),
        writer=writer,
        seed=SEED,
        entry_points=entry_points,
        requests="",
        out=out,
        machine=Machine(workers=workers),
    )


def test_golden_exercise(tmp_path: Path) -> None:
    made = run_exercises(tmp_path, [reply(name(0))])
    (exercise,) = made.read()
    examples = exercise.prompt.partition("gives 0.")[2]
    assert exercise.task_id == f"m/{SEED}/0"
    assert exercise.name == name(0)
    assert exercise.verdict == "held"
    assert exercise.prompt.startswith(
        f'def {name(0)}(numbers: list[int]) -> int:\n    """Add up the numbers of the list; an empty list gives 0.'
    )
    assert examples.endswith('"""\n')
    assert exercise.solution == "    return sum(numbers)\n"
    assert exercise.tests == (
        "def check(candidate):\n    assert candidate([1, 4]) == 5\n"
        "    assert candidate([]) == 0\n    assert candidate([2, 2]) == 4\n"
    )
    assert made.facts.rows == {EXERCISES: 1, HELDOUT: 5}
    assert made.facts.metrics["teacher_requests"] == made.facts.metrics["teacher_kept"] == 1
    assert made.facts.metrics["teacher_prompt_tokens"] == 300
    assert made.facts.metrics["teacher_completion_tokens"] == 100


def test_every_reason_is_counted(tmp_path: Path) -> None:
    texts = [
        "I would rather not.",
        reply(name(1)) + "(cut)",
        reply(name(2)) + "(refused)",
        "",
        reply(name(4), third=9).replace("== 5", "== 6"),
        reply(name(5), "    return numbers[0] + sum(numbers[1:])"),
        reply(name(6), tests="assert {name}([1]) == 1\n"),
        reply(name(7), tests="assert {name}([1]) == 1\nassert {name}([1, 0]) == 1\n"),
        reply(name(8), "    while True:\n        numbers = numbers"),
        reply(name(9), "    return undefined(numbers)"),
        reply(name(10)),
        reply(name(11)).replace("numbers", "values"),
        reply(name(12), "    return {}[numbers]").replace("-> int", "-> Undefined"),
        reply(name(13), "    return sum(numbers) + 0"),
        UNSTABLE,
    ]
    made = run_exercises(tmp_path, texts, entry_points=(name(13),))
    assert [exercise.name for exercise in made.read()] == [name(10)]
    assert made.facts.drops == {
        "no_code": 1,
        "cut_off": 1,
        "refused": 1,
        "empty_reply": 1,
        "tests_fail": 1,
        "raises": 2,
        "too_few_asserts": 1,
        "one_result": 1,
        "timed_out": 1,
        "exception": 1,
        "duplicate_solution": 1,
        "benchmark_name": 1,
        "not_deterministic": 1,
    }
    assert sum(made.facts.drops.values()) + 1 == len(texts)
    kept_apart = list(made.read_unverified())
    assert made.facts.metrics["unverified_rows"] == len(kept_apart)
    assert made.facts.metrics["teacher_acceptance_rate"] == pytest.approx(1 / len(texts), abs=1e-4)
    # A reply that repeats another, has a benchmark's name or holds no text is no row.
    gone = {"duplicate_solution", "benchmark_name", "refused", "empty_reply"}
    assert Counter(row.reason for row in kept_apart) == {
        reason: count for reason, count in made.facts.drops.items() if reason not in gone
    }
    texts_by_id = {f"m/{SEED}/{index}": text for index, text in enumerate(texts)}
    assert all(row.text == texts_by_id[row.task_id] for row in kept_apart)


def test_a_wrong_assert_is_left_out_or_drops_the_exercise(tmp_path: Path) -> None:
    slipped = [reply(name(0), third=9)]
    (exercise,) = run_exercises(tmp_path, slipped).read()
    assert "[2, 2]" not in exercise.tests + exercise.prompt
    assert exercise.verdict == "held_in_part"
    with pytest.raises(TeacherError, match=r"nothing that 'm' wrote in 1 replies can be used \(tests_fail 1\)"):
        run_exercises(tmp_path, slipped, min_held_share=1.0)


def test_examples_in_docstrings_are_true(tmp_path: Path) -> None:
    texts = [
        reply(name(index), f"    return sum(numbers) + {index}")
        .replace("== 5", f"== {5 + index}")
        .replace("== 0", f"== {index}")
        .replace("== 4", f"== {4 + index}")
        for index in range(30)
    ]
    rows = list(run_exercises(tmp_path, texts).read())
    assert len(rows) == 30
    forms = {form: 0 for form in (">>>", " -> ", " == ", "For example")}
    for exercise in rows:
        namespace: dict[str, object] = {}
        exec(exercise.prompt + exercise.solution + exercise.tests, namespace)
        namespace["check"](namespace[exercise.name])  # type: ignore[operator]
        lines = [line.strip() for line in exercise.prompt.splitlines()[1:]]
        for line, following in pairwise(lines):
            if line.startswith(">>> "):
                assert repr(eval(line[4:], namespace)) == following
        for form in forms:
            forms[form] += any(form in line for line in lines)
    assert 10 < forms[">>>"] < 28
    assert all(forms.values())


def test_built_in_exercises_come_first_and_none_is_there_twice(tmp_path: Path) -> None:
    (first,) = ExerciseTeacher(SEED, max_depth=3, forbidden_names=()).exercises(1, "train")
    made = run_exercises(tmp_path, [reply(name(0)), reply(name(1), "    return sum(numbers) * 1")], num_exercises=20)
    rows = list(made.read())
    assert len(rows) == 22
    assert rows[0] == first
    assert [exercise.name for exercise in rows[20:]] == [name(0), name(1)]


def test_more_requests_keep_what_fewer_gave(tmp_path: Path) -> None:
    texts = [reply(name(index), f"    return sum(numbers) * {index} // {index}") for index in range(1, 4)]
    texts = [reply(name(0)), *[text.replace("// 0", "") for text in texts]]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    few, many = run_exercises(tmp_path / "a", texts[:2]), run_exercises(tmp_path / "b", texts, workers=2)
    rows: list[Exercise] = list(many.read())
    assert list(few.read()) == rows[:2]
    assert len(rows) == 4


def test_a_baseline_is_measured_beside_and_kept_apart(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    texts = [reply(name(0), f"    return sum(numbers) * {factor} // {factor}") for factor in (2, 3)]
    with ReplyCache(Path(writer.replies)) as cache:
        for index, text in enumerate([*texts, "I would rather not."]):
            request = plain_exercise_request(writer, SEED, index)
            assert "Topic" not in request.messages[-1].content
            cache.keep(request, ChatReply(text, "stop", 200, 90, "2026-01-01"))
    made = run_exercises(
        tmp_path,
        [reply(name(1)), reply(name(2), "    return sum(n for n in numbers)"), reply(name(3), LOOP)],
        num_baseline_requests=3,
    )
    assert [exercise.name for exercise in made.read()] == [name(1), name(2), name(3)]
    baseline = list(read_rows(made.folder / BASELINE, Exercise))
    assert [exercise.task_id for exercise in baseline] == [f"m/baseline/{SEED}/0", f"m/baseline/{SEED}/1"]
    metrics = made.facts.metrics
    assert metrics["baseline_acceptance_rate"] == pytest.approx(2 / 3, abs=1e-4)
    assert (metrics["baseline_requests"], metrics["baseline_completion_tokens"]) == (3, 270)
    assert metrics["baseline_diversity_sample"] == metrics["writer_diversity_sample"] == 2
    assert (metrics["baseline_distinct_names"], metrics["writer_distinct_names"]) == (1, 3)
    assert metrics["baseline_embedding_spread"] < metrics["writer_embedding_spread"]  # type: ignore[operator]
    measured = json.loads((made.folder / DIVERSITY).read_text())
    assert set(measured) == {"writer", "baseline"}
    assert made.facts.drops == {}


def test_a_baseline_is_of_something() -> None:
    with pytest.raises(RecipeError, match=r"num_baseline_requests is a baseline for num_requests, which is 0"):
        load_recipe("nano", ["write_exercises.num_baseline_requests=5"])


def test_a_reply_that_is_not_recorded_is_named(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    record(Path(writer.replies), writer, [])
    (tmp_path / "out").mkdir()
    with pytest.raises(TeacherError, match="holds no reply to request"):
        write_exercises(
            config=WriteExercisesConfig(num_exercises=3, num_heldout=2, num_requests=1),
            teacher=TeacherConfig(),
            writer=writer,
            seed=SEED,
            entry_points=(),
            requests="",
            out=tmp_path / "out",
            machine=Machine(workers=1),
        )


def run_textbooks(tmp_path: Path, texts: list[str], **fields: object) -> Textbooks:
    writer, out = writer_of(tmp_path), tmp_path / "out"
    record(Path(writer.replies), writer, texts, sections=True)
    out.mkdir()
    config = {"num_sections": 0, "num_requests": len(texts), "topics": "list", "max_repairs": 0, **fields}
    return write_textbooks(
        config=WriteTextbooksConfig.model_validate(config),
        teacher=TeacherConfig(),
        writer=writer,
        seed=SEED,
        requests="",
        out=out,
        machine=Machine(workers=1),
    )


def test_sections(tmp_path: Path) -> None:
    texts = [
        section(),
        section(title="# Another title", code=f"# A comment.\n{CODE}"),
        section(code="assert 2 + 2 == 5"),
        section(title=""),
        section() + "(cut)",
    ]
    made = run_textbooks(tmp_path, texts)
    (row,) = made.read()
    constraints = draw_section(SEED, 0)
    assert (row.topic, row.audience, row.text) == (constraints.topic, constraints.audience, section())
    assert made.facts.rows == {TEXTBOOKS: 1}
    assert made.facts.drops == {"cut_off": 1, "duplicate_code": 1, "no_title": 1, "tests_fail": 1}
    assert made.facts.metrics["teacher_kept"] == 1


def test_sections_of_both_teachers(tmp_path: Path) -> None:
    rows = list(run_textbooks(tmp_path, [section()], num_sections=10).read())
    assert len(rows) == 11
    assert rows[-1].text == section()


def test_who_is_asked_must_be_named() -> None:
    with pytest.raises(RecipeError, match=r"write_exercises\.num_requests needs somebody to ask"):
        load_recipe("nano", ["write_exercises.num_requests=5"])
