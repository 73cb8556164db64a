"""Which class reads a source, by the type that its table in a recipe names."""

from __future__ import annotations

from hornbook.corpus.sources.protocol import Source
from hornbook.recipe import (
    CollectConfig,
    EnvironmentSource,
    FolderSource,
    HuggingFaceSource,
    JsonlSource,
    PackageSource,
    ParquetSource,
    SourceSection,
    StackOverflowSource,
)


def open_source(config: SourceSection, *, max_chars: int, seed: int | None) -> Source:
    """The source of a table of the recipe; nothing is read yet.

    What is longer than `max_chars` characters need not be read, since it is dropped. With a seed, only a part of the
    source is wanted: shards then come in an order that depends on the seed, in which any first few are a fair sample.
    """
    # Each is imported where it is named, so that a run pays for no other.
    match config:
        case EnvironmentSource():
            from hornbook.corpus.sources.environment import Environment

            return Environment(config.name, max_chars, seed)
        case FolderSource():
            from hornbook.corpus.sources.folder import Folder

            return Folder(config, max_chars, seed)
        case ParquetSource():
            from hornbook.corpus.sources.parquet import ParquetFiles

            return ParquetFiles(config, seed)
        case JsonlSource():
            from hornbook.corpus.sources.jsonl import JsonlFiles

            return JsonlFiles(config, max_chars, seed)
        case HuggingFaceSource():
            from hornbook.corpus.sources.huggingface import HubDataset

            return HubDataset(config, seed)
        case StackOverflowSource():
            from hornbook.corpus.sources.stackoverflow import StackOverflow

            return StackOverflow(config)
        case PackageSource():
            from hornbook.corpus.sources.package import Package

            return Package(config, max_chars)
    raise AssertionError(f"no class reads {type(config).__name__}")


def open_sources(config: CollectConfig, seed: int) -> list[Source]:
    """The sources of a recipe in their order, each seeded where a limit takes only a part of it."""
    return [
        open_source(
            source,
            max_chars=config.max_chars,
            seed=seed if config.max_files or source.max_files or source.max_total_chars else None,
        )
        for source in config.sources
    ]


def source_identities(config: CollectConfig) -> dict[str, str]:
    """What a fingerprint follows of each source, by name. Raises InputError where one cannot be found."""
    sources = zip(config.sources, open_sources(config, seed=0), strict=True)
    return {section.name: source.identity() for section, source in sources}
