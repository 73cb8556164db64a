"""The quality filter: a random forest on an embedding predicts the teacher's score (section 2.1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hornbook.corpus.blocks import cut_into_blocks
from hornbook.corpus.duplicates.file_index import Numbers
from hornbook.corpus.duplicates.sorted_shards import write_shards
from hornbook.corpus.duplicates.stored_texts import StoredTexts
from hornbook.corpus.embedders import build_embedder
from hornbook.corpus.embedders.tfidf_svd import TfidfSvd
from hornbook.corpus.filter_model import Name, Trial, fit
from hornbook.corpus.predictions import (
    Predict,
    PredictTask,
    forget_texts,
    lay_down_texts,
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
from hornbook.run.datasets import ANNOTATIONS, FILES, Annotations, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage

PREDICTIONS = "predictions.parquet"
LOOK = "look"
NUM_SHOWN = 10
FEWEST_ANNOTATIONS = 20

Floats = NDArray[np.float64]


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
    num_scored = annotations.facts.rows[ANNOTATIONS]
    if num_scored < FEWEST_ANNOTATIONS:
        raise StageError(
            f"stage filter: {num_scored} annotated files are too few to train and measure it, {FEWEST_ANNOTATIONS} is "
            f"the least. Raise annotate.sample_files (or collect.max_files)."
        )
    embedding = build_embedder(config, seed=seed, workers=machine.workers, device=machine.device)
    tasks = prediction_tasks(cut_into_blocks(files.shards()), out / RESUME / "predictions")
    work = Filtering(annotations, tasks, config, seed, machine.workers, out)
    try:
        if isinstance(embedding, TfidfSvd):
            facts = in_data_process("filter", machine, fit_and_keep, work, embedding)
        else:
            # A language model stays here, on its device.
            fitted = fit(embedding, read_scored(annotations), config, seed, machine.workers)
            _predict_here(tasks, fitted.predict)
            facts = in_data_process("filter", machine, keep_best, work, fitted.trial)
    finally:
        forget_texts(tasks)
    num_chars = facts.metrics["chars_kept"]
    assert isinstance(num_chars, int)
    if not facts.drops["low_educational_value"]:
        _say_if_all_stays(num_chars, config)
    return CodeFiles(out, facts)


@dataclass(frozen=True, slots=True)
class Filtering:
    """What there is to do: the blocks of a corpus, what a teacher said of a sample, and where the outcome goes."""

    annotations: Annotations
    tasks: Sequence[PredictTask]
    config: FilterConfig
    seed: int
    workers: int
    out: Path


def fit_and_keep(report: Report, work: Filtering, embedding: TfidfSvd) -> Facts:
    """The stage's work, in a process with an engine."""
    fitted = fit(embedding, read_scored(work.annotations), work.config, work.seed, work.workers)
    predict_all(report, work.tasks, fitted.predict)
    return keep_best(report, work, fitted.trial)


def _predict_here(tasks: Sequence[PredictTask], predict: Predict) -> None:
    """Predicts what is not predicted yet, in this process."""
    with meter("filter: embed", sum(task.block.num_rows for task in tasks), "files") as shown:
        for task in tasks:
            if task.part.exists():
                shown.advance(task.block.num_rows, takes_time=False)
            else:
                shown.advance(task.block.num_rows, num_bytes=predict_block(predict, task))


def keep_best(report: Report, work: Filtering, trial: Trial) -> Facts:
    """Writes the files that stay by what is predicted of all, and how good that is; in a process with an engine."""
    lay_down_texts(work.tasks)
    predicted = read_predictions(work.tasks)
    names = pc.sort_indices(predicted, sort_keys=[(name, "ascending") for name in ("source", "origin", "path")])
    places = np.empty(len(names), np.int64)
    places[names.to_numpy()] = np.arange(len(names))
    values, num_chars = predicted["educational_value"].to_numpy(), predicted["num_chars"].to_numpy()
    kept = choose(values, num_chars, work.config, places)
    texts, rows = stored_texts(work.tasks, predicted), np.flatnonzero(kept)
    write_shards(report, "filter: write", predicted, rows, texts[rows], work.out)
    predicted = _with_parts(predicted, trial.parts, kept)
    pq.write_table(predicted.select(PREDICTION.names).cast(PREDICTION), work.out / PREDICTIONS, compression="zstd")
    scored = {(row.origin, row.path): row for row in read_scored(work.annotations)}
    _write_look(work.out / LOOK, predicted, texts, scored)
    quality = _measure(work, trial, values, num_chars, kept, tuple(sorted({row.annotator for row in scored.values()})))
    write_quality(work.out, quality)
    metrics = quality.facts()
    metrics["lowest_value_kept"] = round(float(values[kept].min()), 4)
    metrics["chars_kept"] = int(num_chars[kept].sum())
    metrics["chars_share_kept"] = round(float(num_chars[kept].sum() / num_chars.sum()), 4)
    return Facts(rows={FILES: len(rows)}, drops={"low_educational_value": int((~kept).sum())}, metrics=metrics)


def read_scored(annotations: Annotations) -> list[Annotation]:
    """The annotated files, ordered by origin and path."""
    return sorted(annotations.read(), key=lambda annotation: (annotation.origin, annotation.path))


def _measure(
    work: Filtering,
    trial: Trial,
    values: Floats,
    num_chars: Numbers,
    kept: NDArray[np.bool_],
    annotators: tuple[str, ...],
) -> Quality:
    """The quality on the validation files, with what each threshold would keep of the corpus."""
    share = work.config.keep_share or float(num_chars[kept].sum() / num_chars.sum())
    lowest = float(values[kept].min())
    return Quality(
        embedder=work.config.embedder,
        annotators=annotators,
        num_train=trial.num_train,
        num_validation=len(trial.truth),
        measures=measure(trial.truth, trial.predicted, share, work.seed),
        thresholds=measure_thresholds(trial.truth, trial.predicted, values, num_chars, lowest, work.seed),
    )


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
