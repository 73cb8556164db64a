"""Annotations by a language model, from a server on loopback to rows, and again from the replies that it gave."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.annotate import UNANNOTATED, annotate
from hornbook.corpus.chat_annotate import annotation_requests
from hornbook.errors import TeacherError
from hornbook.recipe import AnnotateConfig, AnnotatorConfig, TeacherConfig
from hornbook.records import CodeFile
from hornbook.run.datasets import ANNOTATIONS, Annotations
from hornbook.run.machine import Machine
from tests.teacher.endpoint import Answer, Endpoint, endpoint

from .rows import code_files

GOOD = Answer("Reason: It sums a list.\nValue: 8")
CHATTY = Answer("I would give it a 6, for it is short.")
REPAIRED = Answer("Reason: It is short.\nValue: 6")
REFUSED = Answer(None, refusal="I cannot judge this.")


def is_repair(request: dict[str, Any]) -> bool:
    return str(request["messages"][-1]["content"]).startswith("Your reply cannot be read")


def code_of(request: dict[str, Any]) -> str:
    messages = request["messages"]
    return str(messages[-3 if is_repair(request) else -1]["content"])


def script(request: dict[str, Any], before: int) -> Answer:
    """Each file's code says how it is answered."""
    code = code_of(request)
    if "refuse" in code:
        return REFUSED
    if "hopeless" in code or ("chatty" in code and not is_repair(request)):
        return CHATTY
    if "chatty" in code:
        return REPAIRED
    if "silent" in code:
        return Answer("")
    value = re.search(r"worth (\d+)", code)
    return Answer(f"Reason: It says so.\nValue: {value[1]}") if value else GOOD


def file(name: str, text: str | None = None) -> CodeFile:
    return CodeFile(f"# {name}\nx = 1\n" if text is None else text, "origin-1", f"{name}.py", "MIT")


def run(folder: Path, files: Sequence[CodeFile], server: Endpoint | None, cache: Path, **settings: Any) -> Annotations:
    folder.mkdir()
    (folder / "out").mkdir()
    where = {"backend": "openai", "base_url": server.url} if server else {"backend": "recorded"}
    return annotate(
        files=code_files(folder / "files", files),
        config=AnnotateConfig(sample_files=1000),
        teacher=TeacherConfig(),
        annotator=AnnotatorConfig.model_validate({"model": "m", **where, **settings}),
        prompts="",
        seed=0,
        out=folder / "out",
        machine=Machine(workers=1, replies=cache),
    )


def test_replies_of_every_kind(tmp_path: Path) -> None:
    files = [file(name) for name in ("chatty", "good", "hopeless", "refuse", "silent")]
    with endpoint(script) as server:
        made = run(tmp_path / "run", files, server, tmp_path / "replies.sqlite")
        repairs = [request["messages"] for request in server.asked if is_repair(request)]
    rows = list(made.read())
    assert [(row.path, row.educational_value, row.reason) for row in rows] == [
        ("chatty.py", 6.0, "It is short."),
        ("good.py", 8.0, "It sums a list."),
    ]
    for row in rows:
        assert (row.origin, row.license, row.annotator) == ("origin-1", "MIT", "m")
        assert (row.num_windows, row.window_values, row.share_read) == (1, (row.educational_value,), 1.0)
    assert made.facts.rows == {ANNOTATIONS: 2}
    assert made.facts.drops == {"empty_reply": 1, "no_value": 1, "refused": 1}
    assert sum(made.facts.drops.values()) + len(rows) == len(files)
    # Two replies could not be read: each was asked about once more, with the reply and the error in sight.
    assert [messages[-2]["content"] for messages in repairs] == [CHATTY.text] * 2
    assert all("its last line is not of the form" in messages[-1]["content"] for messages in repairs)
    assert made.facts.metrics["teacher_repaired"] == 1
    assert made.facts.metrics["teacher_kept"] == 2
    assert made.facts.metrics["mean_educational_value"] == 7.0
    lines = [json.loads(line) for line in (made.folder / UNANNOTATED).read_text().splitlines()]
    assert [(line["path"], line["reason"]) for line in lines] == [
        ("hopeless.py", "no_value"),
        ("refuse.py", "refused"),
        ("silent.py", "empty_reply"),
    ]
    assert "I would give it a 6" in lines[0]["detail"]
    assert "I cannot judge this" in lines[1]["detail"]


def test_recorded_replies_give_the_same_bytes(tmp_path: Path) -> None:
    files = [file(name) for name in ("chatty", "good", "hopeless", "refuse")]
    files.append(file("long", "".join(f"x{number} = {number}  # worth {number % 10}\n" for number in range(90))))
    cache = tmp_path / "replies.sqlite"
    with endpoint(script) as server:
        asked = run(tmp_path / "asked", files, server, cache, window_chars=500)
        num_asked = len(server.asked)
        again = run(tmp_path / "again", files, server, cache, window_chars=500)
        assert len(server.asked) == num_asked, "no reply is asked for twice"
    recorded = run(tmp_path / "recorded", files, None, cache, window_chars=500)
    for name in (ANNOTATIONS, UNANNOTATED):
        contents = {(made.folder / name).read_bytes() for made in (asked, again, recorded)}
        assert len(contents) == 1
    assert asked.facts.rows == recorded.facts.rows
    assert asked.facts.drops == recorded.facts.drops


def test_a_long_file_is_read_in_windows(tmp_path: Path) -> None:
    parts = ["# worth 2\n" * 4, "# worth 6\n" * 4, "# worth 9\n" * 2]
    with endpoint(script) as server:
        made = run(
            tmp_path / "run", [file("long", "".join(parts))], server, tmp_path / "replies.sqlite", window_chars=40
        )
        questions = sorted(code_of(request) for request in server.asked)
    (row,) = made.read()
    assert row.window_values == (2.0, 6.0, 9.0)
    assert row.educational_value == pytest.approx((2 * 40 + 6 * 40 + 9 * 20) / 100)
    assert (row.num_windows, row.share_read) == (3, 1.0)
    assert row.reason.splitlines() == [
        "Lines 1 to 4 (2): It says so.",
        "Lines 5 to 8 (6): It says so.",
        "Lines 9 to 10 (9): It says so.",
    ]
    assert questions[1].startswith("This is part 2 of 3 (lines 5 to 8) of a longer file.")


def test_of_a_very_long_file_some_windows_are_read_and_the_row_says_so(tmp_path: Path) -> None:
    text = "".join(f"# worth {number}\n" for number in range(10))
    with endpoint(script) as server:
        made = run(
            tmp_path / "run", [file("long", text)], server, tmp_path / "r.sqlite", window_chars=10, max_windows=3
        )
        assert len(server.asked) == 3
    (row,) = made.read()
    assert row.num_windows == 10
    assert row.window_values == (1.0, 5.0, 8.0)
    assert row.share_read == 0.3
    assert made.facts.metrics["chars_share_read"] == 0.3


def test_a_file_with_one_unreadable_window_is_left_out(tmp_path: Path) -> None:
    files = [file("good"), file("half", "# worth 5\n# hopeless\n")]
    with endpoint(script) as server:
        made = run(tmp_path / "run", files, server, tmp_path / "replies.sqlite", window_chars=14)
    assert [row.path for row in made.read()] == ["good.py"]
    assert made.facts.drops == {"no_value": 1}


def test_nothing_scored_is_an_error_that_shows_the_first_reply(tmp_path: Path) -> None:
    with endpoint(script) as server, pytest.raises(TeacherError) as error:
        run(tmp_path / "run", [file("hopeless"), file("refuse")], server, tmp_path / "replies.sqlite")
    assert "'m' scored none of 2 files (no_value 1, refused 1)" in str(error.value)
    assert "I would give it a 6" in str(error.value)


def test_the_requests_can_be_counted_before_they_are_sent(tmp_path: Path) -> None:
    files = [file("good"), file("long", "".join(f"# worth {number}\n" for number in range(10)))]
    config = AnnotatorConfig(backend="openai", model="m", window_chars=30, max_windows=2)
    requests = list(annotation_requests(files, config))
    assert len(requests) == 1 + 2
    with endpoint(script) as server:
        run(tmp_path / "run", files, server, tmp_path / "r.sqlite", window_chars=30, max_windows=2)
        sent = {code_of(request) for request in server.asked}
    assert sent == {request.messages[-1].content for request in requests}
