"""The starter set's annotations: code of other projects, its licences, and what a language model said of it.

A request to annotate holds the code that it is about, so the files ship with the replies: each under a permissive
licence, with its origin, its path in there, and the licence's text.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from hornbook.errors import ArtifactError, TeacherError
from hornbook.recipe import AnnotatorConfig
from hornbook.records import CodeFile

FOLDER = "annotated"
SETTINGS, FILES, LICENSES, REPLIES = "settings.json", "files.jsonl.xz", "licenses.jsonl.xz", "replies.jsonl.xz"


@dataclass(frozen=True)
class AnnotationSettings:
    """What requests depend on besides the files and the prompts. Fields as in `AnnotatorConfig`."""

    model: str
    temperature: float
    max_tokens: int
    window_chars: int
    max_windows: int

    @classmethod
    def of(cls, config: AnnotatorConfig) -> AnnotationSettings:
        """Those of a recipe's section."""
        return cls(**{field.name: getattr(config, field.name) for field in fields(cls)})

    def check(self, config: AnnotatorConfig) -> None:
        """Raises TeacherError where a recipe asks in another way than the set was made with."""
        for field in fields(self):
            given, recorded = getattr(config, field.name), getattr(self, field.name)
            if given != recorded:
                raise TeacherError(
                    f"annotator.{field.name} is {given!r}, and the starter set's annotations were made with "
                    f"{recorded!r}: set it to that, or annotate with another backend"
                )


@dataclass(frozen=True, slots=True)
class LicenseText:
    """One file with a licence or a notice, as the origin of some code ships it."""

    origin: str
    name: str
    text: str


class AnnotationSet:
    """A folder with annotated files, by default the one that ships. Nothing is read before it is asked for."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self.folder = resources.files("hornbook.teacher.starter") / FOLDER if folder is None else folder

    @property
    def replies(self) -> Traversable:
        """The file with the replies, in the form that `read_lines` reads."""
        return self.folder / REPLIES

    def read_settings(self) -> AnnotationSettings:
        """How the files were asked about. Raises ArtifactError where no set is there or it is damaged."""
        file = self.folder / SETTINGS
        if not file.is_file():
            raise ArtifactError(f"{self.folder}: no annotations are there. Install hornbook again, or make the set.")
        try:
            return AnnotationSettings(**json.loads(file.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"{file}: cannot be read ({error}). Install hornbook again.") from error

    def read_files(self) -> list[CodeFile]:
        """The annotated files, ordered by origin and path. Raises ArtifactError where they cannot be read."""
        return [CodeFile(**values) for values in self._read(FILES, ("text", "origin", "path", "license"))]

    def read_licenses(self) -> list[LicenseText]:
        """The licences and notices of every origin, ordered by it. Raises ArtifactError as `read_files` does."""
        return [LicenseText(**values) for values in self._read(LICENSES, ("origin", "name", "text"))]

    def identity(self) -> str:
        """Hex sha256 of all that ships; of nothing where no set is there, so that a recipe can be looked at."""
        digest = hashlib.sha256()
        for name in (SETTINGS, FILES, REPLIES):
            file = self.folder / name
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()

    def _read(self, name: str, keys: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        file = self.folder / name
        try:
            with file.open("rb") as packed, lzma.open(packed, "rt", encoding="utf-8") as lines:
                for line in lines:
                    values = json.loads(line)
                    yield {key: values[key] for key in keys}
        except (OSError, EOFError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{file}: cannot be read ({error!r}). Install hornbook again.") from error


def pack_rows(rows: Iterable[CodeFile | LicenseText]) -> bytes:
    """Rows as the bytes of a `.jsonl.xz` file, the same for the same rows."""
    lines = []
    for row in rows:
        values = asdict(row)
        # Where a corpus got a file from says nothing about the file.
        values.pop("source", None)
        lines.append(json.dumps(values, ensure_ascii=False, sort_keys=True) + "\n")
    return lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
