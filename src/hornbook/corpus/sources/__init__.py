"""Where raw code comes from, by the type that a recipe names."""

from hornbook.corpus.sources.protocol import Kind, RawFile, Shard, Source

__all__ = ["Kind", "RawFile", "Shard", "Source"]
