"""How fast a run is, over the steps that this process has taken."""

from __future__ import annotations

from hornbook.train.hardware import model_flops_utilization
from hornbook.train.step import Stepper


class Speed:
    """Steps and the seconds that they took, validation included, evaluation and samples not."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._steps, self.seconds = 0, 0.0

    def add(self, seconds: float) -> None:
        """Counts a step."""
        self._steps += 1
        self.seconds += seconds

    @property
    def _steps_per_s(self) -> float:
        return self._steps / self.seconds if self.seconds else 0.0

    @property
    def tokens_per_s(self) -> float:
        """Of all processes, padding included."""
        return self._steps_per_s * self._stepper.config.tokens_per_step

    @property
    def flops_per_s(self) -> float:
        """Of all processes."""
        return self._steps_per_s * self._stepper.flops_per_step

    @property
    def mfu(self) -> float | None:
        """Share of the devices' peak; None where that is not known."""
        stepper = self._stepper
        per_device = self.flops_per_s / stepper.world.size
        return model_flops_utilization(per_device, stepper.device, stepper.model.compute_dtype)

    def __str__(self) -> str:
        mfu = self.mfu
        return f"{self.tokens_per_s:,.0f} tokens/s" + (f", MFU {mfu:.0%}" if mfu is not None else "")
