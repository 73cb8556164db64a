import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.errors import TaskError
from hornbook.evaluate.forms import FEW_SHOT, FUNCTION
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.samples import Answer, own_answers, read_samples, write_results, write_samples
from hornbook.records import Problem, Sample

PROMPT = 'def add{n}(x):\n    """Add {n}."""\n'
PROBLEMS = tuple(
    Problem(f"T/{n}", PROMPT.format(n=n), f"add{n}", f"    return x + {n}\n", "def check(candidate): pass")
    for n in range(3)
)
SET = ProblemSet("adding", PROBLEMS, FUNCTION, "here")
GOOD = [{"task_id": f"T/{n}", "completion": f"    return x + {n}"} for n in range(3)]


def write(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_completions_are_joined_to_the_prompt_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *GOOD)
    file = read_samples(path, SET)
    assert file.notes == ()
    assert [one.task_id for one in file.answers] == ["T/0", "T/1", "T/2"]
    assert file.answers[1].program == PROBLEMS[1].prompt + "    return x + 1\n"
    packed = tmp_path / "s.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_samples(packed, SET) == file


def test_a_solution_is_the_whole_program(tmp_path: Path) -> None:
    rows = [{"task_id": one["task_id"], "solution": "x = 1", "completion": "ignored"} for one in GOOD]
    file = read_samples(write(tmp_path / "s.jsonl", *rows), SET)
    assert file.answers[0] == Answer("T/0", "x = 1", "x = 1\n", is_whole=True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*GOOD, "{broken"], "1 row that cannot be read (row 4: not JSON"),
        ([*GOOD, "[]", '"x"'], "2 rows that cannot be read (row 4: a JSON object is needed"),
        ([*GOOD, {"completion": "x"}], "row 4: field 'task_id' is missing"),
        ([*GOOD, {"task_id": 7, "completion": "x"}], "row 4: field 'task_id' must be text, not 7"),
        ([*GOOD, {"task_id": "T/0"}], "row 4: neither 'completion' nor 'solution'; the row has task_id"),
        ([*GOOD, {"task_id": "T/0", "completion": None}], "row 4: field 'completion' must be text, not None"),
        (
            [*GOOD, {"task_id": "U/0", "completion": ""}],
            "that adding does not have (row 4: 'U/0'; its ids are like 'T/0'",
        ),
        (GOOD[:2], "1 problem of 3 without a sample ('T/2')"),
        (
            [*GOOD, GOOD[0], GOOD[0]],
            "2 rows repeating a sample of a problem with too many (row 4: 'T/0'; row 5: 'T/0')",
        ),
    ],
)
def test_a_fault_is_named_and_scored_only_on_request(tmp_path: Path, rows: list[object], message: str) -> None:
    path = write(tmp_path / "s.jsonl", *rows)
    with pytest.raises(TaskError) as caught:
        read_samples(path, SET)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "--allow-partial" in str(caught.value)
    file = read_samples(path, SET, allow_partial=True)
    assert file.notes[0].startswith("Left out of the score: ")
    assert message in file.notes[0]
    assert [one.task_id for one in file.answers] == ["T/0", "T/1", "T/2"][: len(rows)]


def test_many_faults_are_counted_and_a_few_named(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *GOOD, *["{"] * 8)
    with pytest.raises(TaskError, match=r"8 rows that cannot be read \(row 4: .*row 8: .*; and 3 more\)"):
        read_samples(path, SET)


@pytest.mark.parametrize("rows", [[], ["", "  "], ["{broken"], [{"task_id": "U/0", "completion": ""}]])
def test_a_file_without_a_usable_row_has_no_score(tmp_path: Path, rows: list[object]) -> None:
    path = write(tmp_path / "s.jsonl", *rows)
    for allow_partial in (False, True):
        with pytest.raises(TaskError, match="no sample of adding in it"):
            read_samples(path, SET, allow_partial=allow_partial)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nope\.jsonl: cannot be read"):
        read_samples(tmp_path / "nope.jsonl", SET)


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(write(tmp_path / "s.jsonl", *GOOD).read_bytes()))
    content[10:14] = b"\xff" * 4
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=r"s\.jsonl\.gz: cannot be read: .*decompressing"):
        read_samples(path, SET)


def test_a_line_that_is_not_utf_8_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *GOOD)
    path.write_bytes(path.read_bytes() + b'{"task_id": "\xe9"}\n')
    with pytest.raises(TaskError, match=rf"1 row that cannot be read \(row {len(GOOD) + 1}: not UTF-8"):
        read_samples(path, SET)
    assert len(read_samples(path, SET, allow_partial=True).answers) == len(GOOD)


def test_equal_draws_are_no_fault(tmp_path: Path) -> None:
    file = read_samples(write(tmp_path / "s.jsonl", *GOOD, *GOOD), SET)
    assert (len(file.answers), file.notes) == (6, ())


def test_uneven_counts_of_different_samples_are_said(tmp_path: Path) -> None:
    file = read_samples(write(tmp_path / "s.jsonl", *GOOD, {"task_id": "T/0", "completion": "    return 0"}), SET)
    assert len(file.answers) == 4
    assert file.notes == ("Problems have from 1 to 2 samples; each problem counts the same.",)


def test_an_empty_completion_is_an_answer(tmp_path: Path) -> None:
    file = read_samples(write(tmp_path / "s.jsonl", *GOOD[:2], {"task_id": "T/2", "completion": ""}), SET)
    assert file.answers[2].program == PROBLEMS[2].prompt + "\n"


def test_written_samples_are_read_as_the_same_programs(tmp_path: Path) -> None:
    completions = ["\n    return x", " # beside the docstring\n    return x", "\n\n    return x\n"]
    answers = own_answers(SET, PROBLEMS, completions)
    write_samples(tmp_path / "s.jsonl", SET, answers)
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert rows[0] == {"task_id": "T/0", "completion": "    return x"}
    # No completion after the prompt's own line break can say this.
    assert rows[1]["solution"] == PROBLEMS[1].prompt.rstrip() + completions[1]
    assert [one.program for one in read_samples(tmp_path / "s.jsonl", SET).answers] == [one.program for one in answers]


def test_samples_of_whole_programs_are_written_as_they_are(tmp_path: Path) -> None:
    few_shot = ProblemSet("adding", PROBLEMS, FEW_SHOT, "here")
    answers = own_answers(few_shot, PROBLEMS, ["\ndef f(): pass"] * 3)
    write_samples(tmp_path / "s.jsonl", few_shot, answers)
    assert [one.program for one in read_samples(tmp_path / "s.jsonl", few_shot).answers] == ["\ndef f(): pass\n"] * 3


def test_foreign_samples_come_back_unchanged(tmp_path: Path) -> None:
    rows = [*GOOD[:2], {"task_id": "T/2", "solution": "def add2(x): return x"}]
    file = read_samples(write(tmp_path / "s.jsonl", *rows), SET)
    write_samples(tmp_path / "again.jsonl", SET, file.answers)
    assert [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()] == rows


def test_results_are_in_human_evals_form(tmp_path: Path) -> None:
    answers = own_answers(SET, PROBLEMS, ["\n    return x", "\n    return y", "\n    while 1: pass"])
    verdicts = [("passed", ""), ("exception", "NameError: name 'y' is not defined"), ("timed_out", "still running")]
    samples = [
        Sample(one.task_id, "m", one.completion, verdict == "passed", verdict, detail)
        for one, (verdict, detail) in zip(answers, verdicts, strict=True)
    ]
    write_results(tmp_path / "r.jsonl", SET, answers, samples)
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert rows[0] == {"task_id": "T/0", "completion": "    return x", "result": "passed", "passed": True}
    assert rows[1]["result"] == "failed: exception: NameError: name 'y' is not defined"
    assert (rows[2]["result"], rows[2]["passed"]) == ("timed out", False)


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["T/0", "T/1", "T/2", "    return x"])
ROWS = st.dictionaries(st.sampled_from(["task_id", "completion", "solution", "more"]), VALUES).map(json.dumps)


@given(lines=st.lists(ROWS | st.text(st.characters(blacklist_categories=["Cs"])), max_size=8))
def test_any_file_is_read_or_refused_with_its_name(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "s.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    refused, notes, answered = "", (), set()
    try:
        file = read_samples(path, SET, allow_partial=True)
        notes, answered = file.notes, {one.task_id for one in file.answers}
    except TaskError as error:
        refused = str(error)
    assert bool(answered) != refused.startswith(f"{path}: no sample of adding in it.")
    assert answered <= {"T/0", "T/1", "T/2"}
    assert bool(notes) or len(answered) in (0, 3)
