"""pass@1 of a model while it is trained, on held-out problems, with the weights that training holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

import torch
from tokenizers import Tokenizer

from hornbook.errors import InputError
from hornbook.evaluate.evaluate import answer, judge, limits_of
from hornbook.evaluate.problem_sets.heldout import from_exercises
from hornbook.model.phi import Phi
from hornbook.recipe import EvaluateConfig, TrainConfig
from hornbook.run.datasets import Exercises
from hornbook.run.machine import Machine


@dataclass(frozen=True)
class Measured:
    """One measurement."""

    pass_at_1: float
    num_problems: int
    generation_s: float
    execution_s: float


class Probe:
    """Completes and runs the same held-out problems each time, by the protocol of the evaluate stage."""

    def __init__(self, exercises: Exercises, config: EvaluateConfig, num_problems: int, machine: Machine) -> None:
        """Takes the first `num_problems`. Raises InputError where there is none."""
        problem_set = from_exercises(exercises)
        if not problem_set.problems:
            raise InputError(
                "evaluate_every asks for pass@1 on held-out problems, and there are none: set "
                "write_exercises.num_heldout, or evaluate_every=0"
            )
        self._problem_set = replace(problem_set, problems=problem_set.problems[:num_problems])
        self._config = config.model_copy(update={"samples_per_problem": 1, "temperature": 0.0})
        self._machine = machine

    @classmethod
    def of(
        cls,
        exercises: Exercises | None,
        evaluation: EvaluateConfig | None,
        config: TrainConfig,
        machine: Machine,
    ) -> Self | None:
        """What a training section asks for; None where it asks for nothing, or for what is not there to be asked."""
        if not config.evaluate_every or exercises is None or evaluation is None:
            return None
        return cls(exercises, evaluation, config.evaluate_problems, machine)

    def measure(self, model: Phi, tokenizer: Tokenizer, label: str) -> Measured:
        """Greedy pass@1; the model is left in the mode that it was in, and no state of training changes."""
        started = time.monotonic()
        with evaluating(model):
            answers, _ = answer(_OpenModel(model, tokenizer), self._problem_set, self._config, 0, label, self._machine)
        generated = time.monotonic()
        total = judge(self._problem_set, answers, label, limits_of(self._config), self._machine, 0).score.total
        return Measured(total.pass_at_1, total.num_problems, generated - started, time.monotonic() - generated)


@dataclass(frozen=True)
class _OpenModel:
    """A model in memory where a model on disk is expected: its weights are not copied."""

    model: Phi
    opened: Tokenizer

    def load_model(self, device: str = "auto") -> Phi:
        """The model itself; `device` is where it is."""
        return self.model

    def tokenizer(self) -> Tokenizer:
        """The tokenizer itself."""
        return self.opened


@contextmanager
def evaluating(model: Phi) -> Iterator[None]:
    """Generates with a model that is in training, which is left in the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
