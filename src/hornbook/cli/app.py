"""The application that the verbs belong to, and the console script."""

from __future__ import annotations

import gc
import sys

import typer

from hornbook.cli.models import compare, evaluate, export, sample
from hornbook.cli.runs import explain, plan, run, show, start
from hornbook.cli.studies import ablate, prune, scaling
from hornbook.errors import HornbookError
from hornbook.run.progress import console

app = typer.Typer(
    help=(
        "Raise a small code language model on textbook-quality data, end to end.\n\n"
        "Without a verb it runs the recipe `nano`: about thirteen minutes on two CPU cores, offline, no key, no GPU."
    ),
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)

app.callback()(start)
for verb in (run, plan, show, explain, sample, evaluate, compare, export, ablate, prune, scaling):
    app.command()(verb)


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
    finally:
        # At its end the interpreter looks through all objects for cycles, which takes up to a second. What is frozen
        # it leaves to the system.
        gc.freeze()
