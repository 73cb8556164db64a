"""Which step's weights are the result: the last one's, or those of the best measurement (section 2.3).

The best weights so far lie beside the checkpoints, in a file of their step. A resumed run goes back to a checkpoint
that may be older than the best file, so a file stays for as long as a checkpoint on disk has it as its best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hornbook.errors import InputError, TrainingError
from hornbook.recipe import TrainConfig
from hornbook.train.checkpoint import DAMAGE, read_tensors, write_tensors

PATTERN = "best-*.safetensors"


@dataclass(frozen=True)
class Candidate:
    """A step whose weights were measured."""

    step: int
    measured: Mapping[str, Any]
    """As in `metrics.jsonl`: `validation` by source, `pass_at_1`, or one of them."""
    score: float
    """More is better."""


class Selection:
    """The candidate that a run would end with now."""

    def __init__(self, config: TrainConfig, shares: Mapping[str, float], has_probe: bool, folder: Path) -> None:
        """`shares`: by source, for each that has validation sequences. `folder`: where the checkpoints are.

        Raises InputError where what `config.select` goes by cannot be measured.
        """
        if config.select == "pass_at_1" and not has_probe:
            raise InputError("select 'pass_at_1' needs held-out problems, and this run was given none")
        if config.select == "validation_loss" and not shares:
            raise InputError("select 'validation_loss' needs validation sequences, and no source has any")
        self._select, self._shares, self._folder = config.select, shares, folder
        self._chosen: Candidate | None = None
        self._by_checkpoint: dict[int, int] = {}
        """By step of a checkpoint the step of the candidate that was chosen then."""

    def offer(self, step: int, measured: Mapping[str, Any]) -> bool:
        """Takes in a measurement; whether its step is chosen now and its weights must be kept."""
        score = self._score(step, measured)
        if score is None or (self._chosen is not None and score <= self._chosen.score):
            return False
        self._chosen = Candidate(step, dict(measured), score)
        return self._select != "last"

    def _score(self, step: int, measured: Mapping[str, Any]) -> float | None:
        """None for what is no candidate."""
        if self._select == "last":
            return step
        if self._select == "pass_at_1":
            return measured.get("pass_at_1")
        if "validation" not in measured:
            return None
        total = math.fsum(self._shares.values())
        loss = math.fsum(share / total * measured["validation"][source] for source, share in self._shares.items())
        return -loss if math.isfinite(loss) else None

    @property
    def chosen(self) -> Candidate:
        """The best candidate. Raises TrainingError where none had a score that is a number."""
        if self._chosen is None:
            raise TrainingError(f"no step can be selected: at none of them was the {self._select} a finite number")
        return self._chosen

    def facts(self) -> dict[str, int | float]:
        """The chosen step, its score where it was chosen by one, and all that was measured of its weights."""
        chosen = self.chosen
        facts: dict[str, int | float] = {"selected_step": chosen.step}
        if self._select != "last":
            facts[f"selected_{self._select}"] = abs(chosen.score)
        facts |= {f"validation_loss_{name}": loss for name, loss in chosen.measured.get("validation", {}).items()}
        if "pass_at_1" in chosen.measured:
            facts["heldout_pass_at_1"] = chosen.measured["pass_at_1"]
        return facts

    def keep(self, weights: Mapping[str, Tensor]) -> None:
        """Writes the chosen step's weights. Raises TrainingError where the disk does not take them."""
        step = self.chosen.step
        write_tensors(self._path(step), weights, {"step": str(step)}, f"best weights so far, of step {step}")
        self._discard_unneeded()

    def read(self) -> dict[str, Tensor]:
        """The chosen step's weights. Raises TrainingError where the file is not what was written."""
        path = self._path(self.chosen.step)
        try:
            return read_tensors(path)[0]
        except DAMAGE as error:
            raise TrainingError(
                f"{path}, the weights of step {self.chosen.step}, which has the best {self._select}, is missing or "
                f"damaged ({error}). Put the file back, or delete {self._folder} to train anew."
            ) from error

    def state(self, step: int) -> dict[str, Any]:
        """What the checkpoint of `step` keeps."""
        if self._chosen is not None:
            self._by_checkpoint[step] = self._chosen.step
        return {
            "chosen": asdict(self._chosen) if self._chosen else None,
            "by_checkpoint": list(self._by_checkpoint.items()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state` gave. Raises TrainingError where the weights that the run may end with are damaged."""
        self._chosen = Candidate(**state["chosen"]) if state["chosen"] else None
        self._by_checkpoint = dict(state["by_checkpoint"])
        if self._chosen and self._select != "last":
            self.read()

    def follow(self, checkpoints: Iterable[int]) -> None:
        """Takes in which checkpoints are on disk, and deletes the files that none of them goes back to."""
        self._by_checkpoint = {step: self._by_checkpoint[step] for step in checkpoints if step in self._by_checkpoint}
        self._discard_unneeded()

    def _discard_unneeded(self) -> None:
        chosen = [self._chosen.step] if self._chosen else []
        needed = {self._path(step) for step in (*self._by_checkpoint.values(), *chosen)}
        for path in self._folder.glob(PATTERN):
            if path not in needed:
                path.unlink()

    def _path(self, step: int) -> Path:
        return self._folder / f"best-{step:08d}.safetensors"
