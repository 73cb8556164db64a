import gzip
import json
from pathlib import Path

import pytest

from hornbook.errors import TaskError
from hornbook.evaluate.forms import FEW_SHOT, FUNCTION
from hornbook.evaluate.problems import ProblemSet, code_before_entry, load_problems, program_of, to_program
from hornbook.records import Problem

ROW = {
    "task_id": "T/0",
    "prompt": 'import math\n\n\ndef half(x):\n    return x / 2\n\n\ndef one():\n    """One."""\n',
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


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
        (["[1, 2]"], "row 1: a JSON object is needed"),
        ([json.dumps({k: v for k, v in ROW.items() if k != "entry_point"})], "row 1: field 'entry_point' is missing"),
        ([json.dumps(ROW | {"prompt": 7})], "row 1: field 'prompt' must be text, not 7"),
        ([json.dumps(ROW | {"prompt": "  "})], "row 1: field 'prompt' is empty"),
        ([json.dumps(ROW), json.dumps(ROW)], "row 2: task_id 'T/0' was there before"),
        ([json.dumps(ROW | {"test": "def check(candidate:\n"})], "row 1: field 'test' is not valid Python"),
        ([json.dumps(ROW | {"test": "assert one() == 1\n"})], "row 1: field 'test' of 'T/0' must define check"),
        ([""], "no problem in it"),
        (["[" * 100_000], "row 1: not JSON"),
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
    for name in ("missing.jsonl", "bad.jsonl.gz"):
        with pytest.raises(TaskError, match=f"{name}: cannot be read"):
            load_problems(tmp_path / name)


def test_every_row_at_fault_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    good = json.dumps(ROW)
    path.write_bytes(f"{good}\n{good}\n[]\n".encode() + b"\xe9\n{\n")
    with pytest.raises(TaskError) as caught:
        load_problems(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: 4 rows cannot be used: row 2: task_id {ROW['task_id']!r} was there before")
    assert "row 3: a JSON object is needed, not '[]'" in said
    assert "row 4: not UTF-8" in said
    assert "row 5: not JSON" in said
    path.write_text("{\n" * 9, encoding="utf-8")
    with pytest.raises(TaskError, match=r"9 rows cannot be used: row 1: .*row 5: [^;]*; and 4 more$"):
        load_problems(path)


def test_a_problem_may_lack_a_reference(tmp_path: Path) -> None:
    (problem,) = load_problems(write(tmp_path / "p.jsonl", json.dumps(ROW | {"canonical_solution": ""})))
    assert problem.canonical_solution == ""


def test_the_tests_get_what_the_prompt_gives_before_the_function() -> None:
    problem = Problem(**ROW)
    before = "import math\n\n\ndef half(x):\n    return x / 2\n\n\n"
    program = to_program(problem, "\n    return 1")
    assert (program.given, program.judged, program.entry_point) == (before, "apart", "one")
    assert program.source == problem.prompt.rstrip() + "\n    return 1\n"
    together = program_of(problem, program.source, "together")
    assert (together.given, together.judged) == ("", "together")


@pytest.mark.parametrize(
    ("prompt", "given"),
    [
        ("def one():\n", ""),
        ("x = '\\w'\n\ndef one():\n    ''' '\\d' '''\n", "x = '\\w'\n\n"),
        ("import re\n@cache\ndef one():\n", "import re\n"),
        ("import re\nasync def one():\n    'd'", "import re\n"),
        ("import re\n\ndef other():\n    pass\n", ""),
        ("import re\n\ndef one(:\n", ""),
        ("Write a function.\n[BEGIN]\n", ""),
    ],
)
def test_code_before_the_entry_point(prompt: str, given: str) -> None:
    assert code_before_entry(prompt, "one") == given


def test_an_identity_is_what_is_asked_not_what_it_is_called() -> None:
    problem = Problem(**ROW)
    one = ProblemSet("a", (problem,), FUNCTION, "here", {"T/0": 2})
    assert one.identity == ProblemSet("b", (problem,), FUNCTION, "there").identity
    other = Problem(**ROW | {"test": ROW["test"] + "\n"})
    assert one.identity != ProblemSet("a", (other,), FUNCTION, "here").identity
    assert one.identity != ProblemSet("a", (problem,), FEW_SHOT, "here").identity
    assert one.by_id["T/0"] is problem
