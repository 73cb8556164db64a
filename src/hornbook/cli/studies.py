"""Verbs that study a recipe: ablate, prune, scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from hornbook.cli.costs import print_plan
from hornbook.cli.options import (
    EngineOption,
    MicroBatchOption,
    OutFolder,
    Overrides,
    RecipeName,
    SandboxOption,
    ShardOption,
    joined_machine,
    make_machine,
    open_run,
)
from hornbook.cli.runs import check_hardware, check_teachers
from hornbook.recipe import Recipe
from hornbook.run.folder import RunFolder
from hornbook.run.progress import out

if TYPE_CHECKING:
    from hornbook.run.artifact import Artifact
    from hornbook.run.graph import Graph, Node
    from hornbook.run.machine import Machine

PlanOption = Annotated[bool, typer.Option("--plan", help="Show what it would do and cost, and run nothing.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes and threads; 0 takes every core.")]
Compile = Annotated[bool, typer.Option("--compile/--no-compile", help="Whether training is compiled.")]


class Study(Protocol):
    """A recipe's graph with the nodes of a study."""

    @property
    def graph(self) -> Graph:
        """The recipe's graph and more."""

    @property
    def targets(self) -> list[Node[Any]]:
        """What must be there to tell the outcome."""


Asks = TypeVar("Asks", bound=Study)


@dataclass(frozen=True)
class Asked:
    """What the options of a study's verb say."""

    verb: str
    recipe: str
    overrides: list[str] | None
    out_folder: Path | None
    machine: Machine
    plan: bool


def ablate(
    recipe: RecipeName = "nano",
    set_: Overrides = None,
    out_folder: OutFolder = None,
    plan: PlanOption = False,
    device: Device = "auto",
    workers: Workers = 0,
    compile_: Compile = True,
    sandbox: SandboxOption = "required",
    shard: ShardOption = "auto",
    micro_batch: MicroBatchOption = 0,
    engine: EngineOption = "native",
) -> None:
    """Train the same model on raw code, filtered code, and with textbooks, each with and without the exercises.

    Figure 2.1 of the paper. It goes on from the recipe's run: what is there already is reused.

    Example: `hornbook ablate nano --plan`

    Example: `hornbook ablate nano --set 'ablate.sizes=["model"]' --set ablate.seeds=1`
    """
    from hornbook.studies.ablate import Ablation, build_ablation
    from hornbook.studies.ablate_page import PAGE, write_ablation
    from hornbook.studies.ablation import collect_outcome

    def tell(study: Ablation, made: dict[str, Artifact], loaded: Recipe, folder: Path) -> list[str]:
        return write_ablation(folder, loaded.name, collect_outcome(study, made))

    machine = make_machine(device, workers, compile_, sandbox, engine, shard, micro_batch)
    _study(
        Asked("ablate", recipe, set_, out_folder, machine, plan), lambda loaded, _: build_ablation(loaded), tell, PAGE
    )


def prune(
    recipe: RecipeName = "nano",
    set_: Overrides = None,
    out_folder: OutFolder = None,
    plan: PlanOption = False,
    device: Device = "auto",
    workers: Workers = 0,
    compile_: Compile = True,
    sandbox: SandboxOption = "required",
    shard: ShardOption = "auto",
    micro_batch: MicroBatchOption = 0,
    engine: EngineOption = "native",
) -> None:
    """Finetune again without the exercises that are like a problem, and without as many drawn at random.

    Table 3 of the paper. It goes on from the recipe's run: what is there already is reused.

    Example: `hornbook prune nano --plan`

    Example: `hornbook prune phi-1 --set 'prune.thresholds=[0.95,0.8]'`
    """
    from hornbook.studies.prune import Pruning, build_matching, build_pruning
    from hornbook.studies.prune_page import PAGE, write_pruning
    from hornbook.studies.pruned import collect_outcome

    def tell(study: Pruning, made: dict[str, Artifact], loaded: Recipe, folder: Path) -> list[str]:
        return write_pruning(folder, loaded.name, loaded.prune.size, collect_outcome(study, made))

    machine = make_machine(device, workers, compile_, sandbox, engine, shard, micro_batch)
    _study(Asked("prune", recipe, set_, out_folder, machine, plan), build_pruning, tell, PAGE, before=build_matching)


def scaling(
    recipe: RecipeName = "nano",
    set_: Overrides = None,
    out_folder: OutFolder = None,
    plan: PlanOption = False,
    device: Device = "auto",
    workers: Workers = 0,
    compile_: Compile = True,
    sandbox: SandboxOption = "required",
    shard: ShardOption = "auto",
    micro_batch: MicroBatchOption = 0,
    engine: EngineOption = "native",
) -> None:
    """Train several widths on a recipe's tokens and fit a power law of held-out loss against compute.

    It goes on from the recipe's run: what is there already is reused.

    Example: `hornbook scaling nano --plan`

    Example: `hornbook scaling nano --set 'scaling.hidden_sizes=[32,48,64,80,96]' --set scaling.seeds=3`
    """
    from hornbook.studies.scale import Scaling, build_scaling
    from hornbook.studies.scaled import collect_outcome
    from hornbook.studies.scaling_page import PAGE, write_scaling

    def tell(study: Scaling, made: dict[str, Artifact], loaded: Recipe, folder: Path) -> list[str]:
        return write_scaling(folder, loaded.name, collect_outcome(study, made, loaded))

    machine = make_machine(device, workers, compile_, sandbox, engine, shard, micro_batch)
    _study(
        Asked("scaling", recipe, set_, out_folder, machine, plan), lambda loaded, _: build_scaling(loaded), tell, PAGE
    )


def _study(
    asked: Asked,
    build: Callable[[Recipe, Mapping[str, Artifact]], Asks],
    tell: Callable[[Asks, dict[str, Artifact], Recipe, Path], list[str]],
    page: str,
    before: Callable[[Recipe], Study] | None = None,
) -> None:
    """Plans a study, or runs it in the recipe's folder and writes its outcome; under torchrun the others follow.

    `before` builds what must be there to know the study, and `build` gets its artifacts; without them it builds the
    largest study that there can be.
    """
    from hornbook.run.runner import execute, follow

    loaded, folder = open_run(asked.recipe, asked.overrides, asked.out_folder)
    if asked.plan:
        _plan(loaded, folder, build, before)
        return
    with joined_machine(asked.machine, asked.verb) as joined:
        machine = replace(joined, replies=folder.replies, trackers=folder.trackers)
        if not machine.world.is_main:
            for _ in (before, build) if before else (build,):
                follow(machine)
            return

        def run(study: Study) -> dict[str, Artifact]:
            return execute(
                study.graph,
                folder,
                machine,
                recipe_name=loaded.name,
                max_drop_fraction=loaded.max_drop_fraction,
                targets=study.targets,
            )

        study = build(loaded, {})
        _check(loaded, folder, study, machine)
        if before is not None:
            study = build(loaded, run(before(loaded)))
        for line in tell(study, run(study), loaded, folder.path):
            out.print(line, markup=False, soft_wrap=True)
        out.print(f"Page: {folder.path / page}", markup=False, soft_wrap=True)


def _plan(
    loaded: Recipe,
    folder: RunFolder,
    build: Callable[[Recipe, Mapping[str, Artifact]], Study],
    before: Callable[[Recipe], Study] | None,
) -> None:
    from hornbook.run.runner import plan as make_plan

    folder.check_owner(loaded.name)
    found: dict[str, Artifact] = {}
    waiting: list[str] = []
    if before is not None:
        first = before(loaded)
        states = {entry.node.name: entry.state for entry in make_plan(first.graph, folder, first.targets)}
        waiting = [node.name for node in first.targets if states[node.name] != "cached"]
        if not waiting:
            found = {node.name: node.output_type.load(folder.artifact_folder(node)) for node in first.targets}
    study = build(loaded, found)
    out.print(f"[bold]{loaded.name}[/bold]: {loaded.description}\nfolder {folder.path}", soft_wrap=True)
    print_plan(loaded, folder, make_plan(study.graph, folder, study.targets))
    if waiting:
        told = f"This is at most: which of its trainings are the same will be known after {', '.join(waiting)}."
        out.print(told, markup=False, soft_wrap=True)


def _check(loaded: Recipe, folder: RunFolder, study: Study, machine: Machine) -> None:
    """Refuses what cannot be run as asked before anything is."""
    from hornbook.run.runner import plan as make_plan

    planned = make_plan(study.graph, folder, study.targets)
    check_hardware(loaded, machine, planned)
    check_teachers(loaded, planned, folder)
