import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hornbook.evaluate.compare import choose_problems, compare
from hornbook.evaluate.comparison import Comparison
from hornbook.evaluate.grade import grade_sample
from hornbook.evaluate.tasks import TASKS
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import CompareConfig
from hornbook.records import Sample
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine


def complete(model: ModelArtifact, prompts: Sequence[str], **settings: Any) -> list[str]:
    """`finetuned` solves everything, `base` writes an empty answer, `small` what does not parse."""
    kind = model.folder.name
    if kind == "small":
        return ["\n    return ((" for _ in prompts]
    if kind == "base":
        return ["\n    return None" for _ in prompts]
    references = {task.prompt: task.reference for task in TASKS}
    return [references.get(p) or f"\n    return x + {re.search(r'add(.)', p)[1]}" for p in prompts]  # type: ignore[index]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, exercises: Exercises) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornbook.evaluate.compare.complete", complete)
        return compare(
            small=ModelArtifact(Path("small")),
            base=ModelArtifact(Path("base")),
            finetuned=ModelArtifact(Path("finetuned")),
            exercises=exercises,
            config=CompareConfig(num_heldout=2),
            seed=0,
            out=tmp_path_factory.mktemp("compare"),
            machine=Machine(workers=2),
        )


def test_every_model_is_graded_on_every_task(compared: Comparison) -> None:
    tasks = list(compared.read())
    assert [task.kind for task in tasks] == ["heldout"] * 2 + ["task"] * 3
    assert [task.task_id for task in tasks[2:]] == [task.task_id for task in TASKS]
    for task in tasks:
        small, base, finetuned = task.completions
        assert [one.model for one in task.completions] == ["small", "base", "finetuned"]
        assert not any(small.clauses.values())
        assert base.clauses["parses"]
        assert not base.clauses["all correct"]
        assert all(finetuned.clauses.values()), (task.task_id, finetuned)
        assert list(small.clauses) == list(base.clauses) == list(finetuned.clauses)


def test_the_facts_count_clauses(compared: Comparison) -> None:
    metrics = compared.facts.metrics
    clauses = 2 * 3 + sum(len(task.checks()) + 1 for task in TASKS)
    assert (metrics["finetuned_clauses_met"], metrics["finetuned_clauses"]) == (clauses, clauses)
    assert (metrics["finetuned_all_correct"], metrics["base_all_correct"]) == (5, 0)
    assert metrics["small_clauses_met"] == 0
    assert compared.facts.rows == {"comparison.jsonl": 5}


def test_the_choice_follows_the_seed_and_not_the_order(exercises: Exercises) -> None:
    problems = exercises.problems()
    chosen = choose_problems(problems, 3, seed=0)
    assert chosen == choose_problems(problems[::-1], 3, seed=0)
    assert any(choose_problems(problems, 3, seed=seed) != chosen for seed in range(1, 5))
    assert len(choose_problems(problems, 99, seed=0)) == 8


@pytest.mark.parametrize(
    ("verdict", "met"),
    [
        ("passed", {"parses", "runs", "all correct"}),
        ("wrong_answer", {"parses", "runs"}),
        ("exception", {"parses"}),
        ("timed_out", {"parses"}),
        ("crashed", {"parses"}),
        ("syntax_error", set()),
    ],
)
def test_a_heldout_grade_is_read_off_the_verdict(verdict: str, met: set[str]) -> None:
    grade = grade_sample(Sample("t", "m", "", verdict == "passed", verdict, "why"))
    assert {name for name, is_met in grade.clauses.items() if is_met} == met
    assert grade.detail == "why"
