"""Options that several verbs share, and what they turn into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

ShardOption = Annotated[
    str,
    typer.Option(
        "--shard", help="Of several processes: each holds a share of the model (always), or all of it (never)."
    ),
]

MicroBatchOption = Annotated[
    int,
    typer.Option(
        "--micro-batch", min=0, metavar="N", help="Sequences per forward pass of a process; 0 takes what fits."
    ),
]


def open_run(recipe: str, overrides: list[str] | None, out_folder: Path | None) -> tuple[Recipe, RunFolder]:
    """A recipe by name or path with its overrides, and the folder of its run. Raises RecipeError."""
    loaded = load_recipe(recipe, overrides or ())
    return loaded, RunFolder(out_folder or Path("runs") / loaded.name)


def make_machine(
    device: str,
    workers: int,
    use_compile: bool,
    sandbox: str = "required",
    engine: str = "native",
    shard: str = "auto",
    micro_batch: int = 0,
) -> Machine:
    """What the options say of the machine; `workers` 0 takes every core. Raises InputError for an unknown word."""
    from hornbook.run.engine import check_engine
    from hornbook.run.machine import Machine, Policy, Sharding

    found = Machine(
        device=_choice("--device", device, ("auto", "cpu", "cuda")),
        use_compile=use_compile,
        sandbox=cast("Policy", _choice("--sandbox", sandbox, get_args(Policy))),
        engine=check_engine(engine),
        shard=cast("Sharding", _choice("--shard", shard, get_args(Sharding))),
        micro_batch_size=micro_batch,
    )
    return replace(found, workers=workers or found.workers)


@contextmanager
def joined_machine(machine: Machine, verb: str) -> Iterator[Machine]:
    """The machine with the processes that torchrun started beside this one.

    Raises InputError where the model is to be shared among several and there is one, and as `joined_world` does.
    """
    from hornbook.run.distributed import joined_world

    with joined_world(machine.device) as world:
        if machine.shard == "always" and world.size == 1:
            raise InputError(
                "--shard always: there is one process and nothing to shard over. Start several: "
                f"torchrun --standalone --nproc-per-node 8 -m hornbook {verb} ..."
            )
        yield replace(machine, world=world)


def _choice(option: str, word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise InputError(f"{option} {word!r}: choose {', '.join(words[:-1])} or {words[-1]}")
    return word


def find_model(run_path: Path, name: str) -> ModelArtifact:
    """One of a run's models. Raises InputError for a name that no run has."""
    from hornbook.model.artifact import ModelArtifact
    from hornbook.pipeline import MODELS

    if name not in MODELS:
        raise InputError(f"--model {name!r}: choose one of {', '.join(MODELS)}")
    return ModelArtifact.load(RunFolder(run_path).latest_artifact(MODELS[name]))
