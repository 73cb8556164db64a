"""Going back from a bad step: to the last checkpoint, and on without the batches that led there.

Source: PaLM, Chowdhery et al. 2022, arXiv:2204.02311, section 5.1, which skipped some hundred batches around a spike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.errors import TrainingError
from hornbook.recipe import TrainConfig
from hornbook.run.distributed import World
from hornbook.train.checkpoint import Checkpoint, discard_after, load_latest
from hornbook.train.watch import BadStep


@dataclass(frozen=True)
class Rollback:
    """Where a run goes on, and what it leaves out."""

    number: int
    """From 1."""
    bad: BadStep
    checkpoint: Checkpoint
    batches_skipped: int
    """Over all rollbacks: from now on step n takes batch n + this many."""

    @property
    def num_left_out(self) -> int:
        """Batches that this rollback leaves out."""
        return self.batches_skipped - int(self.checkpoint.progress["batches_skipped"])

    def line(self) -> dict[str, Any]:
        """For `metrics.jsonl`."""
        return {
            "number": self.number,
            "bad_step": self.bad.step,
            "what": self.bad.what,
            "batches_left_out": self.num_left_out,
        }

    def __str__(self) -> str:
        return (
            f"at step {self.bad.step} {self.bad.what}: back to step {self.checkpoint.step}, leaving out "
            f"{self.num_left_out} batches; rollback {self.number}"
        )


def last_regular_step(step: int, config: TrainConfig) -> int:
    """The last step up to `step` that has a checkpoint of its own accord, not because Ctrl-C left one.

    A rollback goes there, so that a run that was stopped on its way ends as one that was not.
    """
    return step - step % config.checkpoint_every


def roll_back(
    bad: BadStep,
    label: str,
    config: TrainConfig,
    folder: Path,
    identity: Mapping[str, Any],
    progress: tuple[int, int],
    world: World,
) -> Rollback:
    """The way back from a bad step; `progress` is how many rollbacks there were and the batches skipped so far.

    Deletes the checkpoints after the one that it goes back to, since they lead to the same step.
    Raises TrainingError where `max_rollbacks` is used up, or no checkpoint is whole.
    """
    rollbacks, skipped = progress
    if rollbacks == config.max_rollbacks:
        after = f" after {rollbacks} rollbacks, which is max_rollbacks" if rollbacks else ""
        raise TrainingError(
            f"{label}: at step {bad.step} {bad.what}{after}. Lower learning_rate, raise warmup_steps, or allow (more) "
            f"rollbacks with max_rollbacks; checkpoints from before are in {folder}."
        )
    checkpoint = load_latest(folder, identity, last_regular_step(bad.step - 1, config), world)
    # The bad step's batch was number bad.step - 1 + skipped.
    next_skipped = bad.step + skipped - checkpoint.step if checkpoint is not None else 0
    if checkpoint is None or config.last_step + next_skipped > config.num_batches:
        raise TrainingError(
            f"{label}: at step {bad.step} {bad.what}, and the checkpoint to go back to is damaged. "
            f"Delete {folder} to start anew."
        )
    # Before anything else of the run is set back: after a kill no checkpoint may know more than the logs hold.
    if world.is_main:
        discard_after(folder, checkpoint.step)
    return Rollback(rollbacks + 1, bad, checkpoint, next_skipped)
