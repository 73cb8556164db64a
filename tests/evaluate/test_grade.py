"""The grade stage in a run, and grading by `hornbook evaluate`."""

import json
from pathlib import Path

import pytest

from hornbook.errors import InputError, TeacherError
from hornbook.evaluate.grade import Grades, grade
from hornbook.evaluate.grader import grader_identity
from hornbook.evaluate.scores import Evaluation, samples_file
from hornbook.evaluate.unconventional import load_unconventional
from hornbook.pipeline import build
from hornbook.recipe import EvaluateConfig, GradeConfig, load_recipe
from hornbook.records import Sample, write_rows
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine
from tests import command
from tests.teacher.endpoint import Answer, Script, endpoint

EVALUATED = EvaluateConfig(problems=("heldout", "unconventional"))
GOOD, POOR = "It does what the task asks.\nGrade: 9", "It returns nothing.\nGrade: 1"


def judge(asked, before: int) -> Answer:
    return Answer(POOR if "    pass" in asked["messages"][1]["content"] else GOOD)


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    """Every second unconventional problem solved."""
    folder = tmp_path / "evaluation"
    folder.mkdir()
    samples = []
    for number, problem in enumerate(load_unconventional()):
        body, verdict = (problem.canonical_solution, "passed") if number % 2 else ("    pass\n", "wrong_answer")
        samples.append(Sample(problem.task_id, "base", body, verdict == "passed", verdict, ""))
    write_rows(folder / samples_file("unconventional"), Sample, samples)
    return Evaluation(folder)


def run(out: Path, evaluation: Evaluation, exercises: Exercises, script: Script = judge, **changes) -> Grades:
    out.mkdir()
    with endpoint(script) as served:
        config = GradeConfig(backend="openai", model="teacher", base_url=served.url).model_copy(update=changes)
        return grade(
            evaluation=evaluation,
            exercises=exercises,
            config=config,
            evaluated=EVALUATED,
            prompts=grader_identity(),
            seed=0,
            label="base",
            out=out,
            machine=Machine(workers=1, replies=out.parent / "replies.sqlite"),
        )


def test_an_evaluation_is_graded(tmp_path: Path, evaluation: Evaluation, exercises: Exercises) -> None:
    grades = run(tmp_path / "out", evaluation, exercises)
    summary = grades.summaries()["unconventional"]
    assert (summary.teacher, summary.num_samples, summary.num_graded) == ("teacher", 50, 50)
    assert summary.score == pytest.approx(50.0)
    assert summary.agreement.roc_auc == 1.0
    lines = (grades.folder / "grades.unconventional.jsonl").read_text().splitlines()
    assert [json.loads(line)["grade"] for line in lines] == [1, 9] * 25
    assert grades.facts.rows == {"grades.unconventional.jsonl": 50}
    assert grades.facts.drops == {}
    assert grades.facts.metrics == {
        "unconventional_grade_percent": 50.0,
        "unconventional_grade_roc_auc": 1.0,
        "unconventional_graded": 50,
        "unconventional_requests": 50,
        "unconventional_cached": 0,
        "unconventional_prompt_tokens": 550,
        "unconventional_completion_tokens": 350,
    }


def test_the_same_replies_give_the_same_files(tmp_path: Path, evaluation: Evaluation, exercises: Exercises) -> None:
    first = run(tmp_path / "a", evaluation, exercises)
    second = run(tmp_path / "b", evaluation, exercises, backend="recorded")
    names = sorted(path.name for path in first.folder.iterdir())
    assert names == ["grades.json", "grades.unconventional.jsonl"]
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_what_cannot_be_graded_is_a_drop(tmp_path: Path, evaluation: Evaluation, exercises: Exercises) -> None:
    def script(asked, before: int) -> Answer:
        return Answer("") if "    pass" in asked["messages"][1]["content"] else Answer(GOOD)

    grades = run(tmp_path / "out", evaluation, exercises, script)
    assert grades.facts.rows == {"grades.unconventional.jsonl": 25}
    assert grades.facts.drops == {"empty_reply": 25}
    assert grades.summaries()["unconventional"].score == pytest.approx(90.0)


def test_a_teacher_that_dies_stops_the_stage(tmp_path: Path, evaluation: Evaluation, exercises: Exercises) -> None:
    with pytest.raises(TeacherError, match=r"graded none of 50 completions \(rejected 50\)"):
        run(tmp_path / "out", evaluation, exercises, lambda asked, before: Answer(status=400, body="no"))


def test_sets_that_are_not_there_are_named(tmp_path: Path, evaluation: Evaluation, exercises: Exercises) -> None:
    with pytest.raises(InputError, match=r"grade\.problems is mbpp, and the problem sets are heldout, unconventional"):
        run(tmp_path / "out", evaluation, exercises, problems=("mbpp",))


def test_a_graph_grades_only_where_a_teacher_is_named() -> None:
    assert not [node.name for node in build(load_recipe("tiny")) if node.stage.name == "grade"]
    settings = ["grade.backend=openai", "grade.model=m"]
    graph = build(load_recipe("tiny", settings))
    names = [node.name for node in graph if node.stage.name == "grade"]
    assert names == ["base.grade", "finetuned.grade", "small_base.grade", "small.grade"]
    elsewhere = build(load_recipe("tiny", [*settings, "grade.base_url=http://127.0.0.1:1/v1", "grade.concurrency=1"]))
    assert elsewhere["base.grade"].fingerprint == graph["base.grade"].fingerprint
    warmer = build(load_recipe("tiny", [*settings, "grade.temperature=1"]))
    assert warmer["base.grade"].fingerprint != graph["base.grade"].fingerprint
    assert warmer["base.evaluate"].fingerprint == graph["base.evaluate"].fingerprint


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a samples file in the working folder, every second unconventional problem solved."""
    rows = [
        {"task_id": problem.task_id, "completion": problem.canonical_solution if number % 2 else "    pass\n"}
        for number, problem in enumerate(load_unconventional())
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return "mine.jsonl"


def evaluated(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    asked = ["evaluate", "--problems", "unconventional", "--workers", "1", *words]
    code, printed, err = command.called(monkeypatch, capsys, *asked)
    return code, printed, " ".join(err.split())


def test_evaluate_grades_what_it_scored(samples: str, tmp_path: Path, monkeypatch, capsys) -> None:
    with endpoint(judge) as served:
        teacher = ["grade.backend=openai", "grade.model=teacher", f"grade.base_url={served.url}"]
        words = ["--samples", samples, *(word for setting in teacher for word in ("--set", setting))]
        code, printed, _ = evaluated(monkeypatch, capsys, *words)
        assert (code, len(served.asked)) == (0, 50)
        assert evaluated(monkeypatch, capsys, *words)[0] == 0
        assert len(served.asked) == 50
    assert "mine on unconventional: grade 50.0% [" in printed
    assert "ROC-AUC 1.00, kappa 1.00; mean grade 9.0 of passed, 1.0 of failed" in printed
    for number in (1, 2):
        folder = tmp_path / "evaluations" / str(number)
        assert len((folder / "grades.unconventional.jsonl").read_text().splitlines()) == 50
        assert json.loads((folder / "grades.json").read_text())["unconventional"]["num_graded"] == 50
    assert (tmp_path / "evaluations" / "replies.sqlite").is_file()


def test_evaluate_without_a_teacher_says_so(samples: str, tmp_path: Path, monkeypatch, capsys) -> None:
    code, printed, _ = evaluated(monkeypatch, capsys, "--samples", samples)
    assert code == 0
    assert "unconventional: not graded by a teacher: none is configured (grade.backend), so the tests alone" in printed
    assert not (tmp_path / "evaluations" / "1" / "grades.json").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["grade.backend=openai", "grade.model=m"], "HORNBOOK_NO_KEY is not set"),
        (["grade.backend=recorded", "grade.model=m"], "no reply cache is there"),
        (["grade.backend=openai", "grade.model=m", 'grade.problems=["mbpp"]'], "nothing to grade"),
        (["grade.modell=m"], "Did you mean 'grade.model'"),
        (["seed=3"], "only fields of the section 'grade'"),
    ],
)
def test_a_teacher_that_cannot_answer_is_said_before_any_program_runs(
    samples: str, tmp_path: Path, monkeypatch, capsys, settings: list[str], said: str
) -> None:
    words = [word for setting in [*settings, "grade.api_key_env=HORNBOOK_NO_KEY"] for word in ("--set", setting)]
    code, _, error = evaluated(monkeypatch, capsys, "--samples", samples, *words)
    assert code == 2
    assert said in error
    assert not (tmp_path / "evaluations").exists()
