"""A run's artifacts as they could be, to look at the report: `python tests/release/demo.py FOLDER`."""

import hashlib
import json
import math
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.corpus.quality import Quality, measure, measure_thresholds, write_quality
from hornbook.evaluate.clauses import grade_verdict
from hornbook.evaluate.comparison import (
    COMPARISON,
    CheckResult,
    ComparedTask,
    Comparison,
    GradedCompletion,
    write_comparison,
)
from hornbook.evaluate.sandbox import Verdict, VerdictName
from hornbook.evaluate.scores import SCORES, Evaluation, Scores, samples_file, score_set, write_scores
from hornbook.evaluate.tasks import TASKS
from hornbook.records import Exercise, Sample, TextbookSection, write_rows
from hornbook.release.report import Report, report
from hornbook.run.artifact import Artifact, Facts, write_manifest
from hornbook.run.datasets import CODE, EXERCISES, FILES, HELDOUT, TEXTBOOKS, Exercises, Textbooks

VERSIONS = {"hornbook": "0.1.0", "python": "3.11.7", "torch": "2.13.0+cpu", "numpy": "2.4.6", "scikit-learn": "1.9.1"}
PROTOCOL = {
    "decoding": "greedy",
    "temperature": 0.0,
    "samples_per_problem": 1,
    "max_new_tokens": 160,
    "prompt": "trailing whitespace removed; the completion begins with the newline",
    "truncation": "cut at the end of the function",
    "timeout_s": 3.0,
    "memory_mb": 1024,
}
SECTION = """# Counting what you have seen

A dictionary can *count*. Walk over the items once; for each item look up how often you have met it, and write the
number back with one added. `counts.get(item, 0)` gives 0 for an item that is new.

```python
def count_items(items):
    counts = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return counts

print(count_items(["a", "b", "a"]))
```

This prints `{'a': 2, 'b': 1}`. The order of the keys is the order in which they were first met.

Question: what does `count_items([])` return? An empty dictionary, because the loop never runs.
"""
PROMPT = '''def keep_longer_then_join(words: list[str], size: int) -> str:
    """Keep the words that are longer than size, reverse each of them, and join them with a dash.

    >>> keep_longer_then_join(["tree", "at", "moon"], 2)
    'eert-noom'
    """
'''
RIGHT = """
    kept = []
    for word in words:
        if len(word) > size:
            kept.append(word[::-1])
    return "-".join(kept)
"""
WRONG = """
    kept = [word for word in words if len(word) >= size]
    return "-".join(kept)
"""
HELDOUT_TEST = "def check(candidate):\n    assert candidate(['tree', 'at'], 2) == 'eert'\n"
DETAIL = "exception: IndexError: list index out of range in call"
ESCAPES = "\n    return '<script>alert(1)</script>' + "


def make(folder: Path, node: str, facts: Facts, values: Mapping[str, Any] | None = None) -> Path:
    """A finished artifact's folder with its manifest."""
    path = folder / node
    path.mkdir(parents=True, exist_ok=True)
    manifest = {
        "node": node,
        "fingerprint": hashlib.sha256(node.encode()).hexdigest(),
        "identity": {"stage": node, "version": 1, "values": dict(values or {}), "inputs": {}},
        "files": {},
        "rows": dict(facts.rows),
        "drops": dict(facts.drops),
        "metrics": dict(facts.metrics),
        "wall_s": 1.5,
        "finished_at": "2026-01-01T00:00:00",
        "versions": VERSIONS,
        "git_commit": "0123456789abcdef0123",
    }
    write_manifest(path, manifest)
    return path


def exercise(number: int) -> Exercise:
    return Exercise(
        task_id=f"heldout/{number}",
        name="keep_longer_then_join",
        prompt=PROMPT,
        solution=RIGHT.lstrip("\n"),
        tests=HELDOUT_TEST,
        operations=("keep_longer_than", "reverse_each", "join_with_dash")[: 2 + number % 2],
        style="loop",
    )


def evaluation(folder: Path, label: str, shares: dict[str, float]) -> Evaluation:
    sizes = {"heldout": 300, "humaneval": 164}
    sets = {}
    metrics: dict[str, Any] = {}
    path = make(folder, f"{label}_scores", Facts())
    for name, share in shares.items():
        draw = random.Random(f"{name} {label}")
        samples = []
        for number in range(sizes[name]):
            # The same problems are hard for every model.
            easy = random.Random(f"{name} {number}").random()
            passed = 0.75 * easy + 0.25 * draw.random() > 1 - share
            others = ["wrong_answer"] * 12 + ["exception"] * 5 + ["syntax_error"] * 2 + ["timed_out"] + ["crashed"] * 0
            verdict = "passed" if passed else draw.choice(others)
            samples.append(Sample(f"{name}/{number}", label, RIGHT if passed else WRONG, passed, verdict, ""))
        write_rows(path / samples_file(name), Sample, samples)
        depths = {f"heldout/{n}": 2 + n % 2 for n in range(300)} if name == "heldout" else {}
        sets[name] = score_set(samples, depths, seed=0)
        metrics[f"{name}_pass_at_1"] = sets[name].total.pass_at_1
    write_scores(path / SCORES, Scores(label, sets, PROTOCOL, {}))
    make(folder, f"{label}_scores", Facts(metrics=metrics), {"label": label, "seed": 0})
    return Evaluation(path, Facts(metrics=metrics))


def model(folder: Path, label: str, steps: int, sources: list[str], start: float, end: float, size: int) -> Artifact:
    facts = Facts(metrics={"parameters": size, "tokens": steps * 6144, "final_loss": end})
    path = make(folder, label, facts, {"config": {"steps": steps, "learning_rate": 0.003, "optimizer": "muon"}})
    draw = random.Random(label)
    with (path / "metrics.jsonl").open("w") as file:
        for step in range(1, steps + 1):
            loss = end + (start - end) * math.exp(-9 * step / steps) + draw.gauss(0, 0.04)
            row: dict[str, Any] = {"step": step, "tokens": step * 6144, "loss": loss, "lr": 0.003, "grad_norm": 1.0}
            if step % (steps // 5) == 0:
                row["validation"] = {name: loss + 0.08 + 0.5 * place for place, name in enumerate(sources)}
            file.write(json.dumps(row) + "\n")
    return Artifact(path, facts)


def comparison(folder: Path) -> Comparison:
    facts = Facts(rows={COMPARISON: 2 + len(TASKS)})
    path = make(folder, "compare", facts)
    tasks = []
    for task in TASKS.values():
        completions = []
        for name, met in (("small", 2), ("base", 1), ("finetuned", len(task.checks))):
            text = task.reference if name == "finetuned" else "\n    return []\n"
            results = tuple(
                CheckResult(check.name, check.level, place < met, "" if place < met else f"{DETAIL} {place // 3}")
                for place, check in enumerate(task.checks)
            )
            completions.append(GradedCompletion(name, text, results, 12 if name == "small" else 0))
        tasks.append(
            ComparedTask(task.task_id, "task", task.title, task.shows, task.source, task.prompt, tuple(completions))
        )
    for number, texts in enumerate([(WRONG, "", RIGHT), (ESCAPES, WRONG, RIGHT)]):
        graded = tuple(
            GradedCompletion(name, text, heldout_results(text))
            for name, text in zip(("small", "base", "finetuned"), texts, strict=True)
        )
        tasks.append(ComparedTask(f"heldout/{number}", "heldout", "keep_longer_then_join", "", "", PROMPT, graded))
    write_comparison(path / COMPARISON, tasks)
    return Comparison(path, facts)


def heldout_results(text: str) -> tuple[CheckResult, ...]:
    name: VerdictName = "passed" if text == RIGHT else "wrong_answer" if text == WRONG else "syntax_error"
    detail = "" if text == RIGHT else "assert candidate(['tree', 'at'], 2) == 'eert'"
    return grade_verdict(Verdict(text == RIGHT, name, detail, 0.1))


def quality() -> Quality:
    """Held-out files whose predictions are a little off, and as many unseen ones."""
    draw = np.random.default_rng(0)
    truth = draw.uniform(0, 10, 200).round(1)
    predicted = 0.7 * truth + draw.normal(1.5, 1.2, 200)
    thresholds = measure_thresholds(truth, predicted, predicted, np.full(200, 1000), float(predicted[7]), seed=0)
    return Quality("tfidf-svd", ("builtin",), 800, 200, measure(truth, predicted, 0.3, seed=0), thresholds)


def inputs(folder: Path) -> dict[str, Any]:
    """Everything that the report stage takes but `out`."""

    def plain(node: str, rows: dict[str, int], drops: dict[str, int], **metrics: Any) -> Artifact:
        facts = Facts(rows=rows, drops=drops, metrics=metrics)
        return Artifact(make(folder, node, facts, {"config": {"seed": 0}, "environment": "a" * 200}), facts)

    filtered = plain(
        "filter",
        {FILES: 1204},
        {"low_educational_value": 1687},
        num_train=800,
        num_validation=200,
        spearman=0.8312,
        spearman_low=0.7811,
        spearman_high=0.8702,
        roc_auc_above_median=0.9321,
        roc_auc_above_median_low=0.8991,
        roc_auc_above_median_high=0.961,
        r2=0.704,
        r2_low=0.6212,
        r2_high=0.7623,
        chars_share_kept=0.2998,
    )
    write_quality(filtered.folder, quality())
    section = TextbookSection("counting with a dictionary", "students who know lists", SECTION)
    book_facts = Facts(rows={TEXTBOOKS: 6000}, drops={"duplicate": 12}, metrics={"distinct_topics": 120})
    textbooks = Textbooks(make(folder, "write_textbooks", book_facts), book_facts)
    write_rows(textbooks.folder / TEXTBOOKS, TextbookSection, [section] * 6000)

    def exercise_rows(node: str, count: int, drops: dict[str, int]) -> Exercises:
        facts = Facts(rows={EXERCISES: count, HELDOUT: 300}, drops=drops, metrics={"distinct_names": 20_113})
        path = make(folder, node, facts, {"config": {"num_exercises": 24_000, "num_heldout": 300, "max_depth": 3}})
        write_rows(path / EXERCISES, Exercise, (exercise(number) for number in range(count)))
        write_rows(path / HELDOUT, Exercise, (exercise(number) for number in range(300)))
        return Exercises(path, facts)

    collect_drops = {
        "license_not_permissive": 1840,
        "test_file": 2211,
        "too_short": 412,
        "auto_generated": 96,
        "too_large": 7,
    }
    return {
        "name": "nano",
        "description": "The whole recipe in ten minutes on two CPU cores: offline, no key, no GPU.",
        "collected": plain("collect", {FILES: 3000}, collect_drops, origins=41, chars=31_204_771),
        "files": plain("deduplicate", {FILES: 2891}, {"duplicate": 109}, largest_cluster_files=31),
        "annotations": plain(
            "annotate", {"annotations.parquet": 1000}, {}, mean_educational_value=3.412, share_at_least_5=0.213
        ),
        "filtered": filtered,
        "textbooks": textbooks,
        "exercises": exercise_rows("write_exercises", 24_000, {"repeated_prompt": 341, "wrong_example": 0}),
        "codetextbook": plain("decontaminate_codetextbook", {CODE: 1201, TEXTBOOKS: 5992}, {"ngram_overlap": 11}),
        "codeexercises": exercise_rows("decontaminate_codeexercises", 23_918, {"ngram_overlap": 82}),
        "textbook_tokens": plain("tokenize_codetextbook", {}, {}, code_tokens=3_104_332, textbooks_tokens=2_410_771),
        "exercise_tokens": plain("tokenize_codeexercises", {}, {}, exercises_tokens=4_010_221),
        "base": model(folder, "pretrain", 400, ["code", "textbooks"], 7.4, 1.2, 5_310_000),
        "finetuned": model(folder, "finetune", 400, ["exercises"], 1.6, 0.25, 5_310_000),
        "small_base": model(folder, "small.pretrain", 400, ["code", "textbooks"], 7.4, 1.7, 1_090_000),
        "small": model(folder, "small.finetune", 400, ["exercises"], 2.1, 0.5, 1_090_000),
        "base_scores": evaluation(folder, "base", {"heldout": 0.42, "humaneval": 0.02}),
        "finetuned_scores": evaluation(folder, "finetuned", {"heldout": 0.86, "humaneval": 0.07}),
        "small_base_scores": evaluation(folder, "small_base", {"heldout": 0.08, "humaneval": 0.0}),
        "small_scores": evaluation(folder, "small", {"heldout": 0.55, "humaneval": 0.03}),
        "comparison": comparison(folder),
        "exported": plain("export", {}, {}, size_bytes=21_240_112),
    }


def write_demo(folder: Path) -> Report:
    out = folder / "report"
    out.mkdir(parents=True, exist_ok=True)
    return report(**inputs(folder), out=out)


if __name__ == "__main__":
    print(write_demo(Path(sys.argv[1])).page)
