"""The quality filter's pass over the corpus: every file's predicted score, block by block, and where its text lies."""

from __future__ import annotations

import functools
import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hornbook.corpus.blocks import Block, keep
from hornbook.corpus.duplicates.file_index import NAMES, ROW_BITS
from hornbook.corpus.duplicates.stored_texts import (
    StoredTexts,
    StoreTask,
    lay_down,
    starts_in_blocks,
    store_texts,
    texts_path,
)
from hornbook.run.data_process import Report
from hornbook.run.engine import over_shards

Floats = NDArray[np.float64]
Predict = Callable[[pa.Array], Floats]
"""Scores, (N,), of N texts, which are a `large_string` array."""


@dataclass(frozen=True, slots=True)
class PredictTask:
    """A block, its number, where its predictions go, and the file with what predicts them, pickled."""

    block: Block
    number: int
    part: Path
    model: Path
    texts: Path
    """Where its texts are laid down."""


def prediction_tasks(blocks: Sequence[Block], folder: Path) -> list[PredictTask]:
    """A task for each block; what they leave in `folder` is there after a kill."""
    folder = folder.absolute()
    texts = folder / "texts"
    # A kill leaves them.
    shutil.rmtree(texts, ignore_errors=True)
    texts.mkdir(parents=True)
    return [
        PredictTask(
            block, number, folder / f"block-{number:06d}.parquet", folder / "model.pickle", texts_path(texts, number)
        )
        for number, block in enumerate(blocks)
    ]


def predict_all(report: Report, tasks: Sequence[PredictTask], predict: Predict) -> None:
    """Does the tasks that are not done yet, over the engine."""
    # What is large should not be in every task.
    keep(tasks[0].model, lambda path: _write(path, pickle.dumps(predict)))
    report.start("filter: predict", sum(task.block.num_rows for task in tasks))
    missing = [task for task in tasks if not task.part.exists()]
    done = sum(task.block.num_rows for task in tasks) - sum(task.block.num_rows for task in missing)
    report.advance(done, takes_time=False)
    for task, num_bytes in zip(missing, over_shards(predict_task, missing), strict=True):
        report.advance(task.block.num_rows, num_bytes=num_bytes)


def lay_down_texts(tasks: Sequence[PredictTask]) -> None:
    """Lays down the texts of tasks that were done before a kill; of the others they are there."""
    lay_down(StoreTask(task.block, task.texts) for task in tasks)


def predict_task(task: PredictTask) -> int:
    """`predict_block` with the task's model."""
    return predict_block(_load(task.model), task)


def predict_block(predict: Predict, task: PredictTask) -> int:
    """Lays down the texts of a block's files, writes the predictions and returns the bytes of the texts."""
    table = task.block.read()
    texts = table.column("text").combine_chunks()
    store_texts(task.texts, texts)
    num_bytes = pc.binary_length(texts).cast(pa.int64())
    columns = {
        "id": pa.array((task.number << ROW_BITS) + np.arange(len(table), dtype=np.int64)),
        **{name: table.column(name) for name in NAMES},
        "num_chars": pc.utf8_length(texts).cast(pa.int64()),
        "num_bytes": num_bytes,
        "educational_value": pa.array(predict(texts)),
    }
    predicted = pa.table(columns)
    keep(task.part, lambda path: pq.write_table(predicted, path))
    return int(pc.sum(num_bytes).as_py())


def read_predictions(tasks: Sequence[PredictTask]) -> pa.Table:
    """Those of all blocks, in order: `id`, names and license, `num_chars`, `num_bytes` and `educational_value`."""
    return pa.concat_tables([pq.read_table(task.part) for task in tasks]).combine_chunks()


def stored_texts(tasks: Sequence[PredictTask], predicted: pa.Table) -> StoredTexts:
    """The texts of the files that `predict_all` and `read_predictions` are done with, in order."""
    numbers, sizes = predicted["id"].to_numpy() >> ROW_BITS, predicted["num_bytes"].to_numpy()
    return StoredTexts(tasks[0].texts.parent, numbers, starts_in_blocks(numbers, sizes), sizes)


def forget_texts(tasks: Sequence[PredictTask]) -> None:
    """Deletes the texts that were laid down."""
    for task in tasks:
        task.texts.unlink(missing_ok=True)


@functools.cache
def _load(model: Path) -> Predict:
    predict: Predict = pickle.loads(model.read_bytes())
    return predict


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
