"""The record of a run: `metrics.jsonl`, the same in every rerun, and `timing.jsonl`, which is not.

Both grow in the folder that survives a kill; a resumed run cuts off what came after its checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import TrainingError

METRICS = "metrics.jsonl"
TIMING = "timing.jsonl"


class MetricLog:
    """Lines appended to both files."""

    def __init__(self, folder: Path, lengths: Mapping[str, int]) -> None:
        """Opens the files in `folder`, cut to the lengths in bytes that a checkpoint noted; 0 begins anew."""
        self._files = {}
        for name in (METRICS, TIMING):
            path, length = folder / name, lengths.get(name, 0)
            folder.mkdir(parents=True, exist_ok=True)
            path.touch()
            if path.stat().st_size < length:
                raise TrainingError(
                    f"{path} is shorter than at the checkpoint ({path.stat().st_size} of {length} bytes). "
                    f"Delete {folder} to start anew."
                )
            os.truncate(path, length)
            self._files[name] = path.open("a", encoding="utf-8")

    def write(self, name: str, line: Mapping[str, Any]) -> None:
        """Appends a line."""
        self._files[name].write(json.dumps(line) + "\n")
        self._files[name].flush()

    def sync(self) -> dict[str, int]:
        """Makes the lines survive a power cut; the files' lengths in bytes for a checkpoint."""
        for file in self._files.values():
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def close(self) -> None:
        """Closes the files; they stay where they are."""
        for file in self._files.values():
            file.close()

    def copy_to(self, out: Path) -> None:
        """Copies both files into the artifact."""
        for name, file in self._files.items():
            shutil.copyfile(file.name, out / name)
