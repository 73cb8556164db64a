"""The sources of raw code that a recipe can name: one class for each `type` of a table under `collect.sources`."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import Discriminator, Field, field_validator, model_validator

from hornbook.recipe.section import Count, Positive, Rate, Section

Layout = Literal["plain", "the-stack", "the-stack-dedup", "the-stack-v2", "starcoderdata"]
Location = Annotated[str, Field(min_length=1, exclude=True)]
"""Where a source lies. Not in the fingerprint, which follows what lies there."""
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$|^$")]


class SourceSection(Section):
    """What every source has."""

    name: SourceName = ""
    """What the source is called on each row and in `--set collect.sources.NAME.field=value`: letters, digits, `-` and
    `_`. Its type where left out; no two sources may share a name."""
    weight: Rate = 1.0
    """Its share of `collect.max_files`, relative to the other sources' weights: with weights 3 and 1, three files of
    four come from the first. What a source cannot fill goes to the others. No file is ever taken twice, so that the
    weight means nothing without `collect.max_files`, and is refused there."""
    max_files: Count = 0
    """Take at most this many files of this source; 0 sets no limit."""
    max_total_chars: Count = 0
    """Take files of this source until the next would bring it above so many characters; 0 sets no limit."""

    @model_validator(mode="before")
    @classmethod
    def _name_after_type(cls, given: object) -> object:
        if isinstance(given, dict) and not given.get("name") and isinstance(given.get("type"), str):
            return {**given, "name": given["type"]}
        return given


class EnvironmentSource(SourceSection):
    """The standard library and the installed distributions whose licence metadata is permissive."""

    type: Literal["environment"] = "environment"
    """`environment`."""
    name: SourceName = "environment"
    """As of every source."""


class FolderSource(SourceSection):
    """Every `.py` and `.ipynb` below a folder that no `.gitignore` in it leaves out; links are not followed."""

    type: Literal["folder"]
    """`folder`."""
    path: Location
    """The folder. Folders below it that have a `.git` are origins of their own."""
    license: str = ""
    """SPDX expression for files that have none in their header and no LICENSE or COPYING file beside or above them."""


class TableSource(SourceSection):
    """What the sources have whose files are the rows of tables."""

    layout: Layout = "plain"
    """Where a row has what. `the-stack`, `the-stack-dedup`, `the-stack-v2`, `starcoderdata`: as in the data sets of
    `bigcode` of that name. `plain`: `content`, and `path`, `repo`, `license`, `language` where there are such. The rows
    of the-stack-v2 have no content when downloaded: a column `content` must have been added."""
    content_column: str = ""
    """Column of the source code; the layout's where left out, as with the next four."""
    path_column: str = ""
    """Column of the file's path."""
    origin_column: str = ""
    """Column of the repository's name."""
    license_column: str = ""
    """Column of the licence: an SPDX expression or a list of SPDX identifiers, all of which then hold."""
    language_column: str = ""
    """Column of the language. Rows that are neither Python nor Jupyter notebooks are dropped as `other_language`."""
    license: str = ""
    """SPDX expression for rows that state none. The layouts of `bigcode` have `LicenseRef-permissive` here, since those
    data sets were chosen by licence."""


class ParquetSource(TableSource):
    """Rows of Parquet files."""

    type: Literal["parquet"]
    """`parquet`."""
    path: Location
    """A file, a folder, a glob (`data/python/*.parquet`), or any of these as a URL (`s3://`, `gs://`, `hf://`, ...)."""


class JsonlSource(TableSource):
    """Lines of JSON Lines files, `.gz` and `.zst` among them."""

    type: Literal["jsonl"]
    """`jsonl`."""
    path: Location
    """A file, a folder, a glob (`data/*.jsonl.gz`), or any of these as a URL (`s3://`, `gs://`, `hf://`, ...)."""


class HuggingFaceSource(TableSource):
    """A data set in the Hugging Face hub's layout, streamed with the library `datasets`."""

    type: Literal["huggingface"]
    """`huggingface`."""
    path: Location
    """A data set's name on the hub (`NAME@REVISION` for one state of it), or a folder in that layout."""
    config_name: str = ""
    """Which configuration of the data set; its default where left out."""
    data_dir: str = ""
    """Which folder of it, as `data/python` of the-stack."""
    split: str = "train"
    """Which split."""


class StackOverflowSource(SourceSection):
    """Questions and answers of a Stack Exchange dump."""

    type: Literal["stackoverflow"]
    """`stackoverflow`."""
    path: Location
    """`Posts.xml` of the dump, as it is or compressed (`.gz`, `.bz2`, `.xz`, `.zst`); unpack a `.7z` first."""
    site: Annotated[str, Field(min_length=1)] = "stackoverflow.com"
    """The dump's site: the origin of its rows."""
    tags: tuple[str, ...] = ("python",)
    """Questions with at least one of these tags are taken; all where empty."""
    min_question_score: int = 1
    """A question with a lower score is dropped as `low_score`."""
    min_answer_score: int = 1
    """Answers with a lower score are left out; a question that has no other is dropped as `no_answer`."""
    max_answers: Positive = 1
    """So many answers of each question, the accepted one first, then those with the best scores."""
    accepted_only: bool = False
    """Whether only the accepted answer is taken."""


class PackageSource(SourceSection):
    """Packages from the package index by name, as wheels by way of pip, and archives that are there already."""

    type: Literal["package"]
    """`package`."""
    packages: tuple[str, ...] = ()
    """Names, each with a version where one is wanted: `requests`, `attrs==25.1.0`. The index is the one that pip is set
    up for. A name without a version means the newest version at the time: a later run with the same recipe does not
    notice a newer one."""
    archives: Annotated[str, Field(exclude=True)] = ""
    """A folder of wheels and source distributions (`.whl`, `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz`, `.zip`). What they
    hold is part of the result's identity, where they lie is not."""

    @field_validator("packages")
    @classmethod
    def _check_packages(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        for package in packages:
            try:
                requirement = Requirement(package)
            except InvalidRequirement as error:
                raise ValueError(f"{package!r} is no package's name with or without a version: {error}") from None
            if requirement.url or requirement.marker or requirement.extras:
                raise ValueError(f"{package!r} is more than a package's name and version")
        return packages

    @model_validator(mode="after")
    def _check_given(self) -> Self:
        if not self.packages and not self.archives:
            raise ValueError("packages and archives are both empty: give one of them")
        return self


AnySource = Annotated[
    EnvironmentSource
    | FolderSource
    | ParquetSource
    | JsonlSource
    | HuggingFaceSource
    | StackOverflowSource
    | PackageSource,
    Discriminator("type"),
]


def source_types() -> dict[str, type[SourceSection]]:
    """The class of each source by its `type`."""
    union = get_args(AnySource)[0]
    return {str(get_args(kind.model_fields["type"].annotation)[0]): kind for kind in get_args(union)}
