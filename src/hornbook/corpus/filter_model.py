"""What predicts the teacher's score of a file: an embedding, and a random forest on it (section 2.1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hornbook.corpus.embedders import Embedder
from hornbook.corpus.embedders.tfidf_svd import TfidfSvd
from hornbook.corpus.forest import Forest, grow_forest
from hornbook.corpus.predictions import Predict
from hornbook.recipe import FilterConfig
from hornbook.records import Annotation

Floats = NDArray[np.float64]
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Trial:
    """How annotated files were used: some trained the model, and on the others it is measured."""

    parts: dict[Name, str]
    """By origin and path: `train` or `validation`."""
    truth: Floats
    """The teacher's scores of the validation files, (validation,)."""
    predicted: Floats
    """The model's, (validation,)."""

    @property
    def num_train(self) -> int:
        """How many files trained it."""
        return len(self.parts) - len(self.truth)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `fit` makes."""

    predict: Predict
    trial: Trial


def fit(embedder: Embedder, scored: Sequence[Annotation], config: FilterConfig, seed: int, workers: int) -> Fitted:
    """Trains on one part of the annotated files and predicts the scores of the other."""
    order = np.random.default_rng([seed, len(scored)]).permutation(len(scored))
    num_validation = max(1, round(config.validation_share * len(scored)))
    train, validation = np.sort(order[num_validation:]), np.sort(order[:num_validation])
    parts = {
        (scored[row].origin, scored[row].path): part
        for part, rows in (("train", train), ("validation", validation))
        for row in rows
    }
    values = np.array([annotation.educational_value for annotation in scored])
    embedded = embedder.fit([scored[row].text for row in train])
    forest = grow_forest(embedded, values[train], num_trees=config.num_trees, seed=seed, workers=workers)
    predict = partial(predict_texts, embedder, forest)
    predicted = predict(pa.array([scored[row].text for row in validation], pa.large_string()))
    return Fitted(predict, Trial(parts, values[validation], predicted))


def predict_texts(embedder: Embedder, forest: Forest, texts: pa.Array) -> Floats:
    """What a forest makes of the texts' embeddings: the scores, (N,), of N texts in a `large_string` array."""
    if isinstance(embedder, TfidfSvd):
        embedded = embedder.embed_array(texts)
    else:
        embedded = np.concatenate(list(embedder.embed(texts.to_pylist())))
    return forest.predict(embedded)
