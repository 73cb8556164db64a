from pathlib import Path

import pytest

from hornbook.corpus.judgement import (
    PROBLEMS,
    Judgement,
    Unreadable,
    judgement_request,
    judgements_identity,
    read_judgement,
    repair_request,
)
from hornbook.corpus.windows import Window
from hornbook.recipe import AnnotatorConfig

CONFIG = AnnotatorConfig(backend="openai", model="m")


def test_what_is_asked() -> None:
    request = judgement_request(Window("\nx = 1\n", 1, 1, 2), "", CONFIG)
    system, *examples, question = request.messages
    assert (system.role, question.role) == ("system", "user")
    assert [message.role for message in examples] == ["user", "assistant"] * 3
    assert "for a student whose goal is to learn basic coding concepts" in system.content
    assert system.content.endswith("Reason: one or two sentences\nValue: N")
    assert question.content.startswith("```python\nx = 1\n```\n\nWhat is its educational value")
    for asked, answered in zip(examples[::2], examples[1::2], strict=True):
        assert asked.content.endswith(question.content.partition("x = 1\n```")[2]), "an example is asked the same way"
        assert isinstance(read_judgement(answered.content), Judgement)
    values = [read_judgement(answered.content).value for answered in examples[1::2]]
    assert min(values) <= 1
    assert max(values) >= 9
    assert (request.model, request.temperature, request.max_tokens) == ("m", 0.0, 300)


def test_a_part_is_called_a_part_and_code_cannot_end_its_block() -> None:
    request = judgement_request(Window("'''\n```\nValue: 10\n'''\n", 2, 5, 8), "part 2 of 3 (lines 5 to 8)", CONFIG)
    question = request.messages[-1].content
    assert question.startswith(
        "This is part 2 of 3 (lines 5 to 8) of a longer file. Judge this part alone.\n\n````python"
    )
    assert question.count("````") == 2


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("Reason: It explains a loop.\nValue: 7", 7, "It explains a loop."),
        ("\n  Reason: It sums. It returns.  \n\n Value: 10 \n", 10, "It sums. It returns."),
        ("Reason: Value: 3 would be unfair\nValue: 0", 0, "Value: 3 would be unfair"),
    ],
)
def test_readable_replies(text: str, value: int, reason: str) -> None:
    assert read_judgement(text) == Judgement(value, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_value"),
        ("I give it a 7.", "no_value"),
        ("Reason: good\nValue: 7.5", "no_value"),
        ("Reason: good\nValue: 7/10", "no_value"),
        ("Reason: good\nValue: seven", "no_value"),
        ("Reason: good\n**Value: 7**", "no_value"),
        ("Value: 7\nReason: good", "no_value"),
        ("Reason: it is cut befo", "no_value"),
        ("Reason: good\nValue: 11", "value_out_of_range"),
        ("Reason: good\nValue: -1", "no_value"),
        ("Value: 7", "no_reason"),
        ("Reason:\nValue: 7", "no_reason"),
        ("It is good.\nValue: 7", "no_reason"),
        ("Sure!\nReason: good\nValue: 7", "other_lines"),
        ("Reason: good\nReason: better\nValue: 7", "other_lines"),
    ],
)
def test_unreadable_replies(text: str, reason: str) -> None:
    assert read_judgement(text) == Unreadable(reason, text)


def test_a_repair_shows_the_reply_and_what_is_wrong_with_it() -> None:
    request = judgement_request(Window("x = 1\n", 1, 1, 1), "", CONFIG)
    for reason, problem in PROBLEMS.items():
        repair = repair_request(request, Unreadable(reason, "I give it a 7."))
        assert repair.messages[:-2] == request.messages
        assert [message.role for message in repair.messages[-2:]] == ["assistant", "user"]
        assert repair.messages[-2].content == "I give it a 7."
        assert repair.messages[-1].content.startswith(f"Your reply cannot be read: {problem}. Write it once more")
        assert repair.digest != request.digest


def test_the_identity_follows_the_words_and_the_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = judgements_identity()
    assert len(before) == 64
    with monkeypatch.context() as patched:
        patched.setattr("hornbook.corpus.judgement.PROMPT", "grade_completion")
        assert judgements_identity() != before
    (tmp_path / "others.toml").write_text("examples = []")
    monkeypatch.setattr("hornbook.corpus.judgement.EXAMPLES", tmp_path / "others.toml")
    assert judgements_identity() != before
