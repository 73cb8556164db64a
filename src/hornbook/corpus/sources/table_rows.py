"""Rows of tables as files: which column is what in the layouts that are known.

Sources of the layouts: the dataset cards of bigcode/the-stack, the-stack-dedup, the-stack-v2 and starcoderdata. In
the-stack-v2 a row has the identifier of a file at Software Heritage, and no content: whoever downloads the contents
adds them as a column. In starcoderdata a file may begin with `<reponame>`, `<filename>` and `<gh_stars>` (Li et al.
2023, arXiv:2305.06161, section 5.1), which are no Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from hornbook.corpus.sources.protocol import Kind, RawFile
from hornbook.errors import InputError
from hornbook.recipe import TableSource, did_you_mean
from hornbook.recipe.sources import Layout

CHOSEN_BY_LICENSE = "LicenseRef-permissive"
LANGUAGES: dict[str, Kind] = {"python": "python", "jupyter notebook": "notebook", "jupyter-notebook": "notebook"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; empty where the layout has no such column."""

    content: str
    path: str = ""
    origin: str = ""
    license: str = ""
    language: str = ""
    is_permissive: str = ""
    """`permissive`, or another word where it is not."""
    is_vendored: str = ""
    is_generated: str = ""

    def named(self) -> list[str]:
        """The columns that there are."""
        names = (getattr(self, field) for field in self.__slots__)
        return [name for name in names if name]


_STACK = Columns("content", "max_stars_repo_path", "max_stars_repo_name", "max_stars_repo_licenses", "lang")
_LAYOUTS: dict[Layout, Columns] = {
    "plain": Columns("content", "path", "repo", "license", "language"),
    "the-stack": _STACK,
    "the-stack-dedup": _STACK,
    "the-stack-v2": Columns(
        "content", "path", "repo_name", "detected_licenses", "language", "license_type", "is_vendor", "is_generated"
    ),
    "starcoderdata": Columns("content", "max_stars_repo_path", "max_stars_repo_name"),
}

_STARCODER_HEAD = r"(?:<reponame>[^<\n]*)?(?:<filename>[^<\n]*)?(?:<gh_stars>[^<\n]*)?\n?"
_TEXT_HEAD, _BYTES_HEAD = re.compile(_STARCODER_HEAD), re.compile(_STARCODER_HEAD.encode())


class TableRows:
    """How the rows of one source become files."""

    def __init__(self, section: TableSource) -> None:
        self._source, self._layout = section.name, section.layout
        given = {
            "content": section.content_column,
            "path": section.path_column,
            "origin": section.origin_column,
            "license": section.license_column,
            "language": section.language_column,
        }
        self._given = {field: name for field, name in given.items() if name}
        self._columns = replace(_LAYOUTS[section.layout], **self._given)
        self._license = section.license or (CHOSEN_BY_LICENSE if section.layout != "plain" else "")

    def columns_in(self, available: Sequence[str], where: str) -> list[str]:
        """The columns to read of a table that has those. Raises InputError where one that must be there is missing."""
        wanted = self._columns.named()
        # What a plain table has besides the content is its own affair, unless the recipe says so.
        needed = [self._columns.content, *self._given.values()] if self._layout == "plain" else wanted
        for name in needed:
            if name not in available:
                raise InputError(self._missing(name, available, where))
        return [name for name in wanted if name in available]

    def file(self, row: Mapping[str, object], place: str) -> RawFile:
        """A row as a file; `place` says which row it is and is its path where it has none."""
        columns = self._columns
        path = _text(row.get(columns.path)).lstrip("/") or place
        content = row.get(columns.content)
        origin, license = _text(row.get(columns.origin)) or self._source, self._license_of(row)
        if not isinstance(content, str | bytes):
            return RawFile(origin, path, license, "", drop_reason="no_text")
        if self._layout == "starcoderdata":
            content = _without_head(content)
        language = _text(row.get(columns.language)).lower()
        kind = LANGUAGES.get(language) if language else _kind_by_name(path)
        reason = None
        if kind is None:
            reason = "other_language"
        elif columns.is_vendored and row.get(columns.is_vendored) is True:
            reason = "vendored_copy"
        elif columns.is_generated and row.get(columns.is_generated) is True:
            reason = "auto_generated"
        return RawFile(origin, path, license, content, kind or "python", reason)

    def _license_of(self, row: Mapping[str, object]) -> str:
        standing = _text(row.get(self._columns.is_permissive))
        if standing and standing != "permissive":
            return ""
        stated = row.get(self._columns.license)
        names = [stated] if isinstance(stated, str) else stated if isinstance(stated, list | tuple) else []
        return _joint_license(tuple(name for name in names if isinstance(name, str))) or self._license

    def _missing(self, name: str, available: Sequence[str], where: str) -> str:
        start = f"source {self._source!r}: {where} has no column {name!r}"
        if self._layout == "the-stack-v2" and name == self._columns.content:
            return (
                f"{start}. The Stack v2 is distributed without contents: a row has the identifier of a file at "
                "Software Heritage (blob_id). Download the contents as its dataset card says, and add them as the "
                "column 'content'."
            )
        return (
            f"{start}{did_you_mean(name, available)} It has {', '.join(available)}. Set the columns of the source "
            f"(content_column, path_column, ...) or its layout, which is {self._layout!r}."
        )


def _without_head(content: str | bytes) -> str | bytes:
    if isinstance(content, str):
        return _TEXT_HEAD.sub("", content, count=1) if content.startswith("<") else content
    return _BYTES_HEAD.sub(b"", content, count=1) if content.startswith(b"<") else content


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kind_by_name(path: str) -> Kind:
    return "notebook" if path.endswith(".ipynb") else "python"


# The rows of a table name few licences.
@lru_cache(maxsize=1024)
def _joint_license(names: tuple[str, ...]) -> str:
    """The SPDX expression that all of the licences bind together, or "" where none is named."""
    canonical = sorted({_canonical(name) for name in names if name.strip()})
    return canonical[0] if len(canonical) == 1 else " AND ".join(map(_in_brackets, canonical))


def _canonical(name: str) -> str:
    try:
        return canonicalize_license_expression(name)
    except InvalidLicenseExpression:
        return name.strip()


def _in_brackets(name: str) -> str:
    return f"({name})" if " OR " in name else name
