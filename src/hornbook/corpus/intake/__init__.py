"""Shards of sources on their way into the corpus: read, limited, shared out and put together."""
