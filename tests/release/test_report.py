import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest

from hornbook.corpus.quality import read_quality
from hornbook.errors import ArtifactError
from hornbook.release.report import Report, report
from hornbook.release.templates import render
from hornbook.release.text import percent

from .demo import inputs, write_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    return write_demo(folder), inputs(folder)


class Links(HTMLParser):
    """Collects what a page would fetch, and checks that its tags close."""

    VOID = frozenset({"meta", "br", "path", "use", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag in ("script", "link", "img", "iframe", "object"):
            self.fetched.append(tag)
        for name in ("src", "href", "xlink:href"):
            value = named.get(name) or ""
            if value and not value.startswith("#"):
                self.fetched.append(value)
        if named.get("id"):
            self.ids.add(str(named["id"]))
        if tag not in self.VOID:
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.tags.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(demo: tuple[Report, dict[str, Any]]) -> None:
    html = demo[0].page.read_text(encoding="utf-8")
    links = Links()
    links.feed(html)
    assert links.tags == []
    assert links.fetched == []
    assert not re.search(r"url\((?!#)|@import|http-equiv", html)
    assert {"scores", "compare", "data", "training", "made"} <= links.ids
    assert len(html) < 1_000_000


def test_equal_inputs_give_equal_bytes(demo: tuple[Report, dict[str, Any]], tmp_path: Path) -> None:
    again = report(**demo[1], out=tmp_path)
    assert again.page.read_bytes() == demo[0].page.read_bytes()
    assert again.summary() == demo[0].summary()


def test_what_a_model_wrote_is_escaped(demo: tuple[Report, dict[str, Any]]) -> None:
    html = demo[0].page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def visible(html: str) -> str:
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text).replace("&nbsp;", " "))


def test_the_page_says_what_the_artifacts_say(demo: tuple[Report, dict[str, Any]]) -> None:
    text = visible(demo[0].page.read_text(encoding="utf-8"))
    total = demo[1]["finetuned_scores"].scores().sets["heldout"].total
    for expected in (
        f"{total.num_solved} of 300 {100 * total.pass_at_1:.1f}% {100 * total.low:.1f} to {100 * total.high:.1f}",
        "3,000 files 4,566 left out test file 2,211 license not permissive 1,840",
        "1,201 files 3 left out",
        "5,992 sections 8 left out",
        "spearman 0.831 (0.781 to 0.87)",
        "chars share kept 30.0%",
        "python 3.11.7",
        "git commit 0123456789ab",
        "config.learning_rate 0.003",
        "returns a FuncAnimation",
        "nothing was written",
        "keep longer than → reverse each",
        "Counting what you have seen",
        "max new tokens 160",
    ):
        assert expected in text, expected


def test_the_filter_is_shown_by_threshold(demo: tuple[Report, dict[str, Any]]) -> None:
    words = " ".join(re.sub(r"<[^>]+>", " ", demo[0].page.read_text(encoding="utf-8")).split())
    table = words.partition("files kept characters kept precision recall")[2]
    rows = read_quality(demo[1]["filtered"].folder).thresholds
    assert len(rows) == 10
    for row in rows:
        mark = " in force" if row.is_in_force else ""
        shown = f"{row.threshold:.3g}{mark} {percent(row.files_share_kept)} {percent(row.chars_share_kept)} "
        for measured, of in ((row.precision, row.num_predicted), (row.recall, row.num_good)):
            between = f"{100 * measured.low:.1f} to {100 * measured.high:.1f}" if measured.value is not None else ""
            shown += f"{percent(measured.value)} of {of} {between} " if between else "– "
        assert shown.strip() in table


def test_every_clause_is_ticked_or_crossed(demo: tuple[Report, dict[str, Any]]) -> None:
    html = demo[0].page.read_text(encoding="utf-8")
    checks = [check for task in demo[1]["comparison"].read() for one in task.completions for check in one.checks]
    assert html.count('<li class="yes">') == sum(check.is_met for check in checks)
    assert html.count('<li class="no">') == sum(not check.is_met for check in checks)


def test_plots_take_their_colours_from_the_page(demo: tuple[Report, dict[str, Any]]) -> None:
    html = demo[0].page.read_text(encoding="utf-8")
    plots = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    # Two problem sets and four trainings.
    assert len(plots) == 6
    for plot in plots:
        assert set(re.findall(r"#[0-9a-f]{6}\b", plot)) <= {"#ffffff"}
        assert "var(--series-1)" in plot
        assert "<metadata" not in plot
        assert not re.search(r"<svg[^>]* width=", plot)


def test_the_summary_fits_a_terminal(demo: tuple[Report, dict[str, Any]]) -> None:
    lines = demo[0].summary()
    assert all(len(line) <= 100 for line in lines)
    assert re.fullmatch(r"pass@1\s+held-out exercises\s+HumanEval", lines[0])
    assert re.match(r"finetuned\s+95\.7% \[92\.7, 97\.5\]\s+2\.4% \[1\.0, 6\.1\]", lines[4])
    assert "base -> finetuned, held-out exercises: +59.7 points (p < 0.001, exact McNemar)" in lines


def test_an_input_without_a_manifest_is_an_error(demo: tuple[Report, dict[str, Any]], tmp_path: Path) -> None:
    exported = type(demo[1]["exported"])(tmp_path, demo[1]["exported"].facts)
    with pytest.raises(ArtifactError, match="not a finished artifact"):
        report(**(demo[1] | {"exported": exported}), out=tmp_path)


def test_a_missing_name_in_the_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("report.html.j2", {"name": "x"})


def test_what_was_left_out_stands_beside_its_problem(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    texts = {"row_text": "x < 'a'", "problem_text": "def asked(): return 1"}
    entries = [
        {"row": "task/1", "reason": "heldout_composition", "problem": "task/2", "shared": "sort total"},
        *(
            {"row": f"task/{n}", "reason": "ngram_overlap", "problem": "P/1", "shared": "a < b", **texts}
            for n in range(9)
        ),
        {
            "row": "near",
            "reason": "similar_function",
            "problem": "P/2",
            "shared": "f",
            "rate": 0.961,
            "distance": 0.5,
            **texts,
        },
    ]
    path = given["codeexercises"].folder / "overlaps.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    out = tmp_path / "out"
    out.mkdir()
    html = report(**given, out=out).page.read_text(encoding="utf-8")
    links = Links()
    links.feed(html)
    assert links.tags == []
    shown = html[html.index("beside that problem") : html.index("The quality filter</h3>")]
    assert shown.count("P/1") == 4
    assert shown.count("P/2") == 1
    assert "AST match rate 0.96, embedding distance 0.50" in shown
    assert "a &lt; b" in shown
    assert "heldout" not in shown
