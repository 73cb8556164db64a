import re
import tomllib
from pathlib import Path

import pytest

from hornbook.errors import RecipeError
from hornbook.recipe import EnvironmentSource, FolderSource, ParquetSource, known_names, load_recipe, section_of
from hornbook.recipe.sources import source_types
from hornbook.run.fingerprint import canonical

FOLDER = '{type="folder", path="code"}'


def sources(*overrides):
    return load_recipe("nano", overrides).collect.sources


def test_the_default_and_its_short_form():
    assert sources() == sources('collect.sources=["environment"]') == (EnvironmentSource(),)


def test_several_sources_in_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(
        """
        extends = "nano"
        [[collect.sources]]
        type = "folder"
        path = "our code"
        weight = 3
        [[collect.sources]]
        type = "parquet"
        name = "stack"
        path = "s3://bucket/data/*.parquet"
        layout = "the-stack-dedup"
        max_total_chars = 1_000_000
        """
    )
    one, two = load_recipe(str(tmp_path / "mine.toml")).collect.sources
    assert one == FolderSource(type="folder", name="folder", path="our code", weight=3)
    assert isinstance(two, ParquetSource)
    assert (two.name, two.layout, two.max_total_chars, two.weight) == ("stack", "the-stack-dedup", 1_000_000, 1.0)
    (changed, _) = load_recipe(str(tmp_path / "mine.toml"), ["collect.sources.folder.path=theirs"]).collect.sources
    assert changed.path == "theirs"


def test_set_by_name():
    (made,) = sources(f"collect.sources=[{FOLDER}]", "collect.sources.folder.max_files=7")
    assert made.max_files == 7
    assert sources("collect.sources.environment.max_files=7") == (EnvironmentSource(max_files=7),)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ['collect.sources=["foldr"]'],
            r"collect.sources: no source of type 'foldr'. Did you mean 'folder'\? There is",
        ),
        (['collect.sources=[{path="a"}]'], "collect.sources: table 1 has no type; there is environment, folder"),
        (['collect.sources=["folder"]'], "field 'collect.sources.folder.path' is missing"),
        (["collect.sources=[]"], "collect.sources: .* at least 1 item"),
        (['collect.sources=[{type="folder", path=""}]'], "collect.sources.folder.path: .* at least 1 character"),
        (
            ['collect.sources=[{type="folder", path="a", pth="b"}]'],
            "unknown field 'collect.sources.folder.pth'. Did you mean 'collect.sources.folder.path'",
        ),
        (
            ['collect.sources=[{type="parquet", path="a", layout="the-stack-v3"}]'],
            "collect.sources.parquet.layout: Input should be 'plain', 'the-stack'",
        ),
        ([f"collect.sources=[{FOLDER}, {FOLDER}]"], "sources: 2 are named 'folder': give each its own name"),
        (['collect.sources=[{type="folder", path="a", name="a.b"}]'], "collect.sources.folder.name: "),
        (
            ["collect.max_files=0", "collect.sources.environment.weight=2"],
            "'environment' has a weight, which is its share of max_files, and max_files is 0",
        ),
        (["collect.sources.environment.weight=0"], "collect.sources.environment.weight: .* greater than 0"),
        (
            ["collect.sources.stack.path=x"],
            r"--set collect.sources.stack.path=x: no source 'stack'.*There is environment",
        ),
        (["collect.sources.environment=3"], "write it as collect.sources.NAME.field=value"),
    ],
)
def test_errors_name_the_source_and_the_field(overrides, message):
    with pytest.raises(RecipeError, match=message):
        sources(*overrides)


def test_where_a_source_lies_is_no_part_of_a_results_identity():
    def identity(source):
        return canonical(load_recipe("nano", [f"collect.sources=[{source}]"]).collect)

    assert identity(FOLDER) == identity('{type="folder", path="elsewhere"}')
    assert identity(FOLDER) != identity('{type="folder", path="code", license="MIT"}')
    assert identity(FOLDER) != identity('{type="folder", path="code", name="other"}')


def test_every_type_is_explained():
    assert "collect.sources.jsonl.content_column" in known_names()
    assert section_of("collect.sources.folder") is FolderSource


def test_the_examples_of_the_docs_name_every_source(tmp_path):
    docs = (Path(__file__).parents[2] / "docs" / "corpus.md").read_text()
    examples = [text for text in re.findall(r"```toml\n(.*?)```", docs, re.DOTALL) if "[[collect.sources]]" in text]
    seen = set()
    for example in examples:
        path = tmp_path / "example.toml"
        path.write_text(example if "extends" in tomllib.loads(example) else f'extends = "nano"\n{example}')
        seen |= {source.type for source in load_recipe(str(path)).collect.sources}
    assert seen == set(source_types())
