"""The command line: few verbs, each a thin layer over the package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from hornbook import __version__
from hornbook.errors import HornbookError, InputError, RecipeError
from hornbook.recipe import Recipe, did_you_mean, known_names, load_recipe, walk_fields
from hornbook.run.folder import RunFolder
from hornbook.run.progress import console, out

if TYPE_CHECKING:
    from hornbook.model.artifact import ModelArtifact
    from hornbook.run.machine import Machine
    from hornbook.run.runner import PlannedNode

app = typer.Typer(
    help=(
        "Raise a small code language model on textbook-quality data, end to end.\n\n"
        "Without a verb it runs the recipe `nano`: about twelve minutes on two CPU cores, offline, no key, no GPU."
    ),
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a .toml file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change one field; may be repeated.")
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The run's folder. [default: runs/<recipe's name>]")
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/nano.")]
ModelName = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Which of a run's models: base, finetuned, small-base or small.")
]


@app.callback()
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


@app.command()
def run(
    recipe: RecipeName = "nano",
    set_: Overrides = None,
    out_folder: OutFolder = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes and threads; 0 takes every core.")] = 0,
    compile_: Annotated[bool, typer.Option("--compile/--no-compile", help="Whether training is compiled.")] = True,
    until: Annotated[str, typer.Option(metavar="STAGE", help="Stop when this stage is done.")] = "",
) -> None:
    """Run a recipe from raw code to the report; what is already there is reused.

    Example: `hornbook run nano --set filter.keep_share=0.5`
    """
    from hornbook.pipeline import build
    from hornbook.release.report import Report
    from hornbook.run.runner import execute

    loaded, folder = _open(recipe, set_, out_folder)
    graph = build(loaded)
    if until and until not in graph:
        raise RecipeError(f"--until {until!r}: no such stage. There are: {', '.join(node.name for node in graph)}")
    machine = _machine(device, workers, compile_)
    _check_hardware(loaded, machine)
    made = execute(
        graph,
        folder,
        machine,
        recipe_name=loaded.name,
        max_drop_fraction=loaded.max_drop_fraction,
        targets=[graph[until]] if until else [],
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


@app.command()
def plan(recipe: RecipeName = "nano", set_: Overrides = None, out_folder: OutFolder = None) -> None:
    """Show what a run would do, why, and what it would cost; runs nothing.

    Example: `hornbook plan phi-1`
    """
    from hornbook.pipeline import build
    from hornbook.run.runner import plan as make_plan

    loaded, folder = _open(recipe, set_, out_folder)
    folder.check_owner(loaded.name)
    out.print(f"[bold]{loaded.name}[/bold]: {loaded.description}\nfolder {folder.path}", soft_wrap=True)
    planned = make_plan(build(loaded), folder)
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "state", "why", "last time"):
        table.add_column(column, overflow="fold")
    for entry in planned:
        table.add_row(
            entry.node.name,
            {"cached": "[dim]cached[/dim]", "resume": "will resume", "run": "will run"}[entry.state],
            "; ".join(entry.reasons),
            f"{entry.last_wall_s:.1f} s" if entry.last_wall_s is not None else "",
        )
    out.print(table)
    _print_costs(loaded, planned)


@app.command()
def show(
    run_path: RunPath = Path("runs/nano"),
    stage: Annotated[str, typer.Argument(metavar="[STAGE]", help="One stage in full.")] = "",
) -> None:
    """Show what a run left behind: each stage's rows, drops by reason, measures and folder.

    Example: `hornbook show runs/nano filter`
    """
    from hornbook.run.show import show_run, show_stage

    for line in show_stage(RunFolder(run_path), stage) if stage else show_run(RunFolder(run_path)):
        out.print(line, soft_wrap=True)


@app.command()
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


@app.command()
def sample(
    run_path: RunPath,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help='Python to go on from, or "-" for standard input.')],
    model: ModelName = "finetuned",
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 200,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is greedy.")] = 0.0,
    seed: int = 0,
) -> None:
    """Complete a prompt in the terminal, as it is written.

    Example: `hornbook sample runs/nano 'def total(numbers):'`
    """
    from hornbook.model.generate import GenerationConfig, stream

    text = sys.stdin.read() if prompt == "-" else prompt
    if not text.strip():
        raise InputError("the prompt is empty; give some Python, e.g. 'def total(numbers):'")
    artifact = _find_model(run_path, model)
    config = GenerationConfig(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    out.print(text.rstrip(), end="", markup=False, highlight=False, style="bold", soft_wrap=True)
    for piece in stream(artifact.load_model(), artifact.tokenizer(), text, config):
        out.print(piece, end="", markup=False, highlight=False, soft_wrap=True)
    out.print()


@app.command()
def export(
    run_path: RunPath,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder.")],
    model: ModelName = "finetuned",
) -> None:
    """Write one of a run's models as a folder that Hugging Face's transformers loads.

    Example: `hornbook export runs/nano --model base --to my-base-model`
    """
    from hornbook.model.convert import export_hugging_face

    artifact = _find_model(run_path, model)
    if to.exists():
        raise InputError(f"--to {to}: exists already; give a folder that does not")
    to.mkdir(parents=True)
    export_hugging_face(artifact, to)
    out.print(f"{model} of {run_path}: {to}", soft_wrap=True)


def _open(recipe: str, overrides: list[str] | None, out_folder: Path | None) -> tuple[Recipe, RunFolder]:
    loaded = load_recipe(recipe, overrides or ())
    return loaded, RunFolder(out_folder or Path("runs") / loaded.name)


def _machine(device: str, workers: int, use_compile: bool) -> Machine:
    from hornbook.run.machine import Machine

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device!r}: choose auto, cpu or cuda")
    found = Machine(device=device, use_compile=use_compile)
    return Machine(device=device, use_compile=use_compile, workers=workers or found.workers)


def _check_hardware(recipe: Recipe, machine: Machine) -> None:
    """Refuses a device or a precision that is not there now, rather than after all the data has been made."""
    from hornbook.model.artifact import resolve_device
    from hornbook.train.hardware import compute_dtype

    for train in (recipe.pretrain, recipe.finetune, recipe.small_pretrain, recipe.small_finetune):
        compute_dtype(train.precision, resolve_device(machine.device))


def _find_model(run_path: Path, name: str) -> ModelArtifact:
    from hornbook.model.artifact import ModelArtifact
    from hornbook.pipeline import MODELS

    if name not in MODELS:
        raise InputError(f"--model {name!r}: choose one of {', '.join(MODELS)}")
    return ModelArtifact.load(RunFolder(run_path).latest_artifact(MODELS[name]))


def _print_costs(recipe: Recipe, planned: list[PlannedNode]) -> None:
    from hornbook.costs import (
        CPU_UTILIZATION,
        PAPER_PRETRAIN_A100_HOURS,
        measured_flops_per_s,
        training_costs,
    )

    waiting = {entry.node.name for entry in planned if entry.state != "cached"}
    rate = measured_flops_per_s() * CPU_UTILIZATION
    table = Table(box=None, pad_edge=False)
    for column in ("training", "parameters", "tokens", "FLOPs", "A100-hours", "here"):
        table.add_column(column, justify="left" if column == "training" else "right")
    for cost in training_costs(recipe):
        table.add_row(
            cost.node,
            f"{cost.parameters:,}",
            f"{cost.tokens:,}",
            f"{cost.flops:.2e}",
            f"{cost.a100_hours:,.3g}",
            _duration(cost.flops / rate) if cost.node in waiting else "[dim]cached[/dim]",
        )
    out.print()
    out.print(table)
    out.print(
        f"[dim]A100-hours at the paper's own utilization (its pretraining of phi-1: {PAPER_PRETRAIN_A100_HOURS}). "
        f"Here: {rate / 1e9:,.0f} GFLOP/s, {CPU_UTILIZATION:.0%} of a matrix product measured now.\n"
        "Teacher: built in, 0 dollars, 0 tokens to pay for.[/dim]",
        soft_wrap=True,
    )


def _duration(seconds: float) -> str:
    for unit, size in (("years", 365 * 86400.0), ("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"


def main() -> None:
    """The console script: an error of the user's exits with 2 and one message, a bug with its traceback."""
    try:
        app()
    except HornbookError as error:
        console.print(f"hornbook: {error}", markup=False, style="red", soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print("hornbook: stopped; run the same command again to go on where it was", style="yellow")
        sys.exit(130)
