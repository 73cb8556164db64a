"""Outcomes as they could be, to look at the pages: `python -m tests.studies.outcomes FOLDER`."""

import random
import sys
from pathlib import Path

from hornbook.evaluate.pass_at_k import compare_paired
from hornbook.studies.ablate import DATA
from hornbook.studies.ablate_page import write_ablation
from hornbook.studies.ablation import Kind, Spread, compare_steps
from hornbook.studies.ablation import Outcome as Ablated
from hornbook.studies.matches import Pair
from hornbook.studies.prune_page import write_pruning
from hornbook.studies.pruned import GROUPS, Row, score_group, split_problems
from hornbook.studies.pruned import Outcome as Pruned

SETS = {"heldout": 300, "humaneval": 164}
LEVELS = {
    ("unfiltered", False): 0.02,
    ("filtered", False): 0.05,
    ("textbooks", False): 0.12,
    ("unfiltered", True): 0.22,
    ("filtered", True): 0.24,
    ("textbooks", True): 0.41,
}


def verdicts(key: str, count: int, share: float) -> dict[str, float]:
    """Passed or not by task id; the same problems are hard for every model."""
    draw = random.Random(key)
    return {
        f"{number}": float(0.8 * random.Random(f"{number}").random() + 0.2 * draw.random() > 1 - share)
        for number in range(count)
    }


def ablation_outcome(seeds: int = 3, levels: dict | None = None) -> Ablated:
    kinds = []
    for data in DATA:
        for is_finetuned in (False, True):
            level = (levels or LEVELS)[data, is_finetuned]
            passed = {
                name: [verdicts(f"{data}{is_finetuned}{seed}", count, level * (1 if name == "heldout" else 0.3))
                       for seed in range(seeds)]
                for name, count in SETS.items()
            }  # fmt: skip
            solved = {
                name: {task: sum(one[task] for one in found) / seeds for task in found[0]}
                for name, found in passed.items()
            }
            scores = {
                name: Spread(tuple(sum(one.values()) / len(one) for one in found)) for name, found in passed.items()
            }
            losses = {
                part: Spread(tuple(2.1 - level + 0.2 * place + 0.01 * seed for seed in range(seeds)))
                for place, part in enumerate(("corpus", "kept", "rejected", "humaneval"))
            }
            epochs = {"code": 2.5} if data != "textbooks" else {"code": 0.3, "textbooks": 1.1}
            kinds.append(Kind("small_model", data, is_finetuned, scores, solved, losses, epochs, 1_536_000))
    held_out = {"kept": (6, 51_000), "rejected": (31, 200_100), "humaneval": (164, 98_000)}
    return Ablated(tuple(kinds), tuple(compare_steps(kinds)), ("A remark on a <set>.",), held_out)


def pruning_outcome(
    level: float = 0.5, matched_similar: float = 0.4, seeds: int = 3, sets: tuple[str, ...] = tuple(SETS)
) -> Pruned:
    tables = {}
    for name in sets:
        count = SETS[name]
        rates = {f"{number}": 0.7 + 0.3 * random.Random(f"{name}{number}").random() for number in range(count)}
        rows = []
        for threshold in (0.95, 0.9, 0.85, 0.8):
            groups = split_problems(rates, threshold)
            passed = {}
            for kind, similar in (("base", 0.1), ("all", level), ("matched", matched_similar), ("random", level)):
                passed[kind] = []
                for seed in range(seeds):
                    found = verdicts(f"{kind}{seed}", count, level if kind != "base" else 0.1 * (level > 0))
                    alike = verdicts(f"{kind}{seed}", count, similar * (level > 0))
                    passed[kind].append({task: (alike if task in groups["similar"] else found)[task] for task in found})
            cells = {
                (kind, group): score_group(found, groups[group]) for kind, found in passed.items() for group in GROUPS
            }
            against = {
                group: compare_paired(
                    *(
                        [sum(one[task] for one in passed[kind]) / seeds for task in sorted(groups[group])]
                        for kind in ("random", "matched")
                    ),
                    seed=0,
                )
                if groups[group]
                else None
                for group in GROUPS
            }
            rows.append(Row(threshold, round(24_000 * (1 - threshold)), 24_000, cells, against))
        tables[name] = tuple(rows)
    code = "def same(x):\n    return '<script>alert(1)</script>' + x\n"
    pairs = tuple(
        Pair(name, 1.0 - 0.05 * n, f"{name}/{n}", code, f"train/{n}", code) for name in sets for n in range(3)
    )
    return Pruned(tables, pairs, ("A remark.",), seeds)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print("\n".join(write_ablation(folder, "made-up", ablation_outcome())))
    print("\n".join(write_pruning(folder, "made-up", "small_model", pruning_outcome())))
