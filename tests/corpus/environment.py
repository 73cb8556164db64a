"""A small standard library and a few installed distributions, made of files, for the tests of collect."""

from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

GOOD = """\"\"\"A module that is long enough to be kept.\"\"\"


def {name}(number):
    return number + 1
"""


class Environment:
    def __init__(self, root: Path) -> None:
        self.stdlib, self.site = root / "lib", root / "site"
        self.stdlib.mkdir()
        self.site.mkdir()

    def add_stdlib(self, path: str, text: str | bytes = GOOD) -> None:
        self._write(self.stdlib / path, text)

    def install(self, name: str, version: str, metadata: str, files: dict[str, str | bytes]) -> None:
        folder = f"{name}-{version}.dist-info"
        head = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}\n"
        self._write(self.site / folder / "METADATA", head)
        for path, text in files.items():
            self._write(self.site / path, text)
        record = "".join(f"{path},,\n" for path in [*files, f"{folder}/METADATA", f"{folder}/RECORD"])
        self._write(self.site / folder / "RECORD", record)

    def _write(self, path: Path, text: str | bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hornbook.corpus.sources.environment.sysconfig.get_path", lambda _: str(self.stdlib))
        monkeypatch.setattr("hornbook.corpus.sources.environment.platform.python_version", lambda: "3.11.7")
        found = partial(metadata.distributions, path=[str(self.site)])
        monkeypatch.setattr("hornbook.corpus.sources.environment.metadata.distributions", found)
