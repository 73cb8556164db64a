import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import StageError
from hornbook.evaluate.evaluate import evaluate
from hornbook.evaluate.scores import Evaluation
from hornbook.model.artifact import ModelArtifact
from hornbook.recipe import EvaluateConfig
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine

CONFIG = EvaluateConfig(problems=("heldout",), max_new_tokens=32, timeout_s=0.5)
MACHINE = Machine(workers=2)


class Writer:
    """Stands in for a model: writes by the number in the function's name and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, model: ModelArtifact, prompts: Sequence[str], **settings: Any) -> list[str]:
        self.asked.append({"prompts": list(prompts), **settings})
        return [self.write(prompt) for prompt in prompts]

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
    monkeypatch.setattr("hornbook.evaluate.evaluate.complete", made)
    return made


def run(folder: Path, exercises: Exercises, config: EvaluateConfig = CONFIG) -> Evaluation:
    folder.mkdir()
    return evaluate(
        model=ModelArtifact(folder),
        exercises=exercises,
        config=config,
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
    assert scores.protocol["decoding"] == "greedy"
    assert scores.protocol["max_new_tokens"] == 32
    assert result.facts.rows == {"samples.heldout.parquet": 8}
    assert result.facts.metrics["heldout_pass_at_1"] == 5 / 8
    samples = list(result.samples("heldout"))
    assert [s.task_id for s in samples] == [f"heldout/{n}" for n in range(8)]
    assert (samples[5].verdict, samples[5].detail) == ("wrong_answer", "assert candidate(1) == 1 + 5")
    assert (samples[6].verdict, samples[6].detail) == ("exception", "NameError: name 'y' is not defined")
    asked = writer.asked[0]
    assert (asked["temperature"], asked["seed"], asked["max_new_tokens"]) == (0.0, 1, 32)


def test_the_same_inputs_give_the_same_files(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    first, second = run(tmp_path / "a", exercises), run(tmp_path / "b", exercises)
    names = sorted(path.name for path in first.folder.iterdir())
    assert names == ["samples.heldout.jsonl", "samples.heldout.parquet", "scores.json"]
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_samples_are_written_for_other_harnesses(tmp_path: Path, exercises: Exercises, writer: Writer) -> None:
    result = run(tmp_path / "out", exercises)
    lines = (result.folder / "samples.heldout.jsonl").read_text().splitlines()
    assert json.loads(lines[2]) == {"task_id": "heldout/2", "completion": "\n    return x + 2"}
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


def test_a_set_that_is_left_out_is_said(
    tmp_path: Path, exercises: Exercises, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.evaluate.problems.humaneval_problems", lambda: ())
    result = run(tmp_path / "a", exercises, CONFIG.model_copy(update={"problems": ("heldout", "humaneval")}))
    assert list(result.scores().sets) == ["heldout"]
    assert "pip install" in result.scores().left_out["humaneval"]
    with pytest.raises(StageError, match="nothing to evaluate on"):
        run(tmp_path / "b", exercises, CONFIG.model_copy(update={"problems": ("humaneval",)}))
