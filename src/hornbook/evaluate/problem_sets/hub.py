"""Data sets from the Hugging Face hub, kept in the user's own cache of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hornbook.errors import InputError


def read_hub_parquet(repository: str, file: str) -> list[dict[str, Any]]:
    """The rows of a Parquet file of a data set, fetched once. Raises InputError where it cannot be had."""
    path = fetch(repository, file)
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} ({repository}): cannot be read: {error}") from None
    return rows


def fetch(repository: str, file: str) -> Path:
    """A file of a data set on the hub, downloaded unless it is there. Raises InputError where it cannot be had."""
    # Here, because it loads an HTTP client that nothing else of a run needs.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(repository, file, repo_type="dataset"))
    except (OSError, EntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{repository} on the Hugging Face hub: {file} cannot be fetched ({type(error).__name__}: {reason}). "
            "Download it by hand and name its file instead of hub."
        ) from None
