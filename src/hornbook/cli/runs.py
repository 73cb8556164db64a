"""Verbs about a run: run, plan, show, explain."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hornbook import __version__
from hornbook.cli.costs import print_plan
from hornbook.cli.options import (
    EngineOption,
    MicroBatchOption,
    OutFolder,
    Overrides,
    RecipeName,
    RunPath,
    SandboxOption,
    ShardOption,
    joined_machine,
    make_machine,
    open_run,
)
from hornbook.errors import RecipeError
from hornbook.recipe import Recipe, did_you_mean, known_names, walk_fields
from hornbook.run.folder import RunFolder
from hornbook.run.processes import load_ahead
from hornbook.run.progress import out

if TYPE_CHECKING:
    from hornbook.run.machine import Machine
    from hornbook.run.runner import PlannedNode


TRAINING = frozenset({"pretrain", "finetune"})
"""The stages that train; those before them are about data."""
CORPUS_LOADED = "hornbook.corpus.loaded"
"""What the stages that come first ask for (`Stage.loads`)."""


def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Runs `nano` where no verb is given."""
    if version:
        out.print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        run()


def run(
    recipe: RecipeName = "nano",
    set_: Overrides = None,
    out_folder: OutFolder = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes and threads; 0 takes every core.")] = 0,
    compile_: Annotated[bool, typer.Option("--compile/--no-compile", help="Whether training is compiled.")] = True,
    until: Annotated[str, typer.Option(metavar="STAGE", help="Stop when this stage is done.")] = "",
    sandbox: SandboxOption = "required",
    shard: ShardOption = "auto",
    micro_batch: MicroBatchOption = 0,
    engine: EngineOption = "native",
) -> None:
    """Run a recipe from raw code to the report; what is already there is reused.

    Under torchrun its processes train together, and the first does all the rest.

    Example: `hornbook run nano --set filter.keep_share=0.5`

    Example: `torchrun --standalone --nproc-per-node 8 -m hornbook run phi-1`
    """
    from hornbook.run.runner import follow

    machine = make_machine(device, workers, compile_, sandbox, engine, shard, micro_batch)
    with joined_machine(machine, "run") as joined:
        if joined.world.is_main:
            _run(recipe, set_, out_folder, joined, until)
        else:
            follow(joined)


def _run(recipe: str, overrides: list[str] | None, out_folder: Path | None, machine: Machine, until: str) -> None:
    loaded, folder = open_run(recipe, overrides, out_folder)
    if not folder.path.exists():
        # A new run begins with these stages: what their processes need is loaded while the run is planned.
        load_ahead([CORPUS_LOADED])
    from hornbook.evaluate.grade import check_grading
    from hornbook.evaluate.problem_sets import set_label
    from hornbook.pipeline import build
    from hornbook.release.report import Report
    from hornbook.run.runner import execute
    from hornbook.run.runner import plan as make_plan

    graph = build(loaded)
    if until and until not in graph:
        raise RecipeError(f"--until {until!r}: no such stage. There are: {', '.join(node.name for node in graph)}")
    machine = replace(machine, replies=folder.replies, trackers=folder.trackers)
    targets = [graph[until]] if until else []
    planned = make_plan(graph, folder, targets)
    check_hardware(loaded, machine, planned)
    check_teachers(loaded, planned, folder)
    for note in check_grading([set_label(text) for text in loaded.evaluate.problems], loaded.grade, folder.replies):
        out.print(note, markup=False, soft_wrap=True)
    made = execute(
        graph,
        folder,
        machine,
        recipe_name=loaded.name,
        max_drop_fraction=loaded.max_drop_fraction,
        targets=targets,
    )
    if "report" not in made:
        out.print(f"{until}: {made[until].folder}")
        return
    report = made["report"]
    assert isinstance(report, Report)
    for line in report.summary():
        out.print(line)
    page = folder.path / "report.html"
    shutil.copyfile(report.page, page)
    out.print(f"Report: {page}", soft_wrap=True)


def check_teachers(recipe: Recipe, planned: Sequence[PlannedNode], folder: RunFolder) -> None:
    """Refuses an annotator or a writer that cannot be asked, where a stage will ask it, before anything is made."""
    from hornbook.corpus.annotate import check_annotator
    from hornbook.synthesize.asking import check_writer

    waiting = {entry.node.name for entry in planned if entry.state != "cached"}
    if "annotate" in waiting:
        check_annotator(recipe.annotator, folder.replies)
    counts = {
        "write_textbooks": recipe.write_textbooks.num_requests,
        "write_exercises": recipe.write_exercises.num_requests,
    }
    if any(counts[name] for name in waiting & counts.keys()):
        check_writer(recipe.writer, folder.replies)


def check_hardware(recipe: Recipe, machine: Machine, planned: Sequence[PlannedNode]) -> None:
    """Refuses what cannot be trained or run here as asked now, rather than after all the data has been made."""
    from hornbook.evaluate.sandbox import available_layers

    available_layers().check(machine.sandbox)
    trains = any(entry.node.stage.name in TRAINING for entry in planned)
    # PyTorch takes longer to load than many a data stage to run; a stage may embed, or ask a teacher, on a named GPU.
    if not trains and machine.device != "cuda":
        return
    from hornbook.model.artifact import resolve_device

    device = resolve_device(machine.device)
    if not trains:
        return
    from hornbook.train.hardware import compute_dtype, share_of_batch
    from hornbook.train.trackers import check_installed

    for train in (recipe.pretrain, recipe.finetune, recipe.small_pretrain, recipe.small_finetune):
        compute_dtype(train.precision, device)
        share_of_batch(train, machine)
        check_installed(train)


def plan(recipe: RecipeName = "nano", set_: Overrides = None, out_folder: OutFolder = None) -> None:
    """Show what a run would do, why, and what it would cost; runs nothing.

    Example: `hornbook plan phi-1`
    """
    from hornbook.pipeline import build
    from hornbook.run.runner import plan as make_plan

    loaded, folder = open_run(recipe, set_, out_folder)
    folder.check_owner(loaded.name)
    out.print(f"[bold]{loaded.name}[/bold]: {loaded.description}\nfolder {folder.path}", soft_wrap=True)
    print_plan(loaded, folder, make_plan(build(loaded), folder))


def show(
    run_path: RunPath = Path("runs/nano"),
    stage: Annotated[str, typer.Argument(metavar="[STAGE]", help="One stage in full.")] = "",
) -> None:
    """Show what a run left behind: each stage's rows, drops by reason, measures and folder.

    Example: `hornbook show runs/nano filter`
    """
    from hornbook.run.show import show_run, show_stage

    for line in show_stage(RunFolder(run_path), stage) if stage else show_run(RunFolder(run_path)):
        # A line may be one of code, and `x[i]` is no markup.
        out.print(line, markup=False, soft_wrap=True)


def explain(
    field: Annotated[str, typer.Argument(metavar="[FIELD]", help="A field or a section; all where left out.")] = "",
) -> None:
    """Explain the fields of a recipe: what they mean, their type and default.

    Example: `hornbook explain filter.keep_share`
    """
    matching = [entry for entry in walk_fields() if not field or entry[0] == field or entry[0].startswith(f"{field}.")]
    if not matching:
        raise RecipeError(f"no field or section {field!r} in a recipe{did_you_mean(field, known_names())}")
    for name, info, text in matching:
        default = "required" if info.is_required() else f"default {info.get_default(call_default_factory=True)!r}"
        out.print(f"[bold]{name}[/bold] ({default})", soft_wrap=True)
        out.print(f"  {' '.join(text.split())}", markup=False, soft_wrap=True)
