"""What several processes run in these tests: they agree on things, run a graph, then another where the main one fails.

python -m tests.run.processes FOLDER
"""

import json
import sys
from pathlib import Path

import torch

from hornbook.errors import StageError
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.distributed import joined_world
from hornbook.run.folder import RunFolder
from hornbook.run.graph import Graph
from hornbook.run.machine import Machine
from hornbook.run.runner import execute, follow
from hornbook.run.stage import stage


class Lines(Artifact):
    pass


class Total(Artifact):
    pass


@stage(version=1)
def collect_lines(*, count: int, out: Path, machine: Machine) -> Lines:
    (out / f"by-{machine.world.rank}.txt").write_text(str(count))
    return Lines(out, Facts(rows={"lines": count}))


@stage(version=1, distributed=True)
def add_up(*, lines: Lines, factor: float, out: Path, machine: Machine) -> Total:
    """Each process adds its rank + 1, times a factor, to what it finds in the lines' folder and to the others' sums."""
    count = int((lines.folder / "by-0.txt").read_text())
    total = machine.world.add_up(torch.tensor([factor * (machine.world.rank + 1) + count]))
    (out / f"by-{machine.world.rank}.txt").write_text(str(float(total)))
    machine.world.barrier()
    return Total(out, Facts(metrics={"total": float(total)}))


@stage(version=1, distributed=True)
def give_up(*, total: Total, out: Path, machine: Machine) -> Total:
    if machine.world.is_main:
        raise StageError("stage give_up: gives up")
    machine.world.barrier()
    return total


def graph(fails: bool) -> Graph:
    made = Graph()
    total = made.add(add_up, lines=made.add(collect_lines, count=10), factor=0.5)
    if fails:
        made.add(give_up, total=total)
    return made


def run(folder):
    with joined_world("cpu") as world:
        told = {
            "is_main": world.is_main,
            "any": world.agree(world.rank == 1),
            "none": world.agree(False),
            "smallest": world.smallest(10 - world.rank),
            "word": world.broadcast({"of": world.rank}),
            "sum": world.add_up(torch.tensor([1.0, world.rank])).tolist(),
        }
        (folder / f"world-{world.rank}.json").write_text(json.dumps(told))
        machine = Machine(workers=1, world=world)
        for fails in (False, True):
            if world.is_main:
                execute(graph(fails), RunFolder(folder / "run"), machine, recipe_name="test")
            else:
                follow(machine)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
