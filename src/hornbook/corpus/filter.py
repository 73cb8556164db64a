"""The quality filter: a random forest on an embedding predicts the teacher's score (section 2.1 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from hornbook.corpus.embedding import Embedding, count_tokens, stack
from hornbook.corpus.quality import measure
from hornbook.errors import StageError
from hornbook.recipe import FilterConfig
from hornbook.records import Annotation, CodeFile, write_rows
from hornbook.run.artifact import Fact, Facts
from hornbook.run.datasets import FILES, Annotations, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage

PREDICTIONS = "predictions.parquet"
LOOK = "look"
NUM_SHOWN = 10
FEWEST_ANNOTATIONS = 20

Floats = NDArray[np.float64]
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The filter's judgement of one file."""

    origin: str
    path: str
    num_chars: int
    educational_value: float
    """As the forest predicts it, 0 to 10."""
    part: str
    """`train` and `validation` where the teacher scored the file, else `unseen`."""
    is_kept: bool


@stage(version=1, selects=True)
def filter(
    *, files: CodeFiles, annotations: Annotations, config: FilterConfig, seed: int, out: Path, machine: Machine
) -> CodeFiles:
    """The files with the best predicted scores that together have `keep_share` of the characters.

    `predictions.parquet` has every file's score, `look/` the best and worst of those that did not train the forest.
    The metrics are measured on the validation part. Raises StageError where too few files are annotated.
    """
    scored = sorted(annotations.read(), key=lambda annotation: (annotation.origin, annotation.path))
    if len(scored) < FEWEST_ANNOTATIONS:
        raise StageError(
            f"stage filter: {len(scored)} annotated files are too few to train and measure it, {FEWEST_ANNOTATIONS} is "
            f"the least. Raise annotate.sample_files (or collect.max_files)."
        )
    filter_model = FilterModel(config, seed, machine.workers)
    metrics = filter_model.fit(scored)
    names, num_chars, values = _predict_all(files, filter_model, machine.workers)
    kept = choose(values, num_chars, config.keep_share, names)
    parts = filter_model.parts
    predictions = [
        Prediction(*name, int(chars), float(value), parts.get(name, "unseen"), bool(is_kept))
        for name, chars, value, is_kept in zip(names, num_chars, values, kept, strict=True)
    ]
    kept_rows = (file for file, is_kept in zip(files.read(), kept, strict=True) if is_kept)
    rows = {FILES: write_rows(out / FILES, CodeFile, kept_rows)}
    write_rows(out / PREDICTIONS, Prediction, predictions)
    _write_look(out / LOOK, files, predictions, {(a.origin, a.path): a for a in scored})
    metrics["chars_kept"] = int(num_chars[kept].sum())
    metrics["chars_share_kept"] = round(float(num_chars[kept].sum() / num_chars.sum()), 4)
    drops = {"low_educational_value": int((~kept).sum())}
    return CodeFiles(out, Facts(rows=rows, drops=drops, metrics=metrics))


class FilterModel:
    """The embedding and the forest. `parts` says which annotated files trained it and which measured it."""

    def __init__(self, config: FilterConfig, seed: int, workers: int) -> None:
        self._config, self._seed, self._workers = config, seed, workers
        self._embedding = Embedding(config.embedding_size, seed)
        self._forest = RandomForestRegressor(
            n_estimators=config.num_trees, max_features=1 / 3, min_samples_leaf=2, random_state=seed, n_jobs=workers
        )
        self.parts: dict[Name, str] = {}

    def fit(self, scored: Sequence[Annotation]) -> dict[str, Fact]:
        """Trains on one part of the annotated files and returns the quality on the other."""
        order = np.random.default_rng([self._seed, len(scored)]).permutation(len(scored))
        num_validation = max(1, round(self._config.validation_share * len(scored)))
        train, validation = np.sort(order[num_validation:]), np.sort(order[:num_validation])
        for part, rows in (("train", train), ("validation", validation)):
            self.parts |= {(scored[row].origin, scored[row].path): part for row in rows}
        counts = stack(count_tokens((annotation.text for annotation in scored), self._workers))
        values = np.array([annotation.educational_value for annotation in scored])
        self._forest.fit(self._embedding.fit(counts[train]), values[train])
        # Trees are added up in the order in which threads finish, so that only one thread always gives the same sum.
        self._forest.n_jobs = 1
        quality = measure(values[validation], self.predict(counts[validation]), self._config.keep_share, self._seed)
        return {"num_train": len(train), "num_validation": len(validation), **quality}

    def predict(self, counts: object) -> Floats:
        """Predicted scores, shape (files,), from token counts (files, NUM_FEATURES)."""
        return np.asarray(self._forest.predict(self._embedding.transform(counts)))


def choose(values: Floats, num_chars: NDArray[np.int64], keep_share: float, names: Sequence[Name]) -> NDArray[np.bool_]:
    """Which files stay: best value first, ties by name, as long as the characters fit into the share; one at least."""
    order = sorted(range(len(values)), key=lambda row: (-values[row], names[row]))
    filled = np.cumsum(num_chars[order])
    num_kept = max(1, int(np.searchsorted(filled, keep_share * num_chars.sum(), side="right")))
    kept = np.zeros(len(values), dtype=bool)
    kept[order[:num_kept]] = True
    return kept


def _predict_all(
    files: CodeFiles, filter_model: FilterModel, workers: int
) -> tuple[list[Name], NDArray[np.int64], Floats]:
    """Streams the files through the model: only a few runs of texts are in memory at once."""
    names: list[Name] = []
    num_chars: list[int] = []
    values: list[Floats] = []

    def texts() -> Iterator[str]:
        for file in files.read():
            names.append((file.origin, file.path))
            num_chars.append(len(file.text))
            yield file.text

    with meter("filter", sum(files.facts.rows.values()), "files") as shown:
        for counts in count_tokens(texts(), workers):
            values.append(filter_model.predict(counts))
            shown.advance(len(values[-1]))
    return names, np.array(num_chars, dtype=np.int64), np.concatenate(values)


def _write_look(
    folder: Path, files: CodeFiles, predictions: Sequence[Prediction], scored: dict[Name, Annotation]
) -> None:
    unseen = sorted(
        (prediction for prediction in predictions if prediction.part != "train"),
        key=lambda prediction: (-prediction.educational_value, prediction.origin, prediction.path),
    )
    shown = {}
    for label, chosen in (("best", unseen[:NUM_SHOWN]), ("worst", unseen[::-1][:NUM_SHOWN])):
        for number, prediction in enumerate(chosen, start=1):
            shown[prediction.origin, prediction.path, label] = (f"{label}-{number:02d}.txt", prediction)
    folder.mkdir()
    for file in files.read():
        for label in ("best", "worst"):
            if (file.origin, file.path, label) not in shown:
                continue
            name, prediction = shown[file.origin, file.path, label]
            head = f"{file.origin} {file.path} ({file.license})\npredicted {prediction.educational_value:.2f}"
            annotation = scored.get((file.origin, file.path))
            if annotation is not None:
                head += f", the teacher says {annotation.educational_value:.2f}: {annotation.reason}"
            (folder / name).write_text(f"{head}\n{'-' * 80}\n{file.text}", encoding="utf-8")
