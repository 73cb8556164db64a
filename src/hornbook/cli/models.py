"""Verbs about models: sample, evaluate, compare, export."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from hornbook.cli.options import ModelName, RunPath, SandboxOption, find_model, make_machine
from hornbook.errors import InputError, RecipeError
from hornbook.recipe import EvaluateConfig, GradeConfig, load_recipe
from hornbook.run.folder import REPLIES
from hornbook.run.progress import out


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
    artifact = find_model(run_path, model)
    config = GenerationConfig(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    out.print(text.rstrip(), end="", markup=False, highlight=False, style="bold", soft_wrap=True)
    for piece in stream(artifact.load_model(), artifact.tokenizer(), text, config):
        out.print(piece, end="", markup=False, highlight=False, soft_wrap=True)
    out.print()


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

    machine = make_machine(device, workers, True, sandbox)
    folder = new_folder(out_folder)
    found = find_targets(targets or [], samples or [], model or ["finetuned"], find_model)
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


def _grade_config(overrides: list[str]) -> GradeConfig:
    """The section `grade` alone, for scores outside a run."""
    others = [override for override in overrides if not override.startswith("grade.")]
    if others:
        raise RecipeError(f"--set {others[0]}: evaluate takes only fields of the section 'grade' this way")
    return load_recipe("nano", overrides).grade


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

    machine = make_machine(device, workers, True, sandbox)
    folder = new_folder(out_folder, "comparisons")
    columns = find_columns(models, list(MODELS), find_model)
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


def export(
    run_path: RunPath,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder.")],
    model: ModelName = "finetuned",
) -> None:
    """Write one of a run's models as a folder that Hugging Face's transformers loads.

    Example: `hornbook export runs/nano --model base --to my-base-model`
    """
    from hornbook.model.convert import export_hugging_face

    artifact = find_model(run_path, model)
    if to.exists():
        raise InputError(f"--to {to}: exists already; give a folder that does not")
    to.mkdir(parents=True)
    try:
        export_hugging_face(artifact, to)
    except BaseException:
        shutil.rmtree(to)
        raise
    out.print(f"{model} of {run_path}: {to}", soft_wrap=True)
