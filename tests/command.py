"""The command line, called in this process."""

import sys

from hornbook.cli import main


def called(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `hornbook WORDS`."""
    monkeypatch.setattr(sys, "argv", ["hornbook", *words])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err
