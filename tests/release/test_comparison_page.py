import re
from pathlib import Path

import pytest

from hornbook.evaluate.comparison import CheckResult, ComparedTask, GradedCompletion
from hornbook.release.comparison_page import PAGE, summary_lines, view, write_comparison_page

from .demo import comparison
from .test_report import Links

CHECKS = ("parses", "runs", "api", "clause", "clause", "all_correct")
PROTOCOL = {"decoding": "greedy", "max_new_tokens": 99}


def completion(model: str, num_met: int, text: str = "\n    return 1\n", cut: int = 0) -> GradedCompletion:
    names = ("parses", "runs", "a list", "first <b>", "second", "all correct")
    return GradedCompletion(
        model,
        text,
        tuple(
            CheckResult(name, level, place < num_met, "" if place < num_met else f"wrong answer: {place // 5} < 2")  # type: ignore[arg-type]
            for place, (name, level) in enumerate(zip(names, CHECKS, strict=True))
        ),
        cut,
    )


def task(task_id: str, kind: str, *completions: GradedCompletion) -> ComparedTask:
    return ComparedTask(task_id, kind, f"Title of {task_id}", "", "", "def f():\n", completions)


TASKS = [
    task("one", "task", completion("nano-base", 4), completion("my-model", 6, cut=7)),
    task("two", "own prompt", completion("nano-base", 1, ""), completion("my-model", 4, "\n    return '<script>'")),
    task("three", "heldout", completion("nano-base", 6), completion("my-model", 0)),
]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_comparison_page(tmp_path_factory.mktemp("page"), TASKS, PROTOCOL).read_text(encoding="utf-8")


def visible(html: str) -> str:
    text = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_page_is_whole_and_fetches_nothing(html: str) -> None:
    links = Links()
    links.feed(html)
    assert links.tags == []
    assert links.fetched == []
    assert {"summary", "prompts", "made", "prompt-1", "prompt-3"} <= links.ids
    assert set(re.findall(r'href="#([^"]+)"', html)) <= links.ids
    assert not re.search(r"url\(|@import|<script", html)


def test_what_a_model_wrote_is_escaped(html: str) -> None:
    assert "&lt;script&gt;" in html
    assert "first &lt;b&gt;" in html


def test_the_summary_has_a_line_a_prompt_and_counts_over_tasks_alone() -> None:
    shown = view(TASKS)
    assert shown.models == ("nano-base", "my-model")
    assert [row.title for row in shown.rows] == ["Title of one", "Title of two"]
    assert [cell["clause"] for cell in shown.rows[0].cells] == [(1, 2), (2, 2)]
    assert [cell["all_correct"] for cell in shown.total.cells] == [(0, 2), (1, 2)]
    assert [(row.title, row.cells[0]["all_correct"]) for row in shown.sets] == [("held-out exercises (1)", (1, 1))]
    assert [title for title, _ in shown.groups] == ["Tasks", "Own prompts", "held-out exercises"]


def test_marks_are_words_and_signs_and_not_colour_alone(html: str) -> None:
    summary = html[html.index("<tbody>") : html.index("</tbody>")]
    checks = [check for one in TASKS[:2] for each in one.completions for check in each.checks]
    single = [check for check in checks if check.level != "clause"]
    rows = summary[: summary.index('class="strong"')]
    assert rows.count("✓") == rows.count('title="met"') == sum(check.is_met for check in single)
    assert rows.count("✗") == rows.count('title="not met"') == sum(not check.is_met for check in single)
    assert html.count('<li class="yes">') + html.count('<li class="no">') == 36


def test_the_page_says_why_what_was_cut_and_how_it_was_made(html: str) -> None:
    text = visible(html)
    for expected in (
        "it did not see the first 7 tokens",
        "nothing was written",
        "runs, a list, first &lt;b&gt;, second wrong answer: 0 &lt; 2 all correct wrong answer: 1 &lt; 2",
        "1 of 2 clauses",
        "max new tokens 99",
        "nano-base and my-model 1 1 2 2",
    ):
        assert expected in text, expected


def test_equal_inputs_give_equal_bytes(html: str, tmp_path: Path) -> None:
    write_comparison_page(tmp_path, TASKS, PROTOCOL)
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == html


def test_a_comparison_without_prompts_is_a_page_too(tmp_path: Path) -> None:
    assert "How far they get" in write_comparison_page(tmp_path, [], PROTOCOL).read_text(encoding="utf-8")
    assert summary_lines([]) == []


def test_the_lines_for_the_terminal_fit_it(tmp_path: Path) -> None:
    lines = summary_lines(list(comparison(tmp_path).read()))
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].split() == ["13", "tasks", "small", "finetuned", "base", "finetuned"]
    assert "A bouncing ball in PyGame" in lines[9]
    assert lines[9].endswith("11 of 11")
    assert lines[-1].split() == ["all", "correct", "0", "of", "2", "0", "of", "2", "2", "of", "2"]


def test_a_level_that_is_not_asked_is_a_dash() -> None:
    plain = GradedCompletion("m", "x", (CheckResult("parses", "parses", True), CheckResult("runs", "runs", True)))
    lines = summary_lines([task("own", "own prompt", plain)])
    assert [line.split()[-1] for line in lines[3:6]] == ["-", "-", "-"]
    assert not plain.is_all_correct
