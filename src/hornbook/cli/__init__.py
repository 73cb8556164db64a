"""The command line: few verbs, each a thin layer over the package."""

from hornbook.cli.app import app, main

__all__ = ["app", "main"]
