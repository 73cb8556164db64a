"""The quality filter: a random forest on an embedding predicts the teacher's score (section 2.1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hornbook.corpus.blocks import Block, cut_into_blocks
from hornbook.corpus.duplicates.file_index import Numbers
from hornbook.corpus.duplicates.sorted_shards import write_shards
from hornbook.corpus.duplicates.stored_texts import StoredTexts
from hornbook.corpus.embedders import Embedder, build_embedder
from hornbook.corpus.embedders.tfidf_svd import TfidfSvd
from hornbook.corpus.forest import Forest, grow_forest
from hornbook.corpus.predictions import (
    PredictTask,
    forget_texts,
    predict_all,
    predict_block,
    prediction_tasks,
    read_predictions,
    stored_texts,
)
from hornbook.corpus.quality import Quality, measure, measure_thresholds, write_quality
from hornbook.errors import StageError
from hornbook.recipe import FilterConfig
from hornbook.records import Annotation, arrow_schema
from hornbook.run.artifact import RESUME, Facts
from hornbook.run.data_process import Report, in_data_process
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

    source: str
    origin: str
    path: str
    num_chars: int
    educational_value: float
    """As the forest predicts it, 0 to 10."""
    part: str
    """`train` and `validation` where the teacher scored the file, else `unseen`."""
    is_kept: bool


PREDICTION = arrow_schema(Prediction)


@stage(version=2, selects=True, loads="hornbook.corpus.loaded")
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
    scored = read_scored(annotations)
    if len(scored) < FEWEST_ANNOTATIONS:
        raise StageError(
            f"stage filter: {len(scored)} annotated files are too few to train and measure it, {FEWEST_ANNOTATIONS} is "
            f"the least. Raise annotate.sample_files (or collect.max_files)."
        )
    embedding = build_embedder(config, seed=seed, workers=machine.workers, device=machine.device)
    filter_model = FilterModel(config, embedding, seed, machine.workers)
    if isinstance(embedding, TfidfSvd):
        # There the compiled loops are loaded; a language model is fitted here, on its device.
        filter_model = in_data_process("filter", machine, fitted, filter_model, annotations)
    else:
        filter_model.fit(scored)
    blocks = cut_into_blocks(files.shards())
    tasks = filter_model.prediction_tasks(blocks, out / RESUME / "predictions")
    try:
        kept = in_data_process("filter", machine, keep_best, tasks, config, out)
        predicted = _with_parts(read_predictions(tasks), filter_model.parts, kept)
        pq.write_table(predicted.select(PREDICTION.names).cast(PREDICTION), out / PREDICTIONS, compression="zstd")
        _write_look(out / LOOK, predicted, stored_texts(tasks, predicted), {(a.origin, a.path): a for a in scored})
    finally:
        forget_texts(tasks)
    values, num_chars = predicted["educational_value"].to_numpy(), predicted["num_chars"].to_numpy()
    _say_if_all_stays(int(num_chars.sum()), config)
    quality = filter_model.measure(values, num_chars, kept, tuple(sorted({row.annotator for row in scored})))
    write_quality(out, quality)
    rows = {FILES: int(kept.sum())}
    metrics = quality.facts()
    metrics["lowest_value_kept"] = round(float(values[kept].min()), 4)
    metrics["chars_kept"] = int(num_chars[kept].sum())
    metrics["chars_share_kept"] = round(float(num_chars[kept].sum() / num_chars.sum()), 4)
    drops = {"low_educational_value": int((~kept).sum())}
    return CodeFiles(out, Facts(rows=rows, drops=drops, metrics=metrics))


class FilterModel:
    """The embedding and the forest. `parts` says which annotated files trained it and which measure it."""

    def __init__(self, config: FilterConfig, embedder: Embedder, seed: int, workers: int) -> None:
        self._config, self._embedder, self._seed, self._workers = config, embedder, seed, workers
        self._forest: Forest
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
        embedded = self._embedder.fit([scored[row].text for row in train])
        trees = {"num_trees": self._config.num_trees, "seed": self._seed, "workers": self._workers}
        self._forest = grow_forest(embedded, values[train], **trees)
        self._truth = values[validation]
        self._predicted = self.predict(pa.array([scored[row].text for row in validation], pa.large_string()))

    def predict(self, texts: pa.Array) -> Floats:
        """The predicted scores, (N,), of N texts, which are a `large_string` array."""
        return predict_texts(self._embedder, self._forest, texts)

    def prediction_tasks(self, blocks: Sequence[Block], folder: Path) -> list[PredictTask]:
        """How the blocks' predictions come about; those of a language model are made here, on its device."""
        if isinstance(self._embedder, TfidfSvd):
            return prediction_tasks(blocks, folder, partial(predict_texts, self._embedder, self._forest))
        tasks = prediction_tasks(blocks, folder, None)
        with meter("filter: embed", sum(block.num_rows for block in blocks), "files") as shown:
            for task in tasks:
                if task.part.exists():
                    shown.advance(task.block.num_rows, takes_time=False)
                else:
                    num_bytes = predict_block(self.predict, task)
                    shown.advance(task.block.num_rows, num_bytes=num_bytes)
        return tasks

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


def read_scored(annotations: Annotations) -> list[Annotation]:
    """The annotated files, ordered by origin and path."""
    return sorted(annotations.read(), key=lambda annotation: (annotation.origin, annotation.path))


def fitted(report: Report, model: FilterModel, annotations: Annotations) -> FilterModel:
    """The model, fitted, in a process of its own; the texts need not go there."""
    model.fit(read_scored(annotations))
    return model


def predict_texts(embedder: Embedder, forest: Forest, texts: pa.Array) -> Floats:
    """What a forest makes of the texts' embeddings."""
    if isinstance(embedder, TfidfSvd):
        embedded = embedder.embed_array(texts)
    else:
        embedded = np.concatenate(list(embedder.embed(texts.to_pylist())))
    return forest.predict(embedded)


def keep_best(report: Report, tasks: Sequence[PredictTask], config: FilterConfig, out: Path) -> NDArray[np.bool_]:
    """Predicts what is not predicted yet, and writes and returns which files stay, in a process with an engine."""
    predict_all(report, tasks)
    predicted = read_predictions(tasks)
    names = pc.sort_indices(predicted, sort_keys=[(name, "ascending") for name in ("source", "origin", "path")])
    places = np.empty(len(names), np.int64)
    places[names.to_numpy()] = np.arange(len(names))
    values, num_chars = predicted["educational_value"].to_numpy(), predicted["num_chars"].to_numpy()
    kept = choose(values, num_chars, config, places)
    rows = np.flatnonzero(kept)
    write_shards(report, "filter: write", predicted, rows, stored_texts(tasks, predicted)[rows], out)
    return kept


def choose(values: Floats, num_chars: Numbers, config: FilterConfig, places: Numbers) -> NDArray[np.bool_]:
    """Which files stay, by the threshold that the recipe gives.

    A score lets through what is predicted to have it, and raises StageError where nothing is. A share or a number of
    tokens lets through the best files as long as their characters fit, one at least; of equals those whose names come
    first, by their `places` among all.
    """
    if config.min_educational_value:
        kept: NDArray[np.bool_] = values >= config.min_educational_value
        if not kept.any():
            raise StageError(
                f"stage filter: no file is predicted to have filter.min_educational_value "
                f"{config.min_educational_value:g}, the best has {values.max():.2f}. Lower it."
            )
        return kept
    fitting = config.keep_share * int(num_chars.sum()) or config.keep_tokens * config.chars_per_token
    order = np.lexsort((places, -values))
    filled = np.cumsum(num_chars[order])
    num_kept = max(1, int(np.searchsorted(filled, fitting, side="right")))
    kept = np.zeros(len(values), dtype=bool)
    kept[order[:num_kept]] = True
    return kept


def fewer_than_asked(total_chars: int, config: FilterConfig) -> bool:
    """Whether the corpus has fewer tokens than are to be kept of it."""
    return config.keep_tokens * config.chars_per_token > total_chars


def _say_if_all_stays(total_chars: int, config: FilterConfig) -> None:
    if fewer_than_asked(total_chars, config):
        console.print(
            f"  filter: the corpus has {total_chars / config.chars_per_token:,.0f} tokens of "
            f"{config.chars_per_token:g} characters, fewer than keep_tokens {config.keep_tokens:,}: all of it stays",
            style="yellow",
            soft_wrap=True,
        )


def _with_parts(predicted: pa.Table, parts: dict[Name, str], kept: NDArray[np.bool_]) -> pa.Table:
    """With the columns of `Prediction`, too."""
    names = zip(predicted["origin"].to_pylist(), predicted["path"].to_pylist(), strict=True)
    parted = pa.array([parts.get(name, "unseen") for name in names], pa.large_string())
    return predicted.append_column("part", parted).append_column("is_kept", pa.array(kept))


def _write_look(folder: Path, predicted: pa.Table, texts: StoredTexts, scored: dict[Name, Annotation]) -> None:
    is_unseen = pc.not_equal(predicted["part"], "train")
    unseen, texts = predicted.filter(is_unseen), texts[np.flatnonzero(is_unseen)]
    order = pc.sort_indices(
        unseen, sort_keys=[("educational_value", "descending"), ("origin", "ascending"), ("path", "ascending")]
    ).to_numpy()
    folder.mkdir()
    for label, chosen in (("best", order[:NUM_SHOWN]), ("worst", order[::-1][:NUM_SHOWN])):
        rows = zip(unseen.take(pa.array(chosen)).to_pylist(), texts[chosen].read().to_pylist(), strict=True)
        for number, (row, text) in enumerate(rows, start=1):
            head = f"{row['origin']} {row['path']} ({row['license']})\npredicted {row['educational_value']:.2f}"
            annotation = scored.get((row["origin"], row["path"]))
            if annotation is not None:
                head += f", the teacher says {annotation.educational_value:.2f}: {annotation.reason}"
            page = f"{head}\n{'-' * 80}\n{text}"
            (folder / f"{label}-{number:02d}.txt").write_text(page, encoding="utf-8")
