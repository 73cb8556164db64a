import pytest

from hornbook.evaluate.pass_at_k import PairedComparison
from hornbook.evaluate.scores import Score, Scores, SetScore
from hornbook.release.text import code_html, fact, fact_rows, p_value, prose_html, short_count, summary_lines
from hornbook.run.artifact import Fact


def test_prose_shows_a_list_with_the_line_before_it() -> None:
    html = prose_html("With x = `1`:\n- add `<1>`\n- stop\n\n- alone\n\nno - list\n")
    assert "<p>With x = <code>1</code>:</p><ul><li>add <code>&lt;1&gt;</code></li><li>stop</li></ul>" in html
    assert "<ul><li>alone</li></ul>" in html
    assert "<p>no - list</p>" in html


def test_code_keeps_its_indentation_and_is_escaped() -> None:
    html = code_html('\n    return "<b>"\n')
    assert html.startswith("    ")
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_prose_knows_headings_code_and_paragraphs() -> None:
    html = prose_html("# A <title>\n\nUse `x < 1`.\n\n```python\nx = 1\n```\nThe end.\n")
    assert "<h5>A &lt;title&gt;</h5>" in html
    assert "<code>x &lt; 1</code>" in html
    assert '<pre class="code">' in html
    assert html.endswith("<p>The end.</p>")
    assert "```" not in html


def test_prose_shows_an_indented_block_as_code() -> None:
    assert prose_html("Look:\n\n    x = 1\n    y = 2\n").count('<pre class="code">') == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("chars_share_kept", 0.2998, "30.0%"),
        ("rows", 31_204_771, "31,204,771"),
        ("r2", 0.70412, "0.704"),
        ("tokens_per_second", 12345.6, "12,346"),
        ("is_compiled", True, "yes"),
        ("r2", None, "none"),
        ("optimizer", "muon", "muon"),
    ],
)
def test_facts_are_written_by_their_kind(name: str, value: Fact, text: str) -> None:
    assert fact(name, value) == text


def test_an_interval_is_one_fact() -> None:
    assert fact_rows({"r2": 0.7, "r2_low": 0.6, "r2_high": 0.8, "loss_low": 1.0}) == [
        ("r2", "0.7 (0.6 to 0.8)"),
        ("loss low", "1"),
    ]


def test_counts_and_p_values_are_short() -> None:
    assert [short_count(n) for n in (999, 24_000, 5_310_000, 2e9)] == ["999", "24k", "5.31M", "2B"]
    assert [p_value(p) for p in (0.0000001, 0.04321, 1.0)] == ["p < 0.001", "p = 0.043", "p = 1.000"]


def test_the_summary_says_what_was_left_out_and_what_is_not_there() -> None:
    total = Score(10, 5, 0.5, 0.24, 0.76, "wilson")
    one = Scores("base", {"heldout": SetScore(total, {"1": 0.5}, {})}, {}, {"humaneval": "HumanEval is left out"})
    other = Scores("small", {"mine": SetScore(total, {"1": 0.5}, {})}, {}, {})
    gain = PairedComparison(1, 3, 0.2, -0.1, 0.5, 0.625, "exact McNemar")
    lines = summary_lines({"base": one, "small": other}, {("base", "small"): {"heldout": gain}})
    assert lines[0].split() == ["pass@1", "held-out", "exercises", "mine"]
    assert lines[1].split() == ["base", "50.0%", "[24.0,", "76.0]", "-"]
    assert lines[2].split() == ["small", "finetuned", "-", "50.0%", "[24.0,", "76.0]"]
    assert lines[3] == "base -> small finetuned, held-out exercises: +20.0 points (p = 0.625, exact McNemar)"
    assert lines[4] == "HumanEval is left out"


def test_pages_show_no_times_so_that_equal_inputs_give_equal_bytes():
    assert fact_rows({"training_s": 3.0, "tokens_per_s": 9, "mfu": 0.5, "steps": 7}) == fact_rows({"steps": 7})
