from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hornbook.corpus.cleaning.clean import Cleaned, Dropped, clean
from hornbook.corpus.sources import RawFile
from hornbook.corpus.sources.parquet import ParquetFiles
from hornbook.corpus.sources.table_rows import TableRows
from hornbook.errors import InputError
from hornbook.recipe import CollectConfig, ParquetSource

CODE = 'def add(first, second):\n    """Return the sum."""\n    return first + second\n'
CONFIG = CollectConfig(min_chars=10)

THE_STACK = {
    "hexsha": "a" * 40,
    "size": 80,
    "ext": "py",
    "lang": "Python",
    "max_stars_repo_path": "src/add.py",
    "max_stars_repo_name": "someone/sums",
    "max_stars_repo_head_hexsha": "b" * 40,
    "max_stars_repo_licenses": ["MIT", "Apache-2.0"],
    "max_stars_count": 3,
    "max_issues_repo_path": "src/add.py",
    "max_forks_count": None,
    "content": CODE,
    "avg_line_length": 20.0,
    "max_line_length": 40,
    "alphanum_fraction": 0.6,
}
THE_STACK_V2 = {
    "blob_id": "c" * 40,
    "directory_id": "d" * 40,
    "path": "/src/add.py",
    "content_id": "e" * 40,
    "detected_licenses": ["BSD-3-Clause"],
    "license_type": "permissive",
    "repo_name": "someone/sums",
    "snapshot_id": "f" * 40,
    "branch_name": "refs/heads/main",
    "star_events_count": 3,
    "gha_license_id": "BSD-3-Clause",
    "src_encoding": "UTF-8",
    "language": "Python",
    "is_vendor": False,
    "is_generated": False,
    "length_bytes": 80,
    "extension": "py",
}
STARCODER = {
    "max_stars_repo_path": "src/add.py",
    "max_stars_repo_name": "someone/sums",
    "max_stars_count": 3,
    "id": "7",
    "content": CODE,
}


def section(layout: str = "plain", **fields: Any) -> ParquetSource:
    return ParquetSource(type="parquet", path="unused", layout=layout, **fields)


def read(tmp_path: Path, layout: str, *rows: dict[str, Any], **fields: Any) -> list[RawFile]:
    pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "rows.parquet")
    config = section(layout, **fields).model_copy(update={"path": str(tmp_path)})
    source = ParquetFiles(config, None)
    return [file for shard in source.shards() for file in source.read(shard)]


@pytest.mark.parametrize("layout", ["the-stack", "the-stack-dedup"])
def test_the_stack(tmp_path: Path, layout: str) -> None:
    rows = [
        THE_STACK,
        THE_STACK | {"lang": "Java"},
        THE_STACK | {"lang": "Jupyter Notebook", "max_stars_repo_path": "a.ipynb"},
        THE_STACK | {"max_stars_repo_licenses": ["MIT", "GPL-3.0-only"]},
        THE_STACK | {"max_stars_repo_licenses": []},
        THE_STACK | {"content": None},
    ]
    files = read(tmp_path, layout, *rows)
    assert files[0] == RawFile("someone/sums", "src/add.py", "Apache-2.0 AND MIT", CODE)
    assert clean(files[0], CONFIG) == Cleaned(CODE, (), "Apache-2.0 AND MIT")
    assert files[1].drop_reason == "other_language"
    assert files[2].kind == "notebook"
    assert clean(files[3], CONFIG) == Dropped("license_not_permissive")
    assert clean(files[4], CONFIG) == Cleaned(CODE, (), "LicenseRef-permissive")
    assert clean(files[5], CONFIG) == Dropped("no_text")


def test_the_stack_v2_with_contents(tmp_path: Path) -> None:
    rows = [
        THE_STACK_V2 | {"content": CODE},
        THE_STACK_V2 | {"content": CODE, "license_type": "no_license", "detected_licenses": []},
        THE_STACK_V2 | {"content": CODE, "detected_licenses": []},
        THE_STACK_V2 | {"content": CODE, "is_vendor": True},
        THE_STACK_V2 | {"content": CODE, "is_generated": True},
    ]
    files = read(tmp_path, "the-stack-v2", *rows)
    assert files[0] == RawFile("someone/sums", "src/add.py", "BSD-3-Clause", CODE)
    assert [clean(file, CONFIG) for file in files[1:]] == [
        Dropped("license_unknown"),
        Cleaned(CODE, (), "LicenseRef-permissive"),
        Dropped("vendored_copy"),
        Dropped("auto_generated"),
    ]


def test_the_stack_v2_without_contents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'content'. The Stack v2 is distributed without contents"):
        read(tmp_path, "the-stack-v2", THE_STACK_V2)
    assert read(tmp_path, "the-stack-v2", THE_STACK_V2 | {"text": CODE}, content_column="text")[0].content == CODE


@pytest.mark.parametrize(
    "head",
    [
        "",
        "<reponame>someone/sums\n",
        "<filename>src/add.py\n",
        "<gh_stars>1-10\n",
        "<reponame>someone/sums<filename>src/add.py<gh_stars>0\n",
        "<reponame>someone/sums<gh_stars>1000+\n",
    ],
)
def test_starcoderdata(tmp_path: Path, head: str) -> None:
    (file,) = read(tmp_path, "starcoderdata", STARCODER | {"content": head + CODE})
    assert file == RawFile("someone/sums", "src/add.py", "LicenseRef-permissive", CODE)
    assert clean(file, CONFIG) == Cleaned(CODE, (), "LicenseRef-permissive")


def test_a_layout_must_be_whole(tmp_path: Path) -> None:
    row = {name: value for name, value in THE_STACK.items() if name != "max_stars_repo_licenses"}
    with pytest.raises(InputError, match=r"no column 'max_stars_repo_licenses'.*its layout, which is 'the-stack'"):
        read(tmp_path, "the-stack", row)


def test_own_columns(tmp_path: Path) -> None:
    row = {"body": CODE, "file": "a.py", "project": "p", "spdx": "mit", "lg": "python"}
    columns = {
        "content_column": "body",
        "path_column": "file",
        "origin_column": "project",
        "license_column": "spdx",
        "language_column": "lg",
    }
    assert read(tmp_path, "plain", row, **columns) == [RawFile("p", "a.py", "MIT", CODE)]


@pytest.mark.parametrize(
    ("stated", "license"),
    [
        (None, "ISC"),
        ("", "ISC"),
        ([], "ISC"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        (["MIT"], "MIT"),
        (["MIT", "mit"], "MIT"),
        (["MIT OR Apache-2.0", "ISC"], "ISC AND (MIT OR Apache-2.0)"),
        ("see the website", "see the website"),
        (7, "ISC"),
    ],
)
def test_licences(stated: object, license: str) -> None:
    row = {"content": CODE, "license": stated}
    assert TableRows(section(license="ISC")).file(row, "row").license == license


@pytest.mark.parametrize(
    ("row", "kind", "reason"),
    [
        ({"content": CODE}, "python", None),
        ({"content": CODE, "path": "a.ipynb"}, "notebook", None),
        ({"content": CODE, "language": "PYTHON"}, "python", None),
        ({"content": CODE, "language": "Jupyter Notebook"}, "notebook", None),
        ({"content": CODE, "language": "C"}, "python", "other_language"),
        ({"content": CODE, "language": None}, "python", None),
        ({"content": 5}, "python", "no_text"),
        ({"content": {"text": CODE}}, "python", "no_text"),
        ({}, "python", "no_text"),
    ],
)
def test_what_a_row_is(row: dict[str, object], kind: str, reason: str | None) -> None:
    file = TableRows(section()).file(row, "rows:1")
    assert (file.kind, file.drop_reason) == (kind, reason)
