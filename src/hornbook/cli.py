"""The command line: few verbs, each a thin layer over the package."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.table import Table

from hornbook import __version__
from hornbook.errors import HornbookError, InputError, RecipeError
from hornbook.recipe import EvaluateConfig, GradeConfig, Recipe, did_you_mean, known_names, load_recipe, walk_fields
from hornbook.run.folder import REPLIES, RunFolder
from hornbook.run.progress import console, out

if TYPE_CHECKING:
    from hornbook.model.artifact import ModelArtifact
    from hornbook.run.machine import Machine, Sharding
    from hornbook.run.runner import PlannedNode
    from hornbook.teacher_costs import TeacherCost

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

SandboxOption = Annotated[
    str,
    typer.Option(
        "--sandbox",
        metavar="POLICY",
        help="required: a model's programs run shut in by the kernel or not at all; rlimits: with limits alone.",
    ),
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
    sandbox: SandboxOption = "required",
    shard: Annotated[
        str, typer.Option(help="Of several processes: each holds a share of the model (always), or all of it (never).")
    ] = "auto",
    micro_batch: Annotated[
        int, typer.Option(min=0, metavar="N", help="Sequences per forward pass of a process; 0 takes what fits.")
    ] = 0,
) -> None:
    """Run a recipe from raw code to the report; what is already there is reused.

    Under torchrun its processes train together, and the first does all the rest.

    Example: `hornbook run nano --set filter.keep_share=0.5`

    Example: `torchrun --standalone --nproc-per-node 8 -m hornbook run phi-1`
    """
    from hornbook.run.distributed import joined_world

    machine = replace(
        _machine(device, workers, compile_, sandbox), shard=_sharding(shard), micro_batch_size=micro_batch
    )
    with joined_world(device) as world:
        if shard == "always" and world.size == 1:
            raise InputError(
                "--shard always: there is one process and nothing to shard over. Start several: "
                "torchrun --standalone --nproc-per-node 8 -m hornbook run ..."
            )
        machine = replace(machine, world=world)
        if world.is_main:
            _run(recipe, set_, out_folder, machine, until)
        else:
            from hornbook.run.runner import follow

            follow(machine)


def _run(recipe: str, overrides: list[str] | None, out_folder: Path | None, machine: Machine, until: str) -> None:
    from hornbook.corpus.annotate import check_annotator
    from hornbook.evaluate.grade import check_grading
    from hornbook.evaluate.problem_sets import set_label
    from hornbook.pipeline import build
    from hornbook.release.report import Report
    from hornbook.run.runner import execute
    from hornbook.run.runner import plan as make_plan

    loaded, folder = _open(recipe, overrides, out_folder)
    graph = build(loaded)
    if until and until not in graph:
        raise RecipeError(f"--until {until!r}: no such stage. There are: {', '.join(node.name for node in graph)}")
    machine = replace(machine, replies=folder.replies, trackers=folder.trackers)
    _check_hardware(loaded, machine)
    targets = [graph[until]] if until else []
    if any(entry.node.name == "annotate" and entry.state != "cached" for entry in make_plan(graph, folder, targets)):
        check_annotator(loaded.annotator, folder.replies)
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


@app.command()
def plan(recipe: RecipeName = "nano", set_: Overrides = None, out_folder: OutFolder = None) -> None:
    """Show what a run would do, why, and what it would cost; runs nothing.

    Example: `hornbook plan phi-1`
    """
    from hornbook.pipeline import build
    from hornbook.run.runner import plan as make_plan
    from hornbook.teacher_costs import teacher_costs

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
    if costs := teacher_costs(loaded, planned, folder):
        _print_teacher_costs(costs)
    else:
        out.print("[dim]Teacher: built in, 0 dollars, 0 tokens to pay for.[/dim]", soft_wrap=True)


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
def evaluate(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(metavar="TARGET", help="A run's folder, or a model's (hornbook's or Hugging Face's)."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Which of a run's models; repeatable. [default: finetuned]"),
    ] = None,
    samples: Annotated[
        list[Path] | None,
        typer.Option("--samples", metavar="FILE", help="Completions to score without a model; repeatable."),
    ] = None,
    problems: Annotated[
        list[str] | None,
        typer.Option("--problems", metavar="SET", help="NAME, NAME:PATH or a file; repeatable. [default: humaneval]"),
    ] = None,
    samples_per_problem: Annotated[int, typer.Option(min=1)] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is greedy.")] = 0.0,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 512,
    seed: int = 0,
    timeout: Annotated[float, typer.Option(min=0.01, help="Seconds that one program may take.")] = 3.0,
    memory: Annotated[int, typer.Option(min=16, help="Megabytes that one program may take.")] = 1024,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Score what is usable of a faulty samples file, and say so.")
    ] = False,
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new or empty folder. [default: evaluations/1, ...]")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 takes every core.")] = 0,
    sandbox: SandboxOption = "required",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="grade.FIELD=VALUE", help="Have a teacher grade, too; may be repeated."),
    ] = None,
    replies: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The cache of its replies. [default: beside the results]")
    ] = None,
) -> None:
    """Score models or files of completions on problem sets; several are compared pair by pair.

    Problem sets: heldout:RUN, humaneval, humaneval+:PATH, mbpp:PATH, mbpp-docstring:PATH, mbpp+:PATH, unconventional,
    or a .jsonl file in HumanEval's form; humaneval:hub and mbpp:hub are downloaded.

    Example: `hornbook evaluate runs/nano --model base --model finetuned --problems heldout`

    Example: `hornbook evaluate --samples samples.jsonl --problems humaneval`

    Example: `hornbook evaluate runs/nano --problems unconventional --set grade.backend=openai --set grade.model=gpt-4o`
    """
    from hornbook.evaluate.grade import check_grading, grade_scored
    from hornbook.evaluate.score import (
        compare_all,
        find_targets,
        load_problem_sets,
        new_folder,
        score_all,
        write_comparisons,
    )
    from hornbook.evaluate.tables import tables

    machine = _machine(device, workers, True, sandbox)
    folder = new_folder(out_folder)
    found = find_targets(targets or [], samples or [], model or ["finetuned"], _find_model)
    sets = load_problem_sets(problems or ["humaneval"], found.exercises)
    grade, replies = _grade_config(set_ or []), replies or folder.parent / REPLIES
    note = check_grading(sets, grade, replies)
    config = EvaluateConfig(
        problems=tuple(problems or ["humaneval"]),
        samples_per_problem=samples_per_problem,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        timeout_s=timeout,
        memory_mb=memory,
    )
    scored = score_all(found, sets, config, seed, machine, folder, allow_partial=allow_partial)
    compared = compare_all(scored, seed)
    write_comparisons(folder, compared)
    for table in tables(scored, compared):
        out.print(table)
    for line in grade_scored(scored, grade, replies, seed, machine) if grade.backend else note:
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"Samples, verdicts and scores: {folder}", markup=False, soft_wrap=True)


@app.command()
def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="A run (its small, base and finetuned), RUN:NAME, or a model's folder."),
    ],
    tasks: Annotated[
        str | None,
        typer.Option("--tasks", metavar="NAME,NAME", help='Tasks of the suite; "" for none. [default: all of them]'),
    ] = None,
    prompts: Annotated[
        list[Path] | None,
        typer.Option("--prompts", metavar="FILE", help="Own prompts: JSON lines or a folder of .py files; repeatable."),
    ] = None,
    problems: Annotated[
        list[str] | None,
        typer.Option("--problems", metavar="SET", help="Problems of a set too, as in evaluate; repeatable."),
    ] = None,
    num_problems: Annotated[int, typer.Option(min=1, help="Of each set, drawn by the seed.")] = 6,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 512,
    seed: int = 0,
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new or empty folder. [default: comparisons/1, ...]")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 takes every core.")] = 0,
    sandbox: SandboxOption = "required",
) -> None:
    """Complete the same prompts with every model, check each clause of each instruction, and lay them side by side.

    Example: `hornbook compare runs/nano`

    Example: `hornbook compare runs/nano:base runs/nano:finetuned my-model --tasks arrays,ball --prompts mine.jsonl`
    """
    from hornbook.evaluate.columns import find_columns
    from hornbook.evaluate.compare import compare_models, describe_protocol
    from hornbook.evaluate.comparison import COMPARISON, write_comparison
    from hornbook.evaluate.questions import choose_questions, split_names
    from hornbook.evaluate.score import make_folder, new_folder
    from hornbook.pipeline import MODELS
    from hornbook.release.comparison_page import summary_lines, write_comparison_page

    machine = _machine(device, workers, True, sandbox)
    folder = new_folder(out_folder, "comparisons")
    columns = find_columns(models, list(MODELS), _find_model)
    questions = choose_questions(
        split_names(tasks),
        prompts or [],
        problems or [],
        num_problems=num_problems,
        seed=seed,
        exercises=columns.exercises,
    )
    compared, _ = compare_models(columns.models, questions, max_new_tokens, machine)
    make_folder(folder)
    write_comparison(folder / COMPARISON, compared)
    page = write_comparison_page(folder, compared, describe_protocol(max_new_tokens, machine))
    for line in summary_lines(compared):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"Side by side: {page}", markup=False, soft_wrap=True)


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


def _grade_config(overrides: list[str]) -> GradeConfig:
    """The section `grade` alone, for scores outside a run."""
    others = [override for override in overrides if not override.startswith("grade.")]
    if others:
        raise RecipeError(f"--set {others[0]}: evaluate takes only fields of the section 'grade' this way")
    return load_recipe("nano", overrides).grade


def _machine(device: str, workers: int, use_compile: bool, sandbox: str = "required") -> Machine:
    from hornbook.run.machine import Machine, Policy

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device!r}: choose auto, cpu or cuda")
    if sandbox not in get_args(Policy):
        raise InputError(f"--sandbox {sandbox!r}: choose {' or '.join(get_args(Policy))}")
    policy = cast("Policy", sandbox)
    found = Machine(device=device, use_compile=use_compile, sandbox=policy)
    return replace(found, workers=workers or found.workers)


def _sharding(shard: str) -> Sharding:
    from hornbook.run.machine import Sharding

    if shard not in get_args(Sharding):
        raise InputError(f"--shard {shard!r}: choose {', '.join(get_args(Sharding))}")
    return cast("Sharding", shard)


def _check_hardware(recipe: Recipe, machine: Machine) -> None:
    """Refuses what cannot be trained or run here as asked now, rather than after all the data has been made."""
    from hornbook.evaluate.sandbox import available_layers
    from hornbook.model.artifact import resolve_device
    from hornbook.train.hardware import compute_dtype, share_of_batch
    from hornbook.train.trackers import check_installed

    for train in (recipe.pretrain, recipe.finetune, recipe.small_pretrain, recipe.small_finetune):
        compute_dtype(train.precision, resolve_device(machine.device))
        share_of_batch(train, machine)
        check_installed(train)
    available_layers().check(machine.sandbox)


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
        f"Here: {rate / 1e9:,.0f} GFLOP/s, {CPU_UTILIZATION:.0%} of a matrix product measured now.[/dim]",
        soft_wrap=True,
    )


def _print_teacher_costs(costs: list[TeacherCost]) -> None:
    from hornbook.teacher.budget import show_dollars

    table = Table(box=None, pad_edge=False)
    table.add_column("asking", no_wrap=True)
    for column in ("requests", "cached", "prompt tokens", "reply tokens", "at most", "dollars", "at most"):
        table.add_column(column, justify="right")
    for cost in costs:
        amounts = ("", "") if cost.dollars is None else (show_dollars(cost.dollars), show_dollars(cost.dollars_at_most))
        counts = (cost.num_requests, cost.num_cached, cost.expected.prompt, cost.expected.completion)
        table.add_row(cost.node, *(f"{count:,}" for count in counts), f"{cost.most.completion:,}", *amounts)
    out.print()
    out.print(table)
    for cost in costs:
        out.print(f"[dim]{cost.node}: {'; '.join(cost.notes)}[/dim]", soft_wrap=True)


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
