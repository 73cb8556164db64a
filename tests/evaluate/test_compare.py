import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from hornbook.errors import InputError
from hornbook.evaluate.compare import compare, describe_protocol
from hornbook.evaluate.comparison import Comparison, pairs, standings
from hornbook.evaluate.problem_sets.heldout import from_exercises
from hornbook.evaluate.questions import choose_questions, of_set, split_names
from hornbook.evaluate.tasks import TASKS
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import CompareConfig, TaskName
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine

CHOSEN: tuple[TaskName, ...] = ("players", "dialogue", "unchanged_1", "buttons")
PROMPT_TOKENS, CONTEXT = 300, 512


class Model(ModelArtifact):
    """Stands for a folder: its name says how it answers."""

    def load_model(self, device: str = "auto") -> Any:
        return SimpleNamespace(kind=self.folder.name, config=SimpleNamespace(max_position_embeddings=CONTEXT))

    def tokenizer(self) -> Any:
        return SimpleNamespace(encode=lambda text, add_special_tokens: SimpleNamespace(ids=[0] * PROMPT_TOKENS))


def complete(model: Any, prompts: Sequence[str], form: Any, **settings: Any) -> list[str]:
    """`finetuned` solves everything, `base` writes an empty answer, `small` what does not parse."""
    kind = model.load_model().kind
    if kind == "small":
        return ["\n    return ((" for _ in prompts]
    if kind == "base":
        return ["\n    return None" for _ in prompts]
    references = {task.prompt: task.reference for task in TASKS.values()}
    return [references.get(p) or f"\n    return x + {re.search(r'add(.)', p)[1]}" for p in prompts]  # type: ignore[index]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, exercises: Exercises) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornbook.evaluate.compare.complete", complete)
        return compare(
            small=Model(Path("small")),
            base=Model(Path("base")),
            finetuned=Model(Path("finetuned")),
            exercises=exercises,
            config=CompareConfig(tasks=CHOSEN, num_heldout=2, max_new_tokens=256),
            seed=0,
            out=tmp_path_factory.mktemp("compare"),
            machine=Machine(workers=2),
        )


def test_every_model_is_graded_on_every_prompt(compared: Comparison) -> None:
    tasks = list(compared.read())
    assert [task.kind for task in tasks] == ["task"] * 4 + ["heldout"] * 2
    assert [task.task_id for task in tasks[:4]] == list(CHOSEN)
    for task in tasks:
        small, base, finetuned = task.completions
        assert [one.model for one in task.completions] == ["small", "base", "finetuned"]
        assert small.count("parses") == (0, 1)
        assert not any(check.is_met for check in small.checks)
        assert not base.is_all_correct
        assert finetuned.is_all_correct, (task.task_id, finetuned)
        names = [[check.name for check in one.checks] for one in task.completions]
        assert names[0] == names[1] == names[2]
        assert all(one.num_prompt_tokens_cut == PROMPT_TOKENS - (CONTEXT - 256) for one in task.completions)


def test_a_comparison_is_read_back_as_it_was_written(compared: Comparison) -> None:
    first = next(compared.read())
    assert first.source == "section 3.1"
    assert first.completions[1].checks[1].name == "runs"
    assert first.completions[0].checks[0].detail.startswith("syntax error")


def test_the_facts_count_by_level_and_by_task(compared: Comparison) -> None:
    metrics = compared.facts.metrics
    clauses = sum(check.level == "clause" for name in CHOSEN for check in TASKS[name].checks)
    assert (metrics["finetuned_tasks_clause"], metrics["finetuned_tasks_clause_of"]) == (clauses, clauses)
    assert (metrics["finetuned_tasks_all_correct"], metrics["base_tasks_all_correct"]) == (4, 0)
    assert (metrics["base_tasks_parses"], metrics["small_tasks_parses"]) == (3, 0)
    assert (metrics["finetuned_players_clause"], metrics["base_players_runs"]) == (8, 1)
    assert metrics["grading_s"] > 0
    assert compared.facts.rows == {"comparison.jsonl": 6}


def test_models_are_counted_alone_and_in_pairs(compared: Comparison) -> None:
    tasks = list(compared.read())
    _, base, finetuned = standings(tasks)
    assert (finetuned.model, finetuned.levels["all_correct"]) == ("finetuned", (6, 6))
    assert base.levels["api"] == (0, 4)
    clauses = finetuned.levels["clause"][0]
    first, _, last = pairs(tasks)
    assert (first.first, first.second, first.only_second_correct, first.only_second_clauses) == ("small", "base", 0, 0)
    assert (last.first, last.second) == ("base", "finetuned")
    assert (last.only_first_correct, last.only_second_correct) == (0, 6)
    assert (last.only_first_clauses, last.only_second_clauses) == (0, clauses)
    assert standings([]) == pairs([]) == []


def test_the_choice_follows_the_seed_and_not_the_order(exercises: Exercises) -> None:
    problems = from_exercises(exercises)

    def drawn(count: int, seed: int) -> list[str]:
        return [question.task_id for question in of_set(problems, count, seed)]

    assert sorted(drawn(99, 0)) == sorted(problem.task_id for problem in problems.problems)
    assert drawn(3, 0) == drawn(99, 0)[:3]
    assert any(drawn(3, seed) != drawn(3, 0) for seed in range(1, 5))
    assert drawn(0, 0) == []


def test_the_recipe_names_the_tasks_of_the_suite_in_their_order() -> None:
    assert CompareConfig().tasks == get_args(TaskName) == tuple(TASKS)


def test_the_guide_lists_every_task() -> None:
    guide = (Path(__file__).parents[2] / "docs/comparison.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    names = [name for row in rows[: len(rows) - 5] for name in re.findall(r"`(\w+)`", row)]
    prefix = "unchanged"
    assert [f"{prefix}{name}" if name.startswith("_") else name for name in names] == list(TASKS)


def test_questions_are_tasks_then_own_prompts_then_problems(tmp_path: Path, exercises: Exercises) -> None:
    own = tmp_path / "mine.jsonl"
    own.write_text('{"task_id": "mine", "prompt": "def f(x):\\n"}\n')
    found = choose_questions(["ball"], [own], ["heldout"], num_problems=2, seed=0, exercises=exercises)
    assert [(one.task_id, one.kind) for one in found[:2]] == [("ball", "task"), ("mine", "own prompt")]
    assert [one.kind for one in found[2:]] == ["heldout", "heldout"]
    assert split_names(None) == list(TASKS)
    assert split_names("") == []
    assert split_names(" ball, form") == ["ball", "form"]


@pytest.mark.parametrize(
    ("tasks", "sets", "message"),
    [
        (["bal"], [], "unknown task 'bal'. Did you mean 'ball'? There are players, ball, form"),
        (["ball", "ball"], [], "task 'ball' is named twice"),
        ([], [], "nothing to compare the models on"),
        ([], ["heldout"], "comes from a run"),
    ],
)
def test_what_cannot_be_asked_is_an_error(tasks: list[str], sets: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        choose_questions(tasks, [], sets, num_problems=2, seed=0, exercises=None)
    assert message in str(caught.value)


def test_the_protocol_says_how_completions_were_had() -> None:
    protocol = describe_protocol(99, Machine(sandbox="rlimits"))
    assert (protocol["decoding"], protocol["max_new_tokens"], protocol["sandbox"]) == ("greedy", 99, "rlimits")
