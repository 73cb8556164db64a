"""The source `huggingface`: a data set in the Hub's layout, streamed with the library `datasets` and never stored."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.locate import locate
from hornbook.corpus.sources.parquet import in_seeded_order
from hornbook.corpus.sources.protocol import RawFile, Shard
from hornbook.corpus.sources.table_rows import TableRows
from hornbook.errors import InputError, MissingDependencyError
from hornbook.recipe import HuggingFaceSource

_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubDataset:
    """The rows of a split. Its shards are those that `datasets` sees: most often its files."""

    def __init__(self, config: HuggingFaceSource, seed: int | None) -> None:
        self._config, self._seed = config, seed
        self._rows = TableRows(config)
        name, _, revision = config.path.partition("@")
        self._folder = Path(config.path).expanduser()
        self._is_folder = self._folder.is_dir()
        self._place = str(self._folder) if self._is_folder else name
        self._revision = None if self._is_folder else revision or None

    def identity(self) -> str:
        """Hex sha256 of a folder's file names, sizes and times of change, or `NAME@COMMIT` of a data set on the hub."""
        _check_installed()
        if not self._is_folder:
            return f"{self._place}@{self._commit()}"
        return digest([(f.name, f.size_bytes, f.stamp) for f in locate(self._config.name, self._place, ("",))])

    def shards(self) -> list[Shard]:
        """The shards of the split. Raises InputError where there is no such data set, split or column."""
        _check_installed()
        if not self._is_folder:
            # Kept for the workers, so that all read one state of it.
            self._revision = self._commit()
        opened = self._open()
        if opened.column_names is not None:
            self._rows.columns_in(opened.column_names, self._place)
        number = int(opened.num_shards)
        shards = [Shard(self._config.name, f"{index:06d}", self._place, index, number) for index in range(number)]
        return in_seeded_order(shards, self._seed)

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The rows of shard `start` of `stop`, one at a time."""
        import datasets

        rows = self._open().shard(num_shards=shard.stop, index=shard.start)
        number = 0
        try:
            for number, row in enumerate(rows):
                yield self._rows.file(row, f"{shard.name}:{number}")
        except (datasets.exceptions.DatasetsError, pa.ArrowException, OSError, EOFError, ValueError) as error:
            raise self._problem(f"cannot be read after row {number} of shard {shard.start}", error) from None

    def _open(self) -> Any:
        import datasets

        datasets.disable_progress_bars()
        try:
            return datasets.load_dataset(
                self._place,
                self._config.config_name or None,
                data_dir=self._config.data_dir or None,
                split=self._config.split,
                revision=self._revision,
                streaming=True,
            )
        except (datasets.exceptions.DatasetsError, pa.ArrowException, OSError, EOFError, ValueError) as error:
            raise self._problem(f"split {self._config.split!r} cannot be opened", error) from None

    def _commit(self) -> str:
        # Here, because it loads an HTTP client that nothing else of a run needs.
        from huggingface_hub import HfApi

        if self._revision and _COMMIT.fullmatch(self._revision):
            return self._revision
        try:
            return str(HfApi().dataset_info(self._place, revision=self._revision).sha)
        except Exception as error:  # What the HTTP client raises differs between releases of huggingface_hub.
            raise self._problem("is no folder, and the hub gives no data set of the name", error) from None

    def _problem(self, what: str, error: Exception) -> InputError:
        reason = " ".join(str(error).split())[:300]
        return InputError(
            f"source {self._config.name!r}: {self._config.path} {what} ({type(error).__name__}: {reason}). "
            "Check its path, config_name, data_dir and split."
        )


def _check_installed() -> None:
    if importlib.util.find_spec("datasets") is None:
        raise MissingDependencyError("datasets", "The source 'huggingface'", "huggingface")
