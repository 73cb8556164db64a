"""The `tfidf-svd` embedder: tf-idf over identifiers and tokens, reduced by a truncated SVD. Offline and fast.

Differs from paper: the paper embeds with CodeGen-350M-mono.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hornbook.corpus.duplicates.digests import text_buffers

Result = TypeVar("Result")

TEXTS_PER_TASK = 32
TASKS_PER_WORKER = 8
"""Tasks that are taken at once for each worker, so that texts are read no further ahead."""
NUM_FEATURES = 1 << 15

_TOKEN = re.compile(r"\n *(?:(?:def|class|import|from|return|for|if|while)\b|@|#|\"\"\")?|[A-Za-z_]\w*|[0-9]+|\S")


class TfidfSvd:
    """An `Embedder` that learns tf-idf weights and a projection; the same in every process and on any thread count.

    It learns them with scikit-learn, which processes that only embed need not load.
    """

    def __init__(self, size: int, seed: int, workers: int) -> None:
        self._size, self._seed, self._workers = size, seed, workers
        self._idf: NDArray[np.float64] = np.empty(0)
        self._components: NDArray[np.float64] = np.empty((0, size))

    def fit(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """As `Embedder.fit`."""
        import scipy.sparse
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer
        from threadpoolctl import threadpool_limits

        tfidf = TfidfTransformer(sublinear_tf=True)
        svd = TruncatedSVD(n_components=self._size, random_state=self._seed)
        counts = scipy.sparse.vstack(list(count_tokens(texts, self._workers)), format="csr")
        # Threads split sums differently and so round differently; with one, bytes do not depend on the machine's cores.
        with threadpool_limits(1):
            fitted = np.asarray(svd.fit_transform(tfidf.fit_transform(counts)))
        self._idf = np.asarray(tfidf.idf_)
        self._components = np.ascontiguousarray(svd.components_.T)
        return fitted

    def embed(self, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
        """As `Embedder.embed`."""
        yield from _in_threads(lambda task: self.embed_array(_array(task)), texts, self._workers)

    def embed_array(self, texts: pa.Array) -> NDArray[np.float64]:
        """(N, size) of a `large_string` array. Lets go of Python's lock, so that threads may call it side by side.

        The same to the last bit as scikit-learn's transformers, which copy the projection on every call.
        """
        from hornbook.corpus.embedders import projection_kernel

        starts, indices, counts = _count(texts)
        weights = np.log(counts.astype(np.float64))
        weights += 1.0
        embedded = np.empty((len(texts), self._components.shape[1]))
        projection_kernel.project_all(starts, indices, weights, self._idf, self._components, embedded)
        return embedded


def tokens_of(text: str) -> list[str]:
    """Identifiers, words, numbers, punctuation marks, and line starts: the indentation with the keyword after it."""
    return _TOKEN.findall(text)


def count_tokens(texts: Iterable[str], workers: int) -> Iterator[Any]:
    """Yields sparse rows of hashed token counts for runs of texts, in order: (texts, NUM_FEATURES) each.

    What `HashingVectorizer(analyzer=tokens_of)` of scikit-learn counts, without a norm and without signs.
    """
    yield from _in_threads(_count_task, texts, workers)


def _count_task(texts: list[str]) -> Any:
    import scipy.sparse

    starts, indices, counts = _count(_array(texts))
    return scipy.sparse.csr_matrix((counts.astype(np.float64), indices, starts), shape=(len(texts), NUM_FEATURES))


def _count(texts: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """(starts, features, counts) of the sparse rows."""
    from hornbook.corpus.embedders import tfidf_kernels

    data, offsets = text_buffers(texts)
    # No text has more tokens than bytes; what is not filled takes no memory.
    room = int(offsets[-1] - offsets[0])
    starts, indices, counts = np.empty(len(offsets), np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    tfidf_kernels.count_all(data, offsets, _character_classes(), NUM_FEATURES, indices, counts, starts)
    return starts, indices[: starts[-1]], counts[: starts[-1]]


@functools.cache
def _character_classes() -> NDArray[np.uint8]:
    """What each code point is, as Python's regular expressions see it."""
    from hornbook.corpus.embedders.tfidf_kernels import SPACE, WORD

    classes = np.zeros(0x110000, np.uint8)
    characters = np.arange(len(classes), dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    for pattern, kind in ((r"\w+", WORD), (r"\s+", SPACE)):
        for run in re.finditer(pattern, characters):
            classes[run.start() : run.end()] |= kind
    return classes


def _array(texts: Sequence[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def _in_threads(function: Callable[[list[str]], Result], texts: Iterable[str], workers: int) -> Iterator[Result]:
    """Yields the function of runs of texts, in order."""
    texts = iter(texts)
    tasks = iter(lambda: list(islice(texts, TEXTS_PER_TASK)), [])
    with ThreadPoolExecutor(workers) as pool:
        while taken := list(islice(tasks, TASKS_PER_WORKER * workers)):
            yield from pool.map(function, taken)
