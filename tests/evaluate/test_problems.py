import gzip
import json
from pathlib import Path

import pytest

from hornbook.errors import TaskError
from hornbook.evaluate.problems import load_problems, load_sets, to_program, write_samples
from hornbook.records import Exercise, Problem, write_rows
from hornbook.run.datasets import HELDOUT, Exercises

ROW = {
    "task_id": "T/0",
    "prompt": 'def one():\n    """One."""\n',
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def exercises(folder: Path, count: int) -> Exercises:
    row = Exercise("heldout/0", "one", ROW["prompt"], ROW["canonical_solution"], ROW["test"], ("a", "b"), "plain")
    write_rows(folder / HELDOUT, Exercise, [row] * count)
    return Exercises(folder)


def test_sets_are_found_by_name(tmp_path: Path) -> None:
    sets, left_out = load_sets(["heldout", "humaneval"], exercises(tmp_path, 1))
    assert left_out == {}
    assert [problem.entry_point for problem in sets["heldout"]] == ["one"]
    assert [problem.task_id for problem in sets["humaneval"]] == [f"HumanEval/{n}" for n in range(164)]


def test_a_set_that_is_not_there_is_left_out_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.evaluate.problems.humaneval_problems", lambda: ())
    sets, left_out = load_sets(["heldout", "humaneval"], exercises(tmp_path, 0))
    assert sets == {}
    assert "pip install 'hornbook[humaneval]'" in left_out["humaneval"]
    assert left_out["heldout"] == "heldout: the set has no problem"


def test_a_file_is_read_plain_and_gzipped(tmp_path: Path) -> None:
    line = json.dumps(ROW | {"difficulty": 3})
    plain = write(tmp_path / "p.jsonl", line, "")
    packed = tmp_path / "p.jsonl.gz"
    packed.write_bytes(gzip.compress(line.encode()))
    assert load_problems(plain) == load_problems(packed) == [Problem(**ROW)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([json.dumps(ROW), "{broken"], "row 2: not JSON"),
        (["[1, 2]"], "row 1: an object with task_id"),
        ([json.dumps({k: v for k, v in ROW.items() if k != "entry_point"})], "row 1: field 'entry_point' is missing"),
        ([json.dumps(ROW | {"prompt": 7})], "row 1: field 'prompt' must be text, not 7"),
        ([json.dumps(ROW | {"prompt": "  "})], "row 1: field 'prompt' is empty"),
        ([json.dumps(ROW), json.dumps(ROW)], "row 2: task_id 'T/0' was there before"),
        ([json.dumps(ROW | {"test": "def check(candidate:\n"})], "row 1: field 'test' of 'T/0' is not valid Python"),
        ([json.dumps(ROW | {"test": "assert one() == 1\n"})], "row 1: field 'test' of 'T/0' must define check"),
        ([""], "no problem in it"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    path = write(tmp_path / "p.jsonl", *lines)
    with pytest.raises(TaskError) as caught:
        load_problems(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9\n")
    for name in ("missing.jsonl", "bad.jsonl.gz", "latin.jsonl"):
        with pytest.raises(TaskError, match=f"{name}: cannot be read"):
            load_problems(tmp_path / name)


def test_the_program_is_the_same_however_the_completion_begins() -> None:
    problem = Problem(**ROW)
    ours, theirs = to_program(problem, "\n    return 1"), to_program(problem, "    return 1")
    assert ours == theirs
    assert ours.source == 'def one():\n    """One."""\n    return 1\n'


def test_samples_are_in_human_evals_form(tmp_path: Path) -> None:
    write_samples(tmp_path / "s.jsonl", [("T/0", "\n    return 'é'")])
    lines = (tmp_path / "s.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"task_id": "T/0", "completion": "\n    return 'é'"}]
