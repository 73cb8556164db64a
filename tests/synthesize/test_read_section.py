"""Sections read from replies: what is tolerated, one case per reason to drop, and their code run."""

import pytest

from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.synthesize.read_exercise import Unreadable
from hornbook.synthesize.read_section import BrokenCode, read_section, verify_sections

PROSE = "Numbers can be added in any order, and a loop adds them one by one to a running total. " * 4
CODE = "total = 0\nfor number in [1, 2]:\n    total += number\nassert total == 3"


def section(title: str = "# Adding up", prose: str = PROSE, code: str = CODE) -> str:
    return f"{title}\n\n{prose}\n\n```python\n{code}\n```\n\nThe total starts at zero."


def test_golden() -> None:
    draft = read_section(section())
    assert draft.text == section()
    assert draft.code == CODE + "\n"


@pytest.mark.parametrize(
    "text",
    [
        f"Certainly! Here is a section:\n\n{section()}\n\nI hope this helps!",
        f"\n\n{section()}\n",
        f"```markdown\n{section()}\n```".replace("```markdown", "````markdown").removesuffix("```") + "````",
    ],
)
def test_what_stands_around_it_is_left_out(text: str) -> None:
    assert read_section(text).text == section()


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no_title", section(title="Adding up")),
        ("no_code", section().replace("```python", "").replace("```", "")),
        ("no_code", section() + "\n\n```python\nx = 1"),
        ("syntax_error", section(code="total = = 3")),
        ("too_short", section(prose="Add.")),
        ("too_long", section(prose=PROSE * 8)),
        ("prints_or_reads", section(code="x = input()\nassert x")),
        ("no_asserts", section(code="print(1 + 2)")),
    ],
)
def test_every_reason(reason: str, text: str) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read_section(text)


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ("print(1 + 2)  # Output: 3", True),
        ("print(1 + 2)  # Output: 4", False),
        ("print('a', [1], 2.5)  # prints a [1] 2.5", True),
        ("for n in (2,):\n    print(f'{n}!')  # => 2!", True),
        ("print(max([3, 1]))  # -> 1", False),
    ],
)
def test_a_stated_output_is_checked_as_an_assert(line: str, holds: bool) -> None:
    draft = read_section(section(code=line))
    assert line in draft.text
    assert "print" not in draft.code
    with Sandbox(Limits(timeout_s=2.0)) as sandbox:
        (outcome,) = verify_sections([draft], sandbox, workers=1)
    assert outcome == draft if holds else isinstance(outcome, BrokenCode) and outcome.reason == "tests_fail"


@pytest.mark.parametrize(
    "line", ["print(1, 2, sep='')  # Output: 12", "print(1)  # one", "print(1) or print(2)  # Output: 2"]
)
def test_what_is_no_stated_output_stays(line: str) -> None:
    assert read_section(section(code=f"{line}\n{CODE}")).code == f"{line}\n{CODE}\n"


def test_code_that_does_not_run_to_its_end() -> None:
    codes = [CODE, "assert 1 + 1 == 3", "assert undefined", "while True:\n    assert True"]
    drafts = [read_section(section(code=code)) for code in codes]
    with Sandbox(Limits(timeout_s=0.5)) as sandbox:
        outcomes = verify_sections(drafts, sandbox, workers=1)
    assert outcomes == [
        drafts[0],
        BrokenCode("tests_fail", "AssertionError: assert 1 + 1 == 3 fails: the left side is 2"),
        BrokenCode("exception", "NameError: name 'undefined' is not defined"),
        BrokenCode("timed_out", "still running when its time was up"),
    ]


def test_what_a_failed_assert_says_changes_no_verdict() -> None:
    codes = [
        r"text = 'a\nb'" + "\n" + r"assert text.split('\n') == ['a', 'c']",
        "assert not [1]",
        "assert 1 == 2, 'in words'",
        "def f():\n    assert len('ab') == 3\n\n\nf()",
    ]
    drafts = [read_section(section(code=code)) for code in codes]
    with Sandbox(Limits(timeout_s=2.0)) as sandbox:
        outcomes = verify_sections(drafts, sandbox, workers=1)
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, BrokenCode)]
    assert errors == [
        r"AssertionError: assert text.split('\n') == ['a', 'c'] fails: the left side is ['a', 'b']",
        "AssertionError: assert not [1] fails",
        "AssertionError: in words",
        "AssertionError: assert len('ab') == 3 fails: the left side is 2",
    ]


def test_code_that_cannot_be_written_back_is_run_as_it_is() -> None:
    code = "word = 'a'\nassert f'''{word + \"\"\"\n\"\"\"}''' == 'b'"
    with Sandbox(Limits(timeout_s=2.0)) as sandbox:
        (outcome,) = verify_sections([read_section(section(code=code))], sandbox, workers=1)
    assert isinstance(outcome, BrokenCode)
    assert outcome.reason == "tests_fail"


def test_the_message_of_a_syntax_error_is_kept_for_the_repair() -> None:
    with pytest.raises(Unreadable) as caught:
        read_section(section(code="total = = 3\nassert total"))
    assert caught.value.detail == "SyntaxError: invalid syntax: total = = 3"
