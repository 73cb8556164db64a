"""MinHash sketches and exact shingle sets of texts, computed straight from Arrow's buffers.

A *token* is a run of ASCII letters, digits, underscores and bytes of 0x80 and above (so letters of any script);
everything else separates tokens. So texts that differ in white space, newlines, indentation or punctuation alone have
the same tokens, while the words of comments and docstrings are tokens like others. Case matters.

A *shingle* is `shingle_tokens` tokens in a row, kept as a 64-bit hash. A text of fewer tokens has one shingle, of all
of them; a text without tokens has none, resembles nothing (its similarity with anything is 0) and is no candidate.

Everything here is a pure function of the texts and the parameters, on any machine and in any split into batches, and
holds no GIL while it computes, so that threads with a batch each run side by side. `texts` is always an Arrow array of
strings or binary without nulls, or slices of one; scratch memory is up to eight bytes for a token of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes: TypeAlias = npt.NDArray[np.uint8]
Hashes: TypeAlias = npt.NDArray[np.uint64]
Integers: TypeAlias = npt.NDArray[np.int64]
Similarities: TypeAlias = npt.NDArray[np.float64]

CANDIDATE_RECALL = 0.9
"""Least probability that two texts of exactly the threshold's similarity share a band."""


@dataclass(frozen=True)
class MinHashParams:
    """What sketches depend on; those of different parameters cannot be compared."""

    shingle_tokens: int = 5
    num_permutations: int = 128
    """Rows of a signature."""
    threshold: float = 0.7
    """Jaccard similarity from which two texts are near-duplicates."""

    def __post_init__(self) -> None:
        if self.shingle_tokens < 1:
            raise ValueError(f"shingle_tokens is {self.shingle_tokens}; a shingle has at least one token")
        bands_for(self.threshold, self.num_permutations)

    @cached_property
    def bands_and_rows(self) -> tuple[int, int]:
        """`bands_for` of these values."""
        return bands_for(self.threshold, self.num_permutations)

    @property
    def num_bands(self) -> int:
        """How many keys a text has."""
        return self.bands_and_rows[0]


def bands_for(threshold: float, num_permutations: int, recall: float = CANDIDATE_RECALL) -> tuple[int, int]:
    """(bands, rows per band): the longest bands that find a pair at the threshold with a probability of `recall`.

    Two texts of similarity J agree in a row with probability J, and share at least one of b bands of r rows with
    probability 1 - (1 - J^r)^b (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2). That rises
    with J, so the bound holds for all pairs above the threshold. Longer bands let fewer other pairs through; candidates
    are verified, so those cost time alone. With 128 rows and 0.7: 21 bands of 6, which find .928 of the pairs at 0.7
    and .9999 at 0.85. Raises ValueError unless 0 < threshold <= 1 and 0 < recall < 1, and where not even bands of one
    row reach the recall.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; a Jaccard similarity from which texts repeat lies in (0, 1]")
    if not 0 < recall < 1:
        raise ValueError(f"recall is {recall}; it lies between 0 and 1")
    for rows in range(num_permutations, 0, -1):
        bands = num_permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= recall:
            return bands, rows
    raise ValueError(
        f"{num_permutations} permutations find pairs of similarity {threshold} with a probability below {recall}: "
        "take more permutations or a higher threshold"
    )


def signatures(texts: pa.Array, params: MinHashParams) -> npt.NDArray[np.uint32]:
    """(N, num_permutations) uint32. Two texts agree in a column with a probability of their Jaccard similarity.

    Fast similarity sketching (Dahlgaard, Knudsen, Thorup, FOCS 2017, arXiv:1704.04370): a shingle falls into one row,
    which keeps the least hash; rows that stay empty are filled by further attempts, in which all shingles fall anew.
    Unbiased and as concentrated as MinHash with that many permutations, for far less work on a long text. All
    2^32 - 1 for a text without tokens.
    """
    from hornbook.corpus.duplicates import minhash_kernels

    data, offsets = _buffers(texts)
    made = np.empty((len(texts), params.num_permutations), np.uint32)
    longest = int(np.diff(offsets).max(initial=0))
    minhash_kernels.sign_all(data, offsets, params.shingle_tokens, _room(longest), made)
    return made


def sketch(texts: pa.Array, params: MinHashParams) -> tuple[Hashes, Bytes]:
    """(keys (N, bands) uint64, fingerprints (N, num_permutations) uint8) of N texts, in one pass over their bytes.

    Texts with an equal key are candidates. A key depends on its band's number too, so that keys of all bands may stand
    in one column. All keys of a text without tokens are 0, and no others are: 0 makes no candidates. A fingerprint is
    the lowest byte of each row of the signature: two texts agree in one with probability J + (1 - J) / 256.
    """
    signed = signatures(texts, params)
    return _fold(signed, params), signed.astype(np.uint8)


def band_keys(texts: pa.Array, params: MinHashParams) -> Hashes:
    """(N, bands) uint64: the keys of `sketch` alone."""
    return _fold(signatures(texts, params), params)


def documented_bytes(texts: pa.Array) -> Integers:
    """(N,) int64: bytes in comments and in triple-quoted strings that open a line.

    A quick look at the bytes, not a parse: source that does not parse has a number too.
    """
    from hornbook.corpus.duplicates import documentation_kernel

    data, offsets = _buffers(texts)
    totals = np.empty(len(texts), np.int64)
    documentation_kernel.documented_all(data, offsets, totals)
    return totals


def shingle_hashes(texts: pa.Array, shingle_tokens: int = 5) -> tuple[Integers, Hashes]:
    """(offsets (N + 1,), hashes): text i's distinct shingles, ascending, are hashes[offsets[i]:offsets[i + 1]]."""
    from hornbook.corpus.duplicates import minhash_kernels, shingle_set_kernels

    data, bounds = _buffers(texts)
    hashes, starts = _room(int(bounds[-1] - bounds[0]) + len(texts)), np.empty_like(bounds)
    minhash_kernels.shingle_all(data, bounds, shingle_tokens, hashes, starts)
    table = np.zeros(5 * int(np.diff(starts).max(initial=0)) + 2, np.uint64)
    offsets = np.empty_like(bounds)
    shingle_set_kernels.distinct_all(hashes, starts, table, offsets)
    return offsets, hashes[: offsets[-1]]


def jaccard(a: Hashes, b: Hashes) -> float:
    """Jaccard similarity of two ascending arrays without repetition; 0 where both are empty."""
    from hornbook.corpus.duplicates import shingle_set_kernels

    shared: int = shingle_set_kernels.common(a, b)
    return shared / max(len(a) + len(b) - shared, 1)


def pair_jaccard(offsets: Integers, hashes: Hashes, left: Integers, right: Integers) -> Similarities:
    """(P,) float64: similarity of rows left[p] and right[p] of what `shingle_hashes` gave."""
    from hornbook.corpus.duplicates import shingle_set_kernels

    shared = np.empty(len(left), np.int64)
    shingle_set_kernels.common_all(offsets, hashes, left, right, shared)
    sizes = np.diff(offsets)
    similarities: Similarities = shared / np.maximum(sizes[left] + sizes[right] - shared, 1)
    return similarities


def text_jaccard(left: pa.Array, right: pa.Array, shingle_tokens: int = 5) -> Similarities:
    """(N,) float64: similarity of left[i] and right[i], for engines that join the texts themselves."""
    (left_offsets, left_hashes), (right_offsets, right_hashes) = (
        shingle_hashes(texts, shingle_tokens) for texts in (left, right)
    )
    offsets = np.concatenate([left_offsets, left_offsets[-1] + right_offsets[1:]])
    rows = np.arange(len(left))
    return pair_jaccard(offsets, np.concatenate([left_hashes, right_hashes]), rows, rows + len(left))


def _fold(signed: npt.NDArray[np.uint32], params: MinHashParams) -> Hashes:
    from hornbook.corpus.duplicates import minhash_kernels

    bands, rows = params.bands_and_rows
    keys = np.empty((len(signed), bands), np.uint64)
    minhash_kernels.fold_bands(signed, rows, keys)
    return keys


def _room(size_bytes: int) -> Hashes:
    """Place for the shingles of so many bytes: two tokens have at least one byte between them."""
    return np.empty(size_bytes // 2 + 1, np.uint64)


def _buffers(texts: pa.Array) -> tuple[Bytes, Integers]:
    """An Arrow array's bytes, and the N + 1 bounds of its texts in them, without a copy of the bytes."""
    if texts.null_count:
        row = texts.is_null().index(True).as_py()
        raise ValueError(f"row {row} of {len(texts)} texts is null; a text is a string, if an empty one")
    types = {pa.string(): np.int32, pa.binary(): np.int32, pa.large_string(): np.int64, pa.large_binary(): np.int64}
    if texts.type not in types:
        raise ValueError(f"texts are {texts.type}; cast them to large_string first")
    if not len(texts):
        texts = pa.array([""], texts.type)[:0]
    _, bounds, found = texts.buffers()
    # Where there are no bytes, one that nobody reads: numpy takes no empty buffer.
    data = np.frombuffer(found or bytes(1), np.uint8)
    # Some of Arrow's buffers may be written and some not, and each kind would be compiled for.
    data.flags.writeable = False
    offsets = np.frombuffer(bounds, types[texts.type])[texts.offset : texts.offset + len(texts) + 1]
    return data, offsets.astype(np.int64)
