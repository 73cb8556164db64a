"""The quality filter: a random forest on an embedding predicts the teacher's score (section 2.1 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from hornbook.corpus.embedders import Embedder, build_embedder
from hornbook.corpus.quality import Quality, measure, measure_thresholds, write_quality
from hornbook.errors import StageError
from hornbook.recipe import FilterConfig
from hornbook.records import Annotation, CodeFile, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import FILES, Annotations, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
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
    *,
    files: CodeFiles,
    annotations: Annotations,
    config: FilterConfig,
    embedder: str,
    seed: int,
    out: Path,
    machine: Machine,
) -> CodeFiles:
    """The files with the best predicted scores, as many as the threshold of `config` lets through.

    `predictions.parquet` has every file's score, `quality.json` how far the scores can be trusted, measured on the
    validation part, and `look/` the best and worst files of those that did not train the forest. `embedder` is
    `embedder_identity(config)`: it is not used but makes the fingerprint follow the model's files. Raises StageError
    where too few files are annotated or none reaches the threshold, and as `build_embedder` does.
    """
    scored = sorted(annotations.read(), key=lambda annotation: (annotation.origin, annotation.path))
    if len(scored) < FEWEST_ANNOTATIONS:
        raise StageError(
            f"stage filter: {len(scored)} annotated files are too few to train and measure it, {FEWEST_ANNOTATIONS} is "
            f"the least. Raise annotate.sample_files (or collect.max_files)."
        )
    embedding = build_embedder(config, seed=seed, workers=machine.workers, device=machine.device)
    filter_model = FilterModel(config, embedding, seed, machine.workers)
    filter_model.fit(scored)
    names, num_chars, values = _predict_all(files, filter_model)
    kept = choose(values, num_chars, config, names)
    parts = filter_model.parts
    predictions = [
        Prediction(*name, int(chars), float(value), parts.get(name, "unseen"), bool(is_kept))
        for name, chars, value, is_kept in zip(names, num_chars, values, kept, strict=True)
    ]
    kept_rows = (file for file, is_kept in zip(files.read(), kept, strict=True) if is_kept)
    rows = {FILES: write_rows(out / FILES, CodeFile, kept_rows)}
    write_rows(out / PREDICTIONS, Prediction, predictions)
    _write_look(out / LOOK, files, predictions, {(a.origin, a.path): a for a in scored})
    quality = filter_model.measure(values, num_chars, kept, tuple(sorted({row.annotator for row in scored})))
    write_quality(out, quality)
    metrics = quality.facts()
    metrics["lowest_value_kept"] = round(float(values[kept].min()), 4)
    metrics["chars_kept"] = int(num_chars[kept].sum())
    metrics["chars_share_kept"] = round(float(num_chars[kept].sum() / num_chars.sum()), 4)
    drops = {"low_educational_value": int((~kept).sum())}
    return CodeFiles(out, Facts(rows=rows, drops=drops, metrics=metrics))


class FilterModel:
    """The embedding and the forest. `parts` says which annotated files trained it and which measure it."""

    def __init__(self, config: FilterConfig, embedder: Embedder, seed: int, workers: int) -> None:
        self._config, self._embedder, self._seed = config, embedder, seed
        self._forest = RandomForestRegressor(
            n_estimators=config.num_trees, max_features=1 / 3, min_samples_leaf=2, random_state=seed, n_jobs=workers
        )
        self.parts: dict[Name, str] = {}
        self._truth = self._predicted = np.empty(0)

    def fit(self, scored: Sequence[Annotation]) -> None:
        """Trains on one part of the annotated files and predicts the scores of the other."""
        order = np.random.default_rng([self._seed, len(scored)]).permutation(len(scored))
        num_validation = max(1, round(self._config.validation_share * len(scored)))
        train, validation = np.sort(order[num_validation:]), np.sort(order[:num_validation])
        for part, rows in (("train", train), ("validation", validation)):
            self.parts |= {(scored[row].origin, scored[row].path): part for row in rows}
        values = np.array([annotation.educational_value for annotation in scored])
        self._forest.fit(self._embedder.fit([scored[row].text for row in train]), values[train])
        # Trees are added up in the order in which threads finish, so that only one thread always gives the same sum.
        self._forest.n_jobs = 1
        self._truth = values[validation]
        self._predicted = np.concatenate(list(self.predict(scored[row].text for row in validation)))

    def predict(self, texts: Iterator[str]) -> Iterator[Floats]:
        """Yields the predicted scores of runs of texts, in order: (texts of the run,) each."""
        for embedded in self._embedder.embed(texts):
            yield np.asarray(self._forest.predict(embedded))

    def measure(
        self, values: Floats, num_chars: NDArray[np.int64], kept: NDArray[np.bool_], annotators: tuple[str, ...]
    ) -> Quality:
        """The quality on the validation part, with what each threshold would keep of a corpus of such predictions."""
        share = self._config.keep_share or float(num_chars[kept].sum() / num_chars.sum())
        lowest = float(values[kept].min())
        return Quality(
            embedder=self._config.embedder,
            annotators=annotators,
            num_train=len(self.parts) - len(self._truth),
            num_validation=len(self._truth),
            measures=measure(self._truth, self._predicted, share, self._seed),
            thresholds=measure_thresholds(self._truth, self._predicted, values, num_chars, lowest, self._seed),
        )


def choose(
    values: Floats, num_chars: NDArray[np.int64], config: FilterConfig, names: Sequence[Name]
) -> NDArray[np.bool_]:
    """Which files stay, by the threshold that the recipe gives.

    A score lets through what is predicted to have it, and raises StageError where nothing is. A share or a number of
    tokens lets through the best files, ties by name, as long as their characters fit; one at least.
    """
    if config.min_educational_value:
        kept = values >= config.min_educational_value
        if not kept.any():
            raise StageError(
                f"stage filter: no file is predicted to have filter.min_educational_value "
                f"{config.min_educational_value:g}, the best has {values.max():.2f}. Lower it."
            )
        return kept
    total = int(num_chars.sum())
    fitting = config.keep_share * total or config.keep_tokens * config.chars_per_token
    if fitting > total:
        console.print(
            f"  filter: the corpus has {total / config.chars_per_token:,.0f} tokens of {config.chars_per_token:g} "
            f"characters, fewer than keep_tokens {config.keep_tokens:,}: all of it stays",
            style="yellow",
            soft_wrap=True,
        )
    order = sorted(range(len(values)), key=lambda row: (-values[row], names[row]))
    filled = np.cumsum(num_chars[order])
    num_kept = max(1, int(np.searchsorted(filled, fitting, side="right")))
    kept = np.zeros(len(values), dtype=bool)
    kept[order[:num_kept]] = True
    return kept


def _predict_all(files: CodeFiles, filter_model: FilterModel) -> tuple[list[Name], NDArray[np.int64], Floats]:
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
        for predicted in filter_model.predict(texts()):
            values.append(predicted)
            shown.advance(len(predicted))
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
