from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

import pytest

from hornbook.recipe import TeacherConfig, WriteExercisesConfig, WriterConfig
from hornbook.records import Exercise
from hornbook.run.datasets import EXERCISES, HELDOUT, Exercises, humaneval_problems
from hornbook.run.machine import Machine
from hornbook.synthesize import write_exercises as module
from hornbook.synthesize.write_exercises import solution_digest, write_exercises
from hornbook.teacher.builtin import RubricTeacher, TextbookTeacher
from hornbook.teacher.protocol import Teacher

HUMANEVAL = tuple(sorted({problem.entry_point for problem in humaneval_problems()}))


def run(
    out: Path,
    num_exercises: int = 600,
    num_heldout: int = 20,
    workers: int = 1,
    entry_points: tuple[str, ...] = HUMANEVAL,
) -> Exercises:
    out.mkdir()
    return write_exercises(
        config=WriteExercisesConfig(num_exercises=num_exercises, num_heldout=num_heldout),
        teacher=TeacherConfig(),
        writer=WriterConfig(),
        requests="",
        seed=3,
        entry_points=entry_points,
        out=out,
        machine=Machine(workers=workers),
    )


def test_golden(tmp_path: Path) -> None:
    made = run(tmp_path / "out")
    train, heldout = list(made.read()), list(made.read_heldout())
    assert made.facts.rows == {EXERCISES: 600, HELDOUT: 20} == {EXERCISES: len(train), HELDOUT: len(heldout)}
    prompts = [exercise.prompt for exercise in train + heldout]
    assert len(set(prompts)) == len(prompts)
    assert len(HUMANEVAL) > 150
    assert not set(HUMANEVAL) & {exercise.name for exercise in train + heldout}
    assert {exercise.verdict for exercise in train + heldout} == {"computed"}
    assert list(made.read_unverified()) == []
    metrics = made.facts.metrics
    assert metrics["distinct_solutions"] == len({solution_digest(exercise) for exercise in train + heldout})
    assert metrics["compositions"] == len({exercise.operations for exercise in train + heldout})
    assert 200 < metrics["distinct_solutions"] <= 620
    chars = sum(len(exercise.prompt) + len(exercise.solution) for exercise in train + heldout)
    assert metrics["mean_chars"] == pytest.approx(chars / 620, abs=0.1)


def test_solutions_pass_their_tests(tmp_path: Path) -> None:
    made = run(tmp_path / "out", 100)
    for exercise in [*made.read(), *made.read_heldout()]:
        namespace: dict[str, object] = {}
        exec(exercise.prompt + exercise.solution + exercise.tests, namespace)
        namespace["check"](namespace[exercise.name])
        with pytest.raises(AssertionError):
            namespace["check"](lambda *_: object())


def test_same_bytes_with_one_and_two_workers(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two", workers=2)
    for name in (EXERCISES, HELDOUT):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert one.facts == two.facts


class Scripted:
    """Writes what is listed, again and again."""

    def __init__(self, listed: dict[str, list[tuple[str, str]]]) -> None:
        self.listed = listed

    def exercises(self, count: int, split: Literal["train", "heldout"], *, start: int = 0) -> Iterator[Exercise]:
        for index in range(start, start + count):
            name, docstring = self.listed[split][index % len(self.listed[split])]
            prompt = f'def {name}():\n    """{docstring}"""\n'
            yield Exercise(f"{split}/{index}", name, prompt, "    return 1\n", "", (name,), "plain")


SCRIPTED = Scripted(
    {
        "heldout": [("h0", "a"), ("h0", "a"), ("h1", "b")],
        "train": [("t0", "a"), ("h1", "b"), ("t0", "a"), ("has_close_elements", "c"), ("t1", "d"), ("t2", "e")],
    }
)


def use(monkeypatch: pytest.MonkeyPatch, writer: Scripted) -> list[Collection[str]]:
    """Makes the stage use a writer; returns what the stage forbids, filled as it asks."""
    forbidden: list[Collection[str]] = []

    def build(config: TeacherConfig, seed: int, *, max_depth: int, forbidden_names: Collection[str]) -> Teacher:
        forbidden.append(forbidden_names)
        return Teacher(annotator=RubricTeacher(), textbooks=TextbookTeacher(seed), exercises=writer)

    monkeypatch.setattr(module, "build_teacher", build)
    return forbidden


def test_every_drop_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = use(monkeypatch, SCRIPTED)
    made = run(tmp_path / "out", num_exercises=3, num_heldout=2)
    assert [exercise.name for exercise in made.read_heldout()] == ["h0", "h1"]
    assert [exercise.name for exercise in made.read()] == ["t0", "t1", "t2"]
    assert made.facts.drops == {"duplicate_prompt": 2, "heldout_prompt": 1, "benchmark_name": 1}
    assert all("has_close_elements" in names for names in forbidden)


def test_without_benchmarks_no_name_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = use(monkeypatch, SCRIPTED)
    made = run(tmp_path / "out", num_exercises=4, num_heldout=2, entry_points=())
    assert [exercise.name for exercise in made.read()] == ["t0", "has_close_elements", "t1", "t2"]
    assert set(forbidden) == {()}


def test_a_teacher_that_repeats_itself_ends_with_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, SCRIPTED)
    made = run(tmp_path / "out", num_exercises=50, num_heldout=2)
    assert made.facts.rows[EXERCISES] == 3
    assert sum(made.facts.drops.values()) >= 97


@pytest.mark.parametrize(
    ("body", "is_same"),
    [
        ("    return [item + 1 for item in values]\n", True),
        ("    return [number + 2 for number in numbers]\n", True),
        ("    return [number - 1 for number in numbers]\n", False),
        ("    return [number + 1 for number in numbers if number]\n", False),
        ("    return [abs(number) + 1 for number in numbers]\n", False),
    ],
)
def test_solution_digest(body: str, is_same: bool) -> None:
    def digest(prompt: str, solution: str) -> bytes:
        return solution_digest(Exercise("task", "f", prompt, solution, "", (), ""))

    base = digest('def f(numbers):\n    """Add one."""\n', "    return [number + 1 for number in numbers]\n")
    assert (digest('def g(values: list[int]) -> list[int]:\n    """More."""\n', body) == base) is is_same


def test_solution_digest_knows_methods_apart() -> None:
    digests = {
        solution_digest(
            Exercise("t", "f", 'def f(text):\n    """Do."""\n', f"    return text.{method}()\n", "", (), "")
        )
        for method in ("upper", "lower")
    }
    assert len(digests) == 2
