"""The training loop that pretraining and finetuning share (section 2.3).

Covers: low-precision products with fp32 weights, gradient accumulation, clipping, AdamW and Muon, exact resume,
validation loss per source, pass@1 on the way, metrics. Does not cover yet: several devices.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hornbook.errors import InputError, TrainingError
from hornbook.model.artifact import TOKENIZER, ModelArtifact, load_tokenizer, resolve_device, save_model
from hornbook.model.phi import Phi, flops_per_token, num_parameters
from hornbook.recipe import TrainConfig
from hornbook.run.artifact import RESUME, Fact, Facts
from hornbook.run.machine import Machine
from hornbook.run.progress import Meter, console, meter
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.batches import TrainingBatches, load_arrays, validation_batches
from hornbook.train.checkpoint import load_latest, pack_state, save_checkpoint, unpack_state
from hornbook.train.hardware import (
    compile_if_it_pays,
    compute_dtype,
    keep_freed_memory,
    micro_batch_size,
    model_flops_utilization,
)
from hornbook.train.interrupt import deferred_interrupt
from hornbook.train.loss import next_token_loss
from hornbook.train.metrics import METRICS, TIMING, MetricLog
from hornbook.train.optimizer import make_optimizers
from hornbook.train.probe import Probe
from hornbook.train.schedule import learning_rate_share

LOGGED_LINES = 200
"""About how many lines a run leaves in `metrics.jsonl`."""
SMOOTHING = 0.95
"""Decay of the moving average that is reported as the training loss."""


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
    run = _Run(label, model, tokens, config, out, machine, probe)
    try:
        with meter(label, config.last_step, "steps") as shown:
            run.train(shown)
        return run.finish()
    finally:
        run.log.close()


class _Run:
    """What a training run is made of, its state, and its steps."""

    def __init__(
        self,
        label: str,
        model: Phi,
        tokens: TokenizedCorpus,
        config: TrainConfig,
        out: Path,
        machine: Machine,
        probe: Probe | None = None,
    ) -> None:
        self.label, self.tokens, self.config, self.out, self.machine = label, tokens, config, out, machine
        self.probe = probe
        self.device = resolve_device(machine.device)
        _check_vocabulary(model, tokens, config)
        if self.device.type == "cpu":
            torch.set_num_threads(machine.workers)
            keep_freed_memory()
        self.model = model.to(self.device).train()
        self.model.compute_dtype = compute_dtype(config.precision, self.device)
        self.micro_batch = micro_batch_size(model, config, machine, self.device)
        self.batches = TrainingBatches(tokens, config)
        self.validation = validation_batches(tokens, config, self.micro_batch)
        self.optimizers = make_optimizers(model, config)
        self.peaks = [[float(group["lr"]) for group in optimizer.param_groups] for optimizer in self.optimizers]
        # Does nothing unless the products are fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.model.compute_dtype == torch.float16)
        # Makes the scale, which the scaler otherwise does when it scales a loss; here the loss does that itself.
        self.scaler.scale(torch.zeros((), device=self.device))
        self.flops_per_step = config.tokens_per_step * float(
            flops_per_token(model.config, model.vocab_size, config.sequence_length)
        )
        self.log_every = max(1, config.last_step // LOGGED_LINES)
        self.step = 0
        """Steps taken."""
        self.unchecked: list[Tensor] = []
        """(loss, gradient norm) of the last steps, still on the device: asking for each would stall a GPU."""
        self.window: list[tuple[float, float]] = []
        """The same of all steps since the last line of metrics, as numbers."""
        self.train_loss, self.best_train_loss = math.nan, math.inf
        self.validation_losses: dict[str, float] = {}
        self.pass_at_1: float | None = None
        self.steps_timed, self.seconds = 0, 0.0
        self.evaluation_seconds = 0.0
        """Of this process, for pass@1; not in `seconds`."""
        self.log = self._resume()
        flops_left = (config.last_step - self.step) * self.flops_per_step
        self.is_compiled = compile_if_it_pays(model, flops_left, machine, self.device)

    def train(self, shown: Meter) -> None:
        """Takes all steps that are left. Ctrl-C ends the step and leaves a checkpoint."""
        config = self.config
        shown.resume_at(self.step)
        with deferred_interrupt() as was_interrupted:
            while self.step < config.last_step:
                started = time.perf_counter()
                self._first_step() if self.steps_timed == 0 else self._take_step()
                is_last = self.step == config.last_step
                must_save = was_interrupted() or (self.step % config.checkpoint_every == 0 and not is_last)
                must_validate = self.step % config.validate_every == 0 or is_last
                must_evaluate = self.probe is not None and (self.step % config.evaluate_every == 0 or is_last)
                must_log = must_validate or must_evaluate or self.step % self.log_every == 0
                if must_log or must_save:
                    self._check_losses()
                if must_validate:
                    self._validate()
                self.seconds += time.perf_counter() - started
                self.steps_timed += 1
                measured: dict[str, Any] = {"validation": self.validation_losses} if must_validate else {}
                if must_evaluate:
                    measured["pass_at_1"] = self._evaluate()
                if must_log:
                    self._write_metrics(measured)
                shown.advance(note=f"loss {self.train_loss:.3f}, {self.tokens_per_s:,.0f} tokens/s")
                if must_save:
                    self._save()
                if was_interrupted():
                    console.print(f"  {self.label}: stopped after step {self.step}; run again to go on from there")
                    raise KeyboardInterrupt

    def _first_step(self) -> None:
        """A step that falls back to eager where compiling fails; nothing has changed by then."""
        if not self.is_compiled:
            self._take_step()
            return
        from torch._dynamo.exc import TorchDynamoException
        from torch._inductor.exc import InductorError

        try:
            self._take_step()
        except (TorchDynamoException, InductorError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            console.print(f"[yellow]! torch.compile failed ({reason}): training eagerly[/yellow]")
            self.model.run_eagerly()
            self.is_compiled = False
            self._zero_gradients()
            self._take_step()

    def _take_step(self) -> None:
        config = self.config
        # Dropout is a function of the step, so that a resumed run needs no generator's state.
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        share = learning_rate_share(self.step, config)
        for optimizer, peaks in zip(self.optimizers, self.peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * share
        batch = self.batches[self.step]
        per_target = 1.0 / max(1, batch.num_targets)
        loss_scale = self.scaler.get_scale()
        loss = torch.zeros((), device=self.device)
        for micro in batch.to(self.device).split(self.micro_batch):
            scaled = self._loss(micro.inputs, micro.targets, per_target * loss_scale)
            scaled.backward()  # type: ignore[no-untyped-call]
            loss += scaled.detach()
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.gradient_clip or math.inf)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        self._zero_gradients()
        self.unchecked.append(torch.stack((loss / loss_scale, norm.float())))
        self.step += 1

    def _zero_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _loss(self, inputs: Tensor, targets: Tensor, scale: float) -> Tensor:
        model = self.model
        hidden = model.hidden(inputs.to(self.device))
        targets = targets.to(self.device).flatten()
        head = (model.head_weight, model.lm_head_bias)
        # On a CPU the eager loss is as fast.
        is_compiled = self.is_compiled and self.device.type != "cpu"
        return next_token_loss(hidden.flatten(0, 1), *head, targets, scale, is_compiled)

    def _check_losses(self) -> None:
        """Brings the last losses to the CPU. Raises TrainingError naming the first step that is not finite."""
        if not self.unchecked:
            return
        first = self.step - len(self.unchecked) + 1
        for step, (loss, norm) in enumerate(torch.stack(self.unchecked).tolist(), start=first):
            # Under fp16 a gradient that overflows is skipped by the scaler, which then scales less.
            if not math.isfinite(loss) or not (math.isfinite(norm) or self.scaler.is_enabled()):
                what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
                raise TrainingError(
                    f"{self.label}: at step {step} {what}. Lower learning_rate or raise warmup_steps; checkpoints from "
                    f"before are in {self.out / RESUME}."
                )
            self.window.append((loss, norm))
            self.train_loss = (
                loss if math.isnan(self.train_loss) else SMOOTHING * self.train_loss + (1 - SMOOTHING) * loss
            )
            self.best_train_loss = min(self.best_train_loss, self.train_loss)
        self.unchecked = []

    @torch.no_grad()
    def _validate(self) -> None:
        self.model.eval()
        for source, batches in self.validation.items():
            num_targets = max(1, sum(batch.num_targets for batch in batches))
            losses = [self._loss(batch.inputs, batch.targets, 1 / num_targets) for batch in batches]
            self.validation_losses[source] = float(torch.stack(losses).sum())
        self.model.train()

    def _evaluate(self) -> float:
        """pass@1 on held-out problems, and what it cost in the log."""
        assert self.probe is not None
        tokenizer = load_tokenizer(self.tokens.folder / TOKENIZER)
        measured = self.probe.measure(self.model, tokenizer, f"{self.label} at step {self.step}")
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
        losses, norms = zip(*self.window, strict=True)
        line = {
            "step": self.step,
            "tokens": self.step * self.config.tokens_per_step,
            "loss": statistics.fmean(losses),
            "learning_rate": self.config.learning_rate * learning_rate_share(self.step - 1, self.config),
            "grad_norm": statistics.fmean(norms),
            **measured,
        }
        self.log.write(METRICS, line)
        self.log.write(TIMING, {"step": self.step, "seconds": self.seconds, "tokens_per_s": self.tokens_per_s})
        self.window = []

    @property
    def tokens_per_s(self) -> float:
        """Since this process began, validation included."""
        return self.steps_timed * self.config.tokens_per_step / self.seconds if self.seconds else 0.0

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree on to be gone on from."""
        sources = {name: len(array.tokens) for name, array in load_arrays(self.tokens, self.config, "train").items()}
        return {
            **{f"{self.label}.{name}": value for name, value in self.config.model_dump(mode="json").items()},
            **{f"model.{name}": value for name, value in self.model.config.model_dump(mode="json").items()},
            "vocab_size": self.model.vocab_size,
            "tokens": sources,
        }

    def _save(self) -> None:
        progress = {
            "window": self.window,
            "train_loss": self.train_loss,
            "best_train_loss": self.best_train_loss,
            "validation_losses": self.validation_losses,
            "pass_at_1": self.pass_at_1,
            "scaler": self.scaler.state_dict(),
            "log": self.log.sync(),
        }
        save_checkpoint(
            self.out / RESUME, self.step, pack_state(self.model, self.optimizers), self._identity(), progress
        )

    def _resume(self) -> MetricLog:
        checkpoint = load_latest(self.out / RESUME, self._identity())
        if checkpoint is None:
            return MetricLog(self.out / RESUME, {})
        unpack_state(checkpoint, self.model, self.optimizers)
        progress = checkpoint.progress
        self.step = checkpoint.step
        self.window = [(loss, norm) for loss, norm in progress["window"]]
        self.train_loss, self.best_train_loss = progress["train_loss"], progress["best_train_loss"]
        self.validation_losses = dict(progress["validation_losses"])
        self.pass_at_1 = progress["pass_at_1"]
        self.scaler.load_state_dict(dict(progress["scaler"]))
        console.print(f"  {self.label}: going on from step {self.step} of {self.config.last_step}")
        return MetricLog(self.out / RESUME, progress["log"])

    def finish(self) -> ModelArtifact:
        """Writes the model and the metrics into the artifact."""
        model = self.model
        save_model(self.out, model, self.tokens.eos_token_id, self.tokens.folder / TOKENIZER)
        self.log.copy_to(self.out)
        flops_per_s = self.flops_per_step * self.steps_timed / self.seconds if self.seconds else 0.0
        metrics: dict[str, Fact] = {
            "parameters": num_parameters(model.config, model.vocab_size),
            "steps": self.step,
            "tokens": self.step * self.config.tokens_per_step,
            "train_loss": self.train_loss,
            "best_train_loss": self.best_train_loss,
            **{f"validation_loss_{source}": loss for source, loss in self.validation_losses.items()},
            **{f"epochs_{source}": round(epochs, 3) for source, epochs in self.batches.epochs().items()},
            "documents_cut": self.batches.documents_cut,
            "padding_share": round(self.batches.padding_share, 4),
            "precision": str(model.compute_dtype).removeprefix("torch."),
            "compiled": self.is_compiled,
            "tokens_per_s": round(self.tokens_per_s),
            "gflops_per_s": round(flops_per_s / 1e9, 1),
            "mfu": model_flops_utilization(flops_per_s, self.device, model.compute_dtype),
            "training_s": round(self.seconds, 1),
        }
        if self.probe is not None:
            metrics |= {"heldout_pass_at_1": self.pass_at_1, "evaluation_s": round(self.evaluation_seconds, 1)}
        return ModelArtifact(self.out, Facts(metrics=metrics))


def _check_vocabulary(model: Phi, tokens: TokenizedCorpus, config: TrainConfig) -> None:
    for source, array in load_arrays(tokens, config, "train").items():
        largest = int(array.tokens.max())
        if largest >= model.vocab_size:
            raise InputError(
                f"source {source!r} has the token {largest}, but the model's vocabulary is {model.vocab_size}: "
                "it was made with another tokenizer"
            )
