"""Options that several verbs share, and what they turn into."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from hornbook.errors import InputError
from hornbook.recipe import Recipe, load_recipe
from hornbook.run.folder import RunFolder

if TYPE_CHECKING:
    from hornbook.model.artifact import ModelArtifact
    from hornbook.run.machine import Machine

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

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="What spreads the data stages' work: native (this machine), ray, or a cluster at ray://HOST:PORT.",
    ),
]


def open_run(recipe: str, overrides: list[str] | None, out_folder: Path | None) -> tuple[Recipe, RunFolder]:
    """A recipe by name or path with its overrides, and the folder of its run. Raises RecipeError."""
    loaded = load_recipe(recipe, overrides or ())
    return loaded, RunFolder(out_folder or Path("runs") / loaded.name)


def make_machine(
    device: str, workers: int, use_compile: bool, sandbox: str = "required", engine: str = "native"
) -> Machine:
    """What the options say of the machine; `workers` 0 takes every core. Raises InputError for an unknown word."""
    from hornbook.run.engine import check_engine
    from hornbook.run.machine import Machine, Policy

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device!r}: choose auto, cpu or cuda")
    if sandbox not in get_args(Policy):
        raise InputError(f"--sandbox {sandbox!r}: choose {' or '.join(get_args(Policy))}")
    policy = cast("Policy", sandbox)
    found = Machine(device=device, use_compile=use_compile, sandbox=policy, engine=check_engine(engine))
    return replace(found, workers=workers or found.workers)


def find_model(run_path: Path, name: str) -> ModelArtifact:
    """One of a run's models. Raises InputError for a name that no run has."""
    from hornbook.model.artifact import ModelArtifact
    from hornbook.pipeline import MODELS

    if name not in MODELS:
        raise InputError(f"--model {name!r}: choose one of {', '.join(MODELS)}")
    return ModelArtifact.load(RunFolder(run_path).latest_artifact(MODELS[name]))
