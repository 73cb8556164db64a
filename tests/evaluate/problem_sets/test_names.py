"""Problem sets by name, and what of them enters a fingerprint."""

import json
from pathlib import Path

import pytest

from hornbook.errors import InputError, MissingDependencyError, RecipeError, RunFolderError, TaskError
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problem_sets import benchmark_entry_points, load_set, load_sets, problem_set_identities
from hornbook.pipeline import build
from hornbook.recipe import EvaluateConfig, load_recipe, split_problem_set
from hornbook.run.artifact import Facts
from hornbook.run.datasets import Exercises, humaneval_problems
from hornbook.run.fingerprint import canonical
from tests.evaluate.problem_sets.rows import PROBLEM_ROW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(PROBLEM_ROW) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("humaneval", ("humaneval", "")),
        ("humaneval+:a/b.jsonl.gz", ("humaneval+", "a/b.jsonl.gz")),
        ("mbpp:hub", ("mbpp", "hub")),
        ("mine.jsonl", ("", "mine.jsonl")),
        ("../a:b/mine.jsonl.gz", ("", "../a:b/mine.jsonl.gz")),
    ],
)
def test_names_and_places(text: str, expected: tuple[str, str]) -> None:
    assert split_problem_set(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("humanevl", "Did you mean 'humaneval'?"),
        ("mbp:file.jsonl", "Did you mean 'mbpp'?"),
        ("humaneval:", "unknown problem set 'humaneval:'"),
        ("problems.csv", "unknown problem set 'problems.csv'"),
    ],
)
def test_an_unknown_name_is_refused_everywhere(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_set(text)
    assert message in str(caught.value)
    with pytest.raises(RecipeError) as refused:
        load_recipe("tiny", [f'evaluate.problems=["{text}"]'])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mbpp", "needs a file: write mbpp:PATH, or mbpp:hub"),
        ("humaneval+", "needs a file: write humaneval+:PATH"),
        ("heldout", "write heldout:RUN"),
        ("unconventional:here", "takes no place"),
    ],
)
def test_a_place_that_is_needed_or_not_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_set(text)
    assert message in str(caught.value)


def test_a_file_is_named_after_itself(file: Path) -> None:
    found = load_set(str(file))
    assert (found.label, len(found.problems), found.form) == ("mine", 1, FUNCTION)
    assert str(file) not in found.origin


def test_humaneval_comes_from_its_package_or_a_file(file: Path) -> None:
    package, own = load_set("humaneval"), load_set(f"humaneval:{file}")
    assert [problem.task_id for problem in package.problems] == [f"HumanEval/{n}" for n in range(164)]
    assert (own.label, [problem.task_id for problem in own.problems]) == ("humaneval", ["T/0"])
    with pytest.raises(TaskError, match="cannot be read"):
        load_set(f"humaneval:{file}.gz")


def test_held_out_problems_know_their_depth(exercises: Exercises) -> None:
    found = load_set("heldout", exercises)
    assert [problem.task_id for problem in found.problems] == [f"heldout/{n}" for n in range(8)]
    assert (found.groups["heldout/0"], found.groups["heldout/1"]) == (2, 3)


def test_held_out_problems_of_a_run_are_found_in_its_folder(tmp_path: Path, exercises: Exercises) -> None:
    (tmp_path / "run.json").write_text('{"hornbook_run": "tiny"}')
    with pytest.raises(RunFolderError, match="has no finished"):
        load_set(f"heldout:{tmp_path}")
    target = tmp_path / "decontaminate_codeexercises" / "abc"
    target.parent.mkdir()
    target.symlink_to(exercises.folder)
    (tmp_path / "latest.json").write_text('{"decontaminate_codeexercises": "decontaminate_codeexercises/abc"}')
    manifest = {"rows": {}, "drops": {}, "metrics": {}}
    (exercises.folder / "manifest.json").write_text(json.dumps(manifest))
    assert load_set(f"heldout:{tmp_path}") == load_set("heldout", exercises)


def test_sets_of_a_run_are_found_by_label(exercises: Exercises, file: Path) -> None:
    sets, left_out = load_sets(["heldout", "humaneval", str(file)], exercises)
    assert (list(sets), left_out) == (["heldout", "humaneval", "mine"], {})
    with pytest.raises(InputError, match="two problem sets are named 'humaneval'"):
        load_sets(["humaneval", f"humaneval:{file}"], exercises)


def test_a_set_that_is_not_there_is_left_out_with_a_reason(
    tmp_path: Path, exercises: Exercises, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.evaluate.problem_sets.humaneval.humaneval_problems", lambda: ())
    monkeypatch.setattr(Exercises, "problems", lambda self: [])
    sets, left_out = load_sets(["heldout", "humaneval"], Exercises(exercises.folder, Facts()))
    assert sets == {}
    assert "pip install 'hornbook[humaneval]'" in left_out["humaneval"]
    assert left_out["heldout"] == "heldout: the set has no problem"
    with pytest.raises(MissingDependencyError):
        load_set("humaneval")


def test_the_fingerprint_follows_contents_and_not_paths(tmp_path: Path, file: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / file.name
    moved.write_text(file.read_text())
    here, there = (build(load_recipe("tiny", [f'evaluate.problems=["{path}"]'])) for path in (file, moved))
    node = "base.evaluate"
    assert here[node].fingerprint == there[node].fingerprint
    moved.write_text(json.dumps(PROBLEM_ROW | {"test": PROBLEM_ROW["test"] + "    assert candidate() < 2\n"}))
    assert here[node].fingerprint != build(load_recipe("tiny", [f'evaluate.problems=["{moved}"]']))[node].fingerprint
    assert "problems" not in canonical(EvaluateConfig(problems=(str(file),)))
    assert canonical(EvaluateConfig()) != canonical(EvaluateConfig(temperature=0.5))


def test_installing_humaneval_shows_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    with_package = problem_set_identities(["heldout", "humaneval"])
    assert set(with_package) == {"heldout", "humaneval"}
    assert len(with_package["humaneval"]) == 64
    monkeypatch.setattr("hornbook.evaluate.problem_sets.humaneval.humaneval_problems", lambda: ())
    assert problem_set_identities(["heldout", "humaneval"]) == {"heldout": "run", "humaneval": ""}


def test_whether_the_held_out_problems_are_asked_shows_in_the_fingerprint() -> None:
    prints = {
        names: build(load_recipe("tiny", [f"evaluate.problems={names}"]))["base.evaluate"].fingerprint
        for names in ('["heldout","humaneval"]', '["humaneval","heldout"]', '["humaneval"]')
    }
    both, turned, without = prints.values()
    assert both == turned != without


def test_entry_points_of_all_benchmarks_that_are_there(file: Path) -> None:
    own = {problem.entry_point for problem in humaneval_problems()}
    assert benchmark_entry_points(["heldout"]) == tuple(sorted(own))
    names = benchmark_entry_points(["heldout", "humaneval", str(file), "unconventional"])
    unconventional = {problem.entry_point for problem in load_set("unconventional").problems}
    assert set(names) == own | {PROBLEM_ROW["entry_point"]} | unconventional
    assert list(names) == sorted(names)


def test_no_exercise_may_have_the_name_of_a_problem_of_the_run(file: Path) -> None:
    def forbidden(*problems: str) -> set[str]:
        recipe = load_recipe("tiny", [f"evaluate.problems={json.dumps(['heldout', *problems])}"])
        (node,) = (node for node in build(recipe) if node.name == "write_exercises")
        return set(node.values["entry_points"])

    assert forbidden(str(file)) - forbidden() == {PROBLEM_ROW["entry_point"]}
