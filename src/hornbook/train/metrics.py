"""The record of a run: `metrics.jsonl` and `samples.jsonl`, the same in every rerun, and `timing.jsonl`, which is not.

They grow in the folder that survives a kill; a resumed run cuts off what came after its checkpoint.
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
SAMPLES = "samples.jsonl"


class MetricLog:
    """Lines appended to the files."""

    def __init__(self, folder: Path, lengths: Mapping[str, int], is_kept: bool = True) -> None:
        """Opens the files in `folder`, cut to the lengths in bytes that a checkpoint noted; 0 begins anew.

        Where it is not kept nothing is written: of several processes that train together one keeps the record.
        """
        folder.mkdir(parents=True, exist_ok=True)
        names = (METRICS, TIMING, SAMPLES) if is_kept else ()
        self._files = {name: (folder / name).open("a", encoding="utf-8") for name in names}
        try:
            self.cut(lengths)
        except TrainingError:
            self.close()
            raise

    def cut(self, lengths: Mapping[str, int]) -> None:
        """Cuts the files to the lengths that a checkpoint noted. Raises TrainingError where one is shorter already."""
        for name, file in self._files.items():
            path, length = Path(file.name), lengths.get(name, 0)
            if path.stat().st_size < length:
                raise TrainingError(
                    f"{path} is shorter than at the checkpoint ({path.stat().st_size} of {length} bytes). "
                    f"Delete {path.parent} to start anew."
                )
            os.truncate(path, length)
            file.seek(0, os.SEEK_END)

    def write(self, name: str, line: Mapping[str, Any]) -> None:
        """Appends a line."""
        if name not in self._files:
            return
        self._files[name].write(json.dumps(line) + "\n")
        self._files[name].flush()

    def read(self) -> list[dict[str, Any]]:
        """The lines of the metrics so far, each with its speed."""
        timed = {line["step"]: line for line in self._lines(TIMING) if "tokens_per_s" in line}
        return [{**timed.get(line["step"], {}), **line} for line in self._lines(METRICS)]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        if name not in self._files:
            return []
        return [json.loads(line) for line in Path(self._files[name].name).read_text(encoding="utf-8").splitlines()]

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
        """Copies the files that hold anything into the artifact."""
        for name, file in self._files.items():
            if Path(file.name).stat().st_size:
                shutil.copyfile(file.name, out / name)
