"""The command line, called in this process."""

import sys
from collections.abc import Sequence
from pathlib import Path

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


def check_refused(monkeypatch, capsys, folder: Path, words: Sequence[str], message: str) -> None:
    """`hornbook WORDS`, called in the empty `folder`, ends with exit code 2 and one message, and leaves nothing."""
    monkeypatch.chdir(folder)
    code, _, err = called(monkeypatch, capsys, *words)
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []
