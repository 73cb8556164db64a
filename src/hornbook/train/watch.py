"""The losses of a run: brought from the device now and then, averaged, and checked for what must not go on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SMOOTHING = 0.95
"""Decay of the moving average that is reported as the training loss."""


@dataclass(frozen=True)
class BadStep:
    """A step whose outcome must not be built upon."""

    step: int
    """Counted from 1, as in the log."""
    what: str
    """What was wrong with it, for a sentence."""


class LossWatch:
    """Takes in each step's loss and gradient norm; knows them as numbers once `check` was called."""

    def __init__(self, norm_may_overflow: bool, spike_factor: float = 0.0, warmup_steps: int = 0) -> None:
        """`norm_may_overflow`: under fp16 the scaler skips a gradient that overflows, and then scales less.

        After the warmup a loss of more than `spike_factor` times the moving average is bad; 0 turns that off.
        """
        self._norm_may_overflow = norm_may_overflow
        self._spike_factor, self._warmup_steps = spike_factor, warmup_steps
        self._unchecked: list[Tensor] = []
        """(loss, gradient norm) of the last steps, still on the device: asking for each would stall a GPU."""
        self._window: list[tuple[float, float]] = []
        """The same of all steps since the last line of metrics, as numbers."""
        self.train_loss, self.best_train_loss = math.nan, math.inf
        """A moving average, and the lowest that it was."""

    def add(self, loss_and_norm: Tensor) -> None:
        """Takes in a step."""
        self._unchecked.append(loss_and_norm)

    def check(self, last_step: int) -> BadStep | None:
        """Brings the losses of the steps up to `last_step` to the CPU; the first step that is bad, if any."""
        if not self._unchecked:
            return None
        first = last_step - len(self._unchecked) + 1
        pairs: list[list[float]] = torch.stack(self._unchecked).tolist()
        self._unchecked = []
        for step, (loss, norm) in enumerate(pairs, start=first):
            what = self._fault(step, loss, norm)
            if what:
                return BadStep(step, what)
            self._window.append((loss, norm))
            is_first = math.isnan(self.train_loss)
            self.train_loss = loss if is_first else SMOOTHING * self.train_loss + (1 - SMOOTHING) * loss
            self.best_train_loss = min(self.best_train_loss, self.train_loss)
        return None

    def _fault(self, step: int, loss: float, norm: float) -> str:
        """What is wrong with a step; empty where nothing is."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(norm) and not self._norm_may_overflow:
            return f"the gradient's norm is {norm}, and the loss {loss:.3f}"
        factor, average = self._spike_factor, self.train_loss
        # Never more than an average that is not there yet, which is NaN.
        if factor and step > self._warmup_steps and loss > factor * average:
            return f"the loss is {loss:.3f}, more than {factor:g} times its average of {average:.3f}"
        return ""

    def end_window(self) -> tuple[float, float]:
        """The mean loss and gradient norm of the steps that were checked since this was last called."""
        losses, norms = zip(*self._window, strict=True)
        self._window = []
        return statistics.fmean(losses), statistics.fmean(norms)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps; all steps must be checked."""
        assert not self._unchecked
        return {"window": self._window, "train_loss": self.train_loss, "best_train_loss": self.best_train_loss}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state` gave."""
        self._unchecked = []
        self._window = [(loss, norm) for loss, norm in state["window"]]
        self.train_loss, self.best_train_loss = state["train_loss"], state["best_train_loss"]
