"""The training loop that pretraining and finetuning share (section 2.3).

What happens when: steps, validation loss per source, pass@1 on the way, metrics, checkpoints, exact resume. What a step
is stands in `hornbook.train.step`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hornbook.errors import TrainingError
from hornbook.model.artifact import TOKENIZER, ModelArtifact, load_tokenizer, save_model
from hornbook.model.phi import Phi, num_parameters
from hornbook.recipe import TrainConfig
from hornbook.run.artifact import RESUME, Fact, Facts
from hornbook.run.machine import Machine
from hornbook.run.progress import Meter, console, meter
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.batches import load_arrays
from hornbook.train.checkpoint import load_latest, save_checkpoint
from hornbook.train.hardware import model_flops_utilization
from hornbook.train.interrupt import deferred_interrupt
from hornbook.train.metrics import METRICS, TIMING, MetricLog
from hornbook.train.probe import Probe
from hornbook.train.schedule import learning_rate_share
from hornbook.train.step import Stepper
from hornbook.train.watch import LossWatch

LOGGED_LINES = 200
"""About how many lines a run leaves in `metrics.jsonl`."""


def train(
    label: str,
    model: Phi,
    tokens: TokenizedCorpus,
    config: TrainConfig,
    out: Path,
    machine: Machine,
    probe: Probe | None = None,
) -> ModelArtifact:
    """Trains `model` in place and leaves it in `out`; goes on from the last checkpoint in `out` where there is one.

    `probe` measures pass@1 every `evaluate_every` steps.
    Raises RecipeError, InputError or TrainingError that says what does not fit.
    """
    run = _Run(label, Stepper(model, tokens, config, machine), tokens, out, probe)
    try:
        with meter(label, config.last_step, "steps") as shown:
            run.train(shown)
        return run.finish()
    finally:
        run.log.close()


class _Run:
    """A training run's place in its steps, and all that is measured on the way."""

    def __init__(
        self, label: str, stepper: Stepper, tokens: TokenizedCorpus, out: Path, probe: Probe | None = None
    ) -> None:
        self.label, self.stepper, self.tokens, self.out, self.probe = label, stepper, tokens, out, probe
        self.config = stepper.config
        self.log_every = max(1, self.config.last_step // LOGGED_LINES)
        self.step = 0
        """Steps taken."""
        self.watch = LossWatch(norm_may_overflow=stepper.scaler.is_enabled())
        self.validation_losses: dict[str, float] = {}
        self.pass_at_1: float | None = None
        self.steps_timed, self.seconds = 0, 0.0
        self.evaluation_seconds = 0.0
        """Of this process, for pass@1; not in `seconds`."""
        self.log = self._resume()
        stepper.compile_for(self.config.last_step - self.step)

    def train(self, shown: Meter) -> None:
        """Takes all steps that are left. Ctrl-C ends the step and leaves a checkpoint."""
        config = self.config
        shown.resume_at(self.step)
        with deferred_interrupt() as was_interrupted:
            while self.step < config.last_step:
                started = time.perf_counter()
                self.watch.add(self.stepper.take(self.step))
                self.step += 1
                is_last = self.step == config.last_step
                must_save = was_interrupted() or (self.step % config.checkpoint_every == 0 and not is_last)
                must_validate = self.step % config.validate_every == 0 or is_last
                must_evaluate = self.probe is not None and (self.step % config.evaluate_every == 0 or is_last)
                must_log = must_validate or must_evaluate or self.step % self.log_every == 0
                if must_log or must_save:
                    self._check_losses()
                if must_validate:
                    self.validation_losses |= self.stepper.validation_losses()
                self.seconds += time.perf_counter() - started
                self.steps_timed += 1
                measured: dict[str, Any] = {"validation": self.validation_losses} if must_validate else {}
                if must_evaluate:
                    measured["pass_at_1"] = self._evaluate()
                if must_log:
                    self._write_metrics(measured)
                shown.advance(note=f"loss {self.watch.train_loss:.3f}, {self.tokens_per_s:,.0f} tokens/s")
                if must_save:
                    self._save()
                if was_interrupted():
                    console.print(f"  {self.label}: stopped after step {self.step}; run again to go on from there")
                    raise KeyboardInterrupt

    def _check_losses(self) -> None:
        """Raises TrainingError naming the first step that is not finite."""
        bad = self.watch.check(self.step)
        if bad is not None:
            raise TrainingError(
                f"{self.label}: at step {bad.step} {bad.what}. Lower learning_rate or raise warmup_steps; checkpoints "
                f"from before are in {self.out / RESUME}."
            )

    def _evaluate(self) -> float:
        """pass@1 on held-out problems, and what it cost in the log."""
        assert self.probe is not None
        tokenizer = load_tokenizer(self.tokens.folder / TOKENIZER)
        measured = self.probe.measure(self.stepper.model, tokenizer, f"{self.label} at step {self.step}")
        seconds = measured.generation_s + measured.execution_s
        self.evaluation_seconds += seconds
        self.pass_at_1 = measured.pass_at_1
        console.print(
            f"  {self.label}: step {self.step}: pass@1 {measured.pass_at_1:.1%} on {measured.num_problems} held-out "
            f"problems; {measured.generation_s:.1f} s to write them, {measured.execution_s:.1f} s to run them"
        )
        self.log.write(TIMING, {"step": self.step, "evaluation_s": seconds, **asdict(measured)})
        return measured.pass_at_1

    def _write_metrics(self, measured: Mapping[str, Any]) -> None:
        loss, norm = self.watch.end_window()
        line = {
            "step": self.step,
            "tokens": self.step * self.config.tokens_per_step,
            "loss": loss,
            "learning_rate": self.config.learning_rate * learning_rate_share(self.step - 1, self.config),
            "grad_norm": norm,
            **measured,
        }
        self.log.write(METRICS, line)
        self.log.write(TIMING, {"step": self.step, "seconds": self.seconds, "tokens_per_s": self.tokens_per_s})

    @property
    def tokens_per_s(self) -> float:
        """Since this process began, validation included."""
        return self.steps_timed * self.config.tokens_per_step / self.seconds if self.seconds else 0.0

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree on to be gone on from."""
        sources = {name: len(array.tokens) for name, array in load_arrays(self.tokens, self.config, "train").items()}
        model = self.stepper.model
        return {
            **{f"{self.label}.{name}": value for name, value in self.config.model_dump(mode="json").items()},
            **{f"model.{name}": value for name, value in model.config.model_dump(mode="json").items()},
            "vocab_size": model.vocab_size,
            "tokens": sources,
        }

    def _save(self) -> None:
        tensors, plain = self.stepper.state()
        progress = {
            **plain,
            **self.watch.state(),
            "validation_losses": self.validation_losses,
            "pass_at_1": self.pass_at_1,
            "log": self.log.sync(),
        }
        save_checkpoint(self.out / RESUME, self.step, tensors, self._identity(), progress)

    def _resume(self) -> MetricLog:
        checkpoint = load_latest(self.out / RESUME, self._identity())
        if checkpoint is None:
            return MetricLog(self.out / RESUME, {})
        progress = checkpoint.progress
        self.stepper.restore(checkpoint)
        self.watch.restore(progress)
        self.step = checkpoint.step
        self.validation_losses = dict(progress["validation_losses"])
        self.pass_at_1 = progress["pass_at_1"]
        console.print(f"  {self.label}: going on from step {self.step} of {self.config.last_step}")
        return MetricLog(self.out / RESUME, progress["log"])

    def finish(self) -> ModelArtifact:
        """Writes the model and the metrics into the artifact."""
        stepper, model = self.stepper, self.stepper.model
        save_model(self.out, model, self.tokens.eos_token_id, self.tokens.folder / TOKENIZER)
        self.log.copy_to(self.out)
        flops_per_s = stepper.flops_per_step * self.steps_timed / self.seconds if self.seconds else 0.0
        metrics: dict[str, Fact] = {
            "parameters": num_parameters(model.config, model.vocab_size),
            "steps": self.step,
            "tokens": self.step * self.config.tokens_per_step,
            "train_loss": self.watch.train_loss,
            "best_train_loss": self.watch.best_train_loss,
            **{f"validation_loss_{source}": loss for source, loss in self.validation_losses.items()},
            **{f"epochs_{source}": round(epochs, 3) for source, epochs in stepper.batches.epochs().items()},
            "documents_cut": stepper.batches.documents_cut,
            "padding_share": round(stepper.batches.padding_share, 4),
            "precision": str(model.compute_dtype).removeprefix("torch."),
            "compiled": stepper.is_compiled,
            "tokens_per_s": round(self.tokens_per_s),
            "gflops_per_s": round(flops_per_s / 1e9, 1),
            "mfu": model_flops_utilization(flops_per_s, stepper.device, model.compute_dtype),
            "training_s": round(self.seconds, 1),
        }
        if self.probe is not None:
            metrics |= {"heldout_pass_at_1": self.pass_at_1, "evaluation_s": round(self.evaluation_seconds, 1)}
        return ModelArtifact(self.out, Facts(metrics=metrics))
