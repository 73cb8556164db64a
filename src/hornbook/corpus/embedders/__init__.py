"""A text as a row of numbers, by name: what the quality filter predicts from, and what decontamination compares.

| name | embedding | model |
|---|---|---|
| `tfidf-svd` | tf-idf over identifiers and tokens, reduced by a truncated SVD | none |
| `transformers` | a Hugging Face model's last hidden layer, mean over the file's tokens | a folder or a hub name |
| `checkpoint` | the same of a model that hornbook trained | its folder |

Differs from paper: one embedder there, CodeGen-350M-mono, of which it does not say how a file becomes one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Makes rows of numbers of texts; the same texts in the same order give the same rows on the same machine."""

    def fit(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Learns what it needs from the texts and returns their embedding, (texts, size)."""
        ...

    def embed(self, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
        """Yields the embedding of runs of texts, in order: (texts of the run, size) each. Comes after `fit`."""
        ...


class EmbedderConfig(Protocol):
    """The fields of a section of the recipe that say how its texts are embedded."""

    @property
    def embedder(self) -> str:
        """Its name, as in the table above."""
        ...

    @property
    def embedder_model(self) -> str:
        """A folder or a hub name, empty for `tfidf-svd`."""
        ...

    @property
    def embedding_window(self) -> int:
        """Tokens that a model reads at once at most."""
        ...

    @property
    def embedding_size(self) -> int:
        """Dimensions of `tfidf-svd`."""
        ...


def build_embedder(config: EmbedderConfig, *, seed: int, workers: int, device: str) -> Embedder:
    """The embedder that a recipe names, its model loaded. Raises as `embedder_identity` does."""
    # Imported here so that the default does not pay for PyTorch.
    if config.embedder == "tfidf-svd":
        from hornbook.corpus.embedders.tfidf_svd import TfidfSvd

        return TfidfSvd(config.embedding_size, seed, workers)
    from hornbook.corpus.embedders.pooling import MeanPooling

    if config.embedder == "transformers":
        from hornbook.corpus.embedders.transformers import TransformersStates

        return MeanPooling(TransformersStates(config.embedder_model, device), config.embedding_window)
    from hornbook.corpus.embedders.checkpoint import CheckpointStates

    return MeanPooling(CheckpointStates(config.embedder_model, device), config.embedding_window)


def embedder_identity(config: EmbedderConfig) -> str:
    """What the embedder's files hold: hex sha256 of those in a folder, `NAME@COMMIT` on the hub; empty without files.

    Raises InputError where the model cannot be found, MissingDependencyError where its library is not installed.
    """
    if config.embedder == "transformers":
        from hornbook.corpus.embedders.transformers import model_identity

        return model_identity(config.embedder_model)
    if config.embedder == "checkpoint":
        from hornbook.corpus.embedders.checkpoint import checkpoint_identity

        return checkpoint_identity(config.embedder_model)
    return ""
