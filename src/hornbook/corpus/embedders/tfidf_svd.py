"""The `tfidf-svd` embedder: tf-idf over identifiers and tokens, reduced by a truncated SVD. Offline and fast.

Differs from paper: the paper embeds with CodeGen-350M-mono.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from threadpoolctl import threadpool_limits

from hornbook.run.workers import in_workers

TEXTS_PER_TASK = 32
NUM_FEATURES = 1 << 15

_TOKEN = re.compile(r"\n *(?:(?:def|class|import|from|return|for|if|while)\b|@|#|\"\"\")?|[A-Za-z_]\w*|[0-9]+|\S")


class TfidfSvd:
    """An `Embedder` that learns tf-idf weights and a projection; the same in every process and on any thread count."""

    def __init__(self, size: int, seed: int, workers: int) -> None:
        self._workers = workers
        self._tfidf = TfidfTransformer(sublinear_tf=True)
        self._svd = TruncatedSVD(n_components=size, random_state=seed)

    def fit(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """As `Embedder.fit`."""
        counts = scipy.sparse.vstack(list(count_tokens(texts, self._workers)), format="csr")
        # Threads split sums differently and so round differently; with one, bytes do not depend on the machine's cores.
        with threadpool_limits(1):
            return np.asarray(self._svd.fit_transform(self._tfidf.fit_transform(counts)))

    def embed(self, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
        """As `Embedder.embed`."""
        for counts in count_tokens(texts, self._workers):
            with threadpool_limits(1):
                embedded = np.asarray(self._svd.transform(self._tfidf.transform(counts)))
            yield embedded


def tokens_of(text: str) -> list[str]:
    """Identifiers, words, numbers, punctuation marks, and line starts: the indentation with the keyword after it."""
    return _TOKEN.findall(text)


def count_tokens(texts: Iterable[str], workers: int) -> Iterator[Any]:
    """Yields sparse rows of hashed token counts for runs of texts, in order: (texts, NUM_FEATURES) each."""
    texts = iter(texts)
    tasks = iter(lambda: list(islice(texts, TEXTS_PER_TASK)), [])
    yield from in_workers(_count_task, ((task,) for task in tasks), workers)


def _count_task(texts: list[str]) -> Any:
    vectorizer = HashingVectorizer(analyzer=tokens_of, n_features=NUM_FEATURES, norm=None, alternate_sign=False)
    return vectorizer.transform(texts)
