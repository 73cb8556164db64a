"""What the processes of the corpus' stages need, in memory: importing this module is all that it is for.

Compiled loops come from the disk when each is called for the first time, which takes as long as all the imports.
"""

from __future__ import annotations

import gc
from contextlib import suppress

_TEXT = "def double(number):\n    return 2 * number\n"
# Loops that only few texts come to.
_DATA, _KEY = "'first', 'second',\n" * 20, "key = a1B2c3D4e5F6g7H8\n"


def _load() -> None:
    import daft  # noqa: F401
    import pyarrow as pa

    from hornbook.corpus import collect, deduplicate, filter  # noqa: F401
    from hornbook.corpus.cleaning.clean import clean
    from hornbook.corpus.duplicates.digests import content_digests
    from hornbook.corpus.duplicates.minhash import MinHashParams, documented_bytes, pair_jaccard, shingle_hashes, sketch
    from hornbook.corpus.embedders.tfidf_svd import count_tokens
    from hornbook.corpus.sources.protocol import RawFile
    from hornbook.recipe import CollectConfig

    for text in (_TEXT, _DATA, _KEY):
        clean(RawFile("origin", "double.py", "MIT", text), CollectConfig(min_chars=1))
    texts = pa.array([_TEXT], pa.large_string())
    content_digests(texts)
    documented_bytes(texts)
    sketch(texts, MinHashParams())
    starts, hashes = shingle_hashes(texts)
    pair_jaccard(starts, hashes, starts[:1], starts[:1])
    list(count_tokens([_TEXT], workers=1))


# Python's collector would go through what is loaded again and again, now and in each fork, which would then have a copy
# of every page that it was about to share.
gc.disable()
# What goes wrong here will go wrong where it is needed, and be said there.
with suppress(Exception):
    _load()
gc.freeze()
gc.enable()
