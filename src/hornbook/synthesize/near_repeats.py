"""Near-repeats among texts: those that share too many runs of words with an earlier one."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict

SHINGLE_WORDS = 5
KEPT_OF = 4
"""One in so many shingles is looked at, the same ones in every text: enough to estimate the share that two texts have
in common, at a quarter of the memory (after Broder 1997, "On the resemblance and containment of documents")."""
MIN_SHINGLES = 8
"""A text with fewer is compared by all of its shingles."""


class NearRepeats:
    """The texts that were let through so far. Texts are compared without case, punctuation and spacing."""

    def __init__(self, max_similarity: float) -> None:
        """`max_similarity` is the largest Jaccard index of two texts' shingles that is no near-repeat."""
        self._max_similarity = max_similarity
        self._sizes: list[int] = []
        self._holders: dict[int, list[int]] = defaultdict(list)
        """The texts that hold a shingle, by its hash."""

    def add(self, text: str) -> bool:
        """Whether a text is like none before it; only then it is remembered."""
        shingles = sample_shingles(text)
        shared = Counter(holder for shingle in shingles for holder in self._holders.get(shingle, ()))
        for holder, count in shared.items():
            if count > self._max_similarity * (len(shingles) + self._sizes[holder] - count):
                return False
        for shingle in shingles:
            self._holders[shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))
        return True


def sample_shingles(text: str) -> set[int]:
    """Hashes of a sample of the runs of `SHINGLE_WORDS` words; of all words together where there are fewer."""
    words = re.findall(r"\w+", text.casefold())
    runs = {" ".join(words[start : start + SHINGLE_WORDS]) for start in range(max(1, len(words) - SHINGLE_WORDS + 1))}
    hashes = {int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "big") for run in runs}
    kept = {number for number in hashes if number % KEPT_OF == 0}
    return kept if len(kept) >= MIN_SHINGLES else hashes
