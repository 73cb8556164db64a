"""What `hornbook plan` says about asking language models, before anybody is asked."""

import sys
from pathlib import Path
from typing import Any

import pytest

from hornbook.cli import main
from hornbook.corpus.annotate import read_sample
from hornbook.corpus.chat_annotate import annotation_requests
from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.run.datasets import CodeFiles
from hornbook.run.folder import RunFolder
from hornbook.run.machine import Machine
from hornbook.run.runner import execute, plan
from hornbook.synthesize.chat_sections import Catalogue
from hornbook.synthesize.constraints import read_examples
from hornbook.synthesize.follow_ups import repair_request, solution_request
from hornbook.synthesize.read_exercise import read_exercise
from hornbook.synthesize.requests import exercise_request
from hornbook.synthesize.topics import read_tree
from hornbook.synthesize.variety import Variety
from hornbook.teacher.budget import most_tokens
from hornbook.teacher.chat import ChatReply
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher_costs import TeacherCost, teacher_costs
from tests.corpus.environment import GOOD, Environment
from tests.synthesize.test_read_section import section
from tests.teacher.endpoint import Answer, endpoint

WRITER = ["writer.backend=openai", "writer.model=m", "write_exercises.num_requests=400"]
PRICES = ["writer.prompt_dollars_per_million=1", "writer.completion_dollars_per_million=4"]


def costs(folder: Path, *overrides: str) -> list[TeacherCost]:
    recipe = load_recipe("tiny", list(overrides))
    run = RunFolder(folder)
    return teacher_costs(recipe, plan(build(recipe), run), run)


def test_a_writer_costs_what_its_rendered_prompts_say(tmp_path: Path) -> None:
    (cost,) = costs(tmp_path / "run", *WRITER, *PRICES)
    writer = load_recipe("tiny", WRITER).writer
    requests = [exercise_request(writer, 0, index) for index in range(400)]
    num_bytes = sum(len(request.canonical.encode()) for request in requests)
    assert (cost.node, cost.num_requests, cost.num_cached) == ("write_exercises", 400, 0)
    assert cost.expected.prompt == pytest.approx(num_bytes / 4.5, rel=0.01)
    assert cost.expected.completion == cost.most.completion == 400 * 400
    assert cost.most.prompt == 400 * max(most_tokens(request).prompt for request in requests)
    assert cost.dollars == pytest.approx((cost.expected.prompt + 4 * cost.expected.completion) / 1e6)
    assert cost.dollars_at_most == pytest.approx((cost.most.prompt + 4 * cost.most.completion) / 1e6)
    assert not (tmp_path / "run").exists()


def keep(folder: Path, count: int) -> None:
    writer = load_recipe("tiny", WRITER).writer
    with ReplyCache(folder / "replies.sqlite") as cache:
        cache.keep_all(
            [(exercise_request(writer, 0, index), ChatReply("x", "stop", 500, 100, "now")) for index in range(count)]
        )


def test_replies_that_are_there_cost_nothing_and_tell_the_mean(tmp_path: Path) -> None:
    keep(tmp_path / "run", 100)
    (cost,) = costs(tmp_path / "run", *WRITER)
    assert (cost.num_requests, cost.num_cached) == (400, 100)
    assert cost.expected.completion == 300 * 100
    assert cost.most.completion == 300 * 400
    assert cost.expected.prompt == pytest.approx(300 * 500, rel=0.02)
    assert cost.dollars is None


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("writer.budget_tokens=290000", "within the budget"),
        ("writer.budget_tokens=200000", "over the budget: 2"),
        ("writer.budget_dollars=0.4", "within the budget"),
        ("writer.budget_dollars=0.2", "over the budget: $0.3"),
    ],
)
def test_whether_the_budget_does_counts_what_is_spent_already(tmp_path: Path, budget: str, said: str) -> None:
    keep(tmp_path / "run", 100)
    (cost,) = costs(tmp_path / "run", *WRITER, *PRICES, budget)
    # 100 replies of 600 tokens are spent and 300 are to come, at 0.0009 dollars each.
    assert said in cost.notes[-1]
    assert cost.notes[-1].endswith("or ask for less") == ("over" in said)


def test_stages_that_share_an_account_share_the_budget(tmp_path: Path) -> None:
    shared = [*WRITER, "write_textbooks.num_requests=400", "writer.budget_tokens=600000"]
    shared.append("write_textbooks.max_repairs=0")
    sections, exercises = costs(tmp_path / "run", *shared)
    assert sections.notes[-1] == "within the budget"
    assert "over the budget" in exercises.notes[-1]
    assert [one.notes[-1] for one in costs(tmp_path / "run", *shared[:3], shared[-2])] == ["within the budget"]


def test_batches_cost_half(tmp_path: Path) -> None:
    (live,) = costs(tmp_path / "run", *WRITER, *PRICES)
    (batch,) = costs(tmp_path / "run", *WRITER, *PRICES, "writer.mode=batch")
    assert batch.dollars == pytest.approx(live.dollars / 2)


def test_grading_and_annotating_are_counted_before_there_is_anything_to_grade(tmp_path: Path) -> None:
    asked = ["grade.backend=openai", "grade.model=g", 'evaluate.problems=["unconventional","heldout"]']
    asked += ['grade.problems=["unconventional","heldout"]', "annotator.backend=openai", "annotator.model=a"]
    found = {cost.node: cost for cost in costs(tmp_path / "run", *asked)}
    stages = {"annotate", "base.grade", "finetuned.grade", "small_base.grade", "small.grade"}
    assert set(found) == stages | {f"{name} repairs" for name in stages}
    graded = found["base.grade"]
    assert (graded.num_requests, graded.most.completion) == (50, 50 * 512)
    assert "without heldout, which is not there yet" in graded.notes[1]
    recipe = load_recipe("tiny", asked)
    assert found["annotate"].num_requests == recipe.annotate.sample_files * recipe.annotator.max_windows
    assert found["annotate"].expected.prompt > found["annotate"].num_requests * 1000


def test_replayed_replies_cost_nothing(tmp_path: Path) -> None:
    keep(tmp_path / "run", 400)
    (cost,) = costs(tmp_path / "run", "writer.backend=recorded", *WRITER[1:])
    assert (cost.num_cached, cost.expected.total, cost.most.total) == (400, 0, 0)


def said(monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["hornbook", "plan", "tiny", *words])
    with pytest.raises(SystemExit):
        main()
    return " ".join(capsys.readouterr().out.split())


def test_the_plan_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Teacher: built in, 0 dollars, 0 tokens" in said(monkeypatch, capsys)
    shown = said(monkeypatch, capsys, *(word for one in [*WRITER, *PRICES] for word in ("--set", one)))
    assert "write_exercises 400 0" in shown
    assert "write_exercises: asks m" in shown
    assert "built in" not in shown
    assert list(tmp_path.iterdir()) == []


def test_every_way_of_asking_a_writer_is_counted(tmp_path: Path) -> None:
    overrides = [*WRITER, "write_exercises.num_baseline_requests=30", "write_exercises.num_solutions=4"]
    overrides += ["write_textbooks.num_requests=50", "write_textbooks.num_proposed_topics=5"]
    found = {cost.node: cost for cost in costs(tmp_path / "run", *overrides)}
    assert {name: cost.num_requests for name, cost in found.items()} == {
        "write_textbooks topics": 5,
        "write_textbooks": 50,
        "write_textbooks repairs": 25,
        "write_exercises": 400,
        "write_exercises solutions": 600,
        "write_exercises baseline": 30,
    }
    from_list = {cost.node: cost for cost in costs(tmp_path / "run", *overrides[:-1], "write_textbooks.topics=list")}
    assert from_list["write_textbooks"].num_requests == 50
    assert from_list["write_textbooks"].expected != found["write_textbooks"].expected


def test_what_follows_from_replies_is_expected_and_bounded(tmp_path: Path) -> None:
    overrides = [*WRITER, *PRICES, "write_exercises.num_solutions=4", "write_textbooks.num_requests=100"]
    found = {cost.node: cost for cost in costs(tmp_path / "run", *overrides)}
    first, repairs = found["write_textbooks"], found["write_textbooks repairs"]
    # A repair shows the request, the reply and the error, and is as long as the reply.
    assert repairs.expected.completion == 50 * 700
    assert repairs.expected.prompt > first.expected.prompt / 2 + repairs.expected.completion
    assert repairs.most.completion == 100 * 700
    assert repairs.most.prompt > first.most.prompt + 100 * 700
    assert repairs.notes == ("expected of 50% of the replies, 100 at most",)
    # A further solution sees the signature and the docstring alone.
    solutions = found["write_exercises solutions"]
    assert solutions.expected.completion == 600 * 400
    assert solutions.expected.prompt < found["write_exercises"].expected.prompt * 600 / 400
    assert solutions.most.completion == 400 * 3 * 400
    assert solutions.dollars == pytest.approx((solutions.expected.prompt + 4 * solutions.expected.completion) / 1e6)
    assert solutions.dollars_at_most > 2 * (solutions.dollars or 0)


def test_follow_ups_count_against_the_budget(tmp_path: Path) -> None:
    settings = [*WRITER, "write_exercises.num_solutions=4", "writer.budget_tokens=500000"]
    exercises, solutions = costs(tmp_path / "run", *settings)
    assert exercises.notes[-1] == "within the budget"
    assert "over the budget" in solutions.notes[-1]


def test_follow_ups_of_replies_that_are_there_are_still_to_be_asked(tmp_path: Path) -> None:
    settings = [*WRITER, "write_exercises.num_solutions=4", "write_textbooks.num_requests=100"]
    recipe, replies = load_recipe("tiny", settings), tmp_path / "run" / "replies.sqlite"
    keep(tmp_path / "run", 400)
    catalogue = Catalogue(recipe.writer, recipe.seed, read_tree(), Variety.of(recipe.write_textbooks))
    sections = [catalogue.request(index) for index in range(100)]
    reply = ChatReply("x", "stop", 500, 100, "now")

    def expected() -> tuple[int, int]:
        found = {cost.node: cost.num_requests for cost in costs(tmp_path / "run", *settings)}
        return found["write_exercises solutions"], found["write_textbooks repairs"]

    with ReplyCache(replies) as cache:
        cache.keep_all([(request, reply) for request in sections])
    assert expected() == (600, 50)
    draft = read_exercise(f"```python\n{read_examples()['exercises'][0]['reply']}\n```")
    solutions = [solution_request(recipe.writer, 0, 0, number, draft) for number in range(70)]
    repairs = [repair_request(request, "x", 'NameError: "y"') for request in sections[:20]]
    with ReplyCache(replies) as cache:
        cache.keep_all([(request, reply) for request in (*solutions, *repairs)])
    assert expected() == (530, 30)
    with ReplyCache(replies) as cache:
        cache.keep_all([(repair_request(request, "x", "Error"), reply) for request in sections])
    assert expected() == (530, 0)


def test_what_is_replayed_leads_to_nothing_that_costs(tmp_path: Path) -> None:
    keep(tmp_path / "run", 400)
    settings = ["writer.backend=recorded", *WRITER[1:], "write_exercises.num_solutions=4"]
    assert [cost.node for cost in costs(tmp_path / "run", *settings)] == ["write_exercises"]


def test_how_many_judgements_cannot_be_read_is_told_by_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "environment").mkdir()
    made = Environment(tmp_path / "environment")
    texts: dict[str, str | bytes] = {f"mine/{n}.py": GOOD.format(name=f"step_{n}") * 2 for n in range(60)}
    made.install("mine", "1.0", "License-Expression: MIT", texts)
    made.use(monkeypatch)
    asked = ["annotator.backend=openai", "annotator.model=a"]
    recipe, folder = load_recipe("tiny", asked), RunFolder(tmp_path / "run")
    graph = build(recipe)
    execute(graph, folder, Machine(workers=1), recipe_name="tiny", targets=[graph["deduplicate"]])
    files = CodeFiles.load(folder.artifact_folder(graph["deduplicate"]))
    requests = list(annotation_requests(read_sample(files, recipe.annotate, recipe.seed), recipe.annotator))
    for num_replies, num_chatty, share in ((30, 0, 0.0), (30, 15, 0.5), (5, 5, 0.1)):
        path = tmp_path / f"{num_replies}-{num_chatty}.sqlite"
        with ReplyCache(path) as cache:
            for index, request in enumerate(requests[:num_replies]):
                text = "Well." if index < num_chatty else "Reason: It is.\nValue: 4"
                cache.keep(request, ChatReply(text, "stop", 900, 20, "now"))
        judged, repairs = costs(tmp_path / "run", *asked, f"annotator.replies={path}")
        assert (judged.num_requests, judged.num_cached) == (60, num_replies)
        assert repairs.notes[0] == f"expected of {share:.0%} of the replies, 60 at most"
        assert repairs.num_requests == round((60 - num_replies) * share)


@pytest.mark.parametrize("topics", ["tree", "list"])
def test_the_plan_asks_what_the_stage_asks(tmp_path: Path, topics: str) -> None:
    with endpoint(lambda asked, before: Answer(section(title=f"# Title {len(served.asked)}"))) as served:
        overrides = ["writer.backend=openai", "writer.model=m", f"writer.base_url={served.url}"]
        overrides += [
            "write_textbooks.num_sections=2",
            "write_textbooks.num_requests=6",
            "write_textbooks.max_repairs=0",
        ]
        overrides += [f"write_textbooks.topics={topics}"]
        recipe, folder = load_recipe("tiny", overrides), RunFolder(tmp_path / "run")
        graph = build(recipe)
        machine = Machine(workers=1, replies=folder.replies)
        execute(graph, folder, machine, recipe_name="tiny", targets=[graph["write_textbooks"]])
    assert costs(tmp_path / "run", *overrides) == []
    (cost,) = costs(tmp_path / "run", *overrides, "write_textbooks.num_requests=8")
    assert (cost.num_requests, cost.num_cached) == (8, 6)
