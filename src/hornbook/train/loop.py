"""The training loop that pretraining and finetuning share (section 2.3).

What happens when: steps, validation loss per source, pass@1 and samples on the way, metrics, checkpoints, exact resume,
going back from a bad step. What is done then stands in the modules beside this one, a step itself in
`hornbook.train.step`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hornbook.model.artifact import TOKENIZER, ModelArtifact, load_tokenizer, save_model
from hornbook.model.phi import Phi, num_parameters
from hornbook.recipe import TrainConfig
from hornbook.run.artifact import RESUME, Fact, Facts
from hornbook.run.machine import Machine
from hornbook.run.progress import Meter, console, meter
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.batches import load_arrays
from hornbook.train.checkpoint import Checkpoint, load_latest, save_checkpoint
from hornbook.train.interrupt import deferred_interrupt
from hornbook.train.metrics import METRICS, SAMPLES, TIMING, MetricLog
from hornbook.train.probe import Measured, Probe
from hornbook.train.rollback import last_regular_step, roll_back
from hornbook.train.samples import Sampler, show
from hornbook.train.schedule import learning_rate_share
from hornbook.train.selection import Selection
from hornbook.train.speed import Speed
from hornbook.train.step import Stepper
from hornbook.train.trackers import Trackers
from hornbook.train.watch import BadStep, LossWatch

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
    """Trains `model` in place and leaves the weights that `config.select` asks for in `out`.

    Goes on from the last checkpoint in `out` where there is one. `probe` measures pass@1 every `evaluate_every` steps.
    Raises RecipeError, InputError or TrainingError that says what does not fit.
    """
    with contextlib.ExitStack() as opened:
        run = _Run(label, Stepper(model, tokens, config, machine), tokens, out, probe, opened)
        with meter(label, config.last_step, "steps") as shown:
            run.train(shown)
        return run.finish()


@dataclass(frozen=True)
class _Due:
    """What follows a step."""

    validate: bool
    evaluate: bool
    log: bool
    sample: bool
    save: bool


class _Run:
    """A training run's place in its steps, and all that is measured on the way."""

    def __init__(
        self,
        label: str,
        stepper: Stepper,
        tokens: TokenizedCorpus,
        out: Path,
        probe: Probe | None,
        opened: contextlib.ExitStack,
    ) -> None:
        """Leaves the logs and the trackers in `opened`, to be closed."""
        self.label, self.stepper, self.tokens, self.out, self.probe = label, stepper, tokens, out, probe
        self.config = config = stepper.config
        self.world = stepper.world
        self.log_every = max(1, config.last_step // LOGGED_LINES)
        self.step = 0
        """Steps taken."""
        self.rollbacks = 0
        self.watch = LossWatch(stepper.scaler.is_enabled(), config.spike_factor, config.warmup_steps)
        shares = {source: stepper.batches.shares[source] for source in stepper.validation}
        self.selection = Selection(config, shares, probe is not None, out / RESUME)
        self.sampler = Sampler(tokens, config, stepper.model.config.max_position_embeddings)
        self.speed = Speed(stepper)
        self.evaluation_seconds = 0.0
        """Of this process, for pass@1."""
        self.log = opened.enter_context(contextlib.closing(self._resume()))
        trackers = Trackers(config, out, stepper.machine, history=self.log.read())
        self.trackers = opened.enter_context(contextlib.closing(trackers))
        stepper.compile_for(config.last_step - self.step)

    def train(self, shown: Meter) -> None:
        """Takes all steps that are left. Ctrl-C ends the step and leaves a checkpoint."""
        config = self.config
        shown.resume_at(self.step)
        if self.step == 0 and config.max_rollbacks:
            self._save()
        with deferred_interrupt() as was_interrupted:
            while self.step < config.last_step:
                started = time.perf_counter()
                self.watch.add(self.stepper.take(self.step))
                self.step += 1
                interrupted = self.world.agree(was_interrupted())
                due = self._due(interrupted)
                bad = self.watch.check(self.step) if due.log or due.save else None
                if bad is not None:
                    self._go_back(bad)
                    shown.resume_at(self.step)
                    continue
                measured: dict[str, Any] = {}
                if due.validate:
                    measured["validation"] = self.stepper.validation_losses()
                self.speed.add(time.perf_counter() - started)
                if due.evaluate:
                    measured["pass_at_1"] = self._evaluate()
                if measured and self.selection.offer(self.step, measured):
                    self._keep_weights()
                if due.log:
                    self._write_metrics(measured)
                if due.sample:
                    self._sample()
                shown.advance(note=f"loss {self.watch.train_loss:.3f}, {self.speed}")
                if due.save:
                    self._save()
                if interrupted:
                    console.print(f"  {self.label}: stopped after step {self.step}; run again to go on from there")
                    raise KeyboardInterrupt

    def _due(self, interrupted: bool) -> _Due:
        config, is_last = self.config, self.step == self.config.last_step

        def each(steps: int) -> bool:
            return steps > 0 and (self.step % steps == 0 or is_last)

        validate = each(config.validate_every)
        evaluate = self.probe is not None and each(config.evaluate_every)
        return _Due(
            validate,
            evaluate,
            log=validate or evaluate or self.step % self.log_every == 0,
            sample=each(config.sample_every),
            save=interrupted or (self.step % config.checkpoint_every == 0 and not is_last),
        )

    def _go_back(self, bad: BadStep) -> None:
        """Goes on from a checkpoint without the batches that led to the bad step; the logs tell of it."""
        so_far = self.rollbacks, self.stepper.batches_skipped
        back = roll_back(bad, self.label, self.config, self.out / RESUME, self._identity(), so_far, self.world)
        self._restore(back.checkpoint)
        self.rollbacks, self.stepper.batches_skipped = back.number, back.batches_skipped
        self.log.cut(back.checkpoint.progress["log"])
        self.log.write(METRICS, {"step": self.step, "tokens": self._tokens, "rollback": back.line()})
        self.trackers.go_back(self.step)
        console.print(f"[yellow]! {self.label}: {back} of {self.config.max_rollbacks}[/yellow]")
        self._save()

    def _evaluate(self) -> float:
        """pass@1 on held-out problems, by the main process, and what it cost in the log."""
        assert self.probe is not None
        model = self.stepper.whole_model()
        measured: Measured | None = None
        if self.world.is_main:
            tokenizer = load_tokenizer(self.tokens.folder / TOKENIZER)
            measured = self.probe.measure(model, tokenizer, f"{self.label} at step {self.step}")
        measured = self.world.broadcast(measured)
        assert measured is not None
        seconds = measured.generation_s + measured.execution_s
        self.evaluation_seconds += seconds
        console.print(
            f"  {self.label}: step {self.step}: pass@1 {measured.pass_at_1:.1%} on {measured.num_problems} held-out "
            f"problems; {measured.generation_s:.1f} s to write them, {measured.execution_s:.1f} s to run them"
        )
        self.log.write(TIMING, {"step": self.step, "evaluation_s": seconds, **asdict(measured)})
        return measured.pass_at_1

    def _sample(self) -> None:
        model = self.stepper.whole_model()
        if self.world.is_main:
            samples = self.sampler.sample(model)
            show(self.label, self.step, samples)
            for sample in samples:
                self.log.write(SAMPLES, sample.line(self.step))
        # The others wait here, and not in the next step's sums, whose patience is short.
        self.world.barrier()

    def _keep_weights(self) -> None:
        weights = self.stepper.weights()
        if self.world.is_main:
            self.selection.keep(weights)
        self.world.barrier()

    def _write_metrics(self, measured: Mapping[str, Any]) -> None:
        loss, norm = self.watch.end_window()
        line = {
            "step": self.step,
            "tokens": self._tokens,
            "loss": loss,
            "learning_rate": self.config.learning_rate * learning_rate_share(self.step - 1, self.config),
            "grad_norm": norm,
            **({"rollbacks": self.rollbacks} if self.config.max_rollbacks else {}),
            **measured,
        }
        speed = {"tokens_per_s": self.speed.tokens_per_s, "mfu": self.speed.mfu}
        self.log.write(METRICS, line)
        self.log.write(TIMING, {"step": self.step, "seconds": self.speed.seconds, **speed})
        self.trackers.log({**line, **speed})

    @property
    def _tokens(self) -> int:
        return self.step * self.config.tokens_per_step

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
            "selection": self.selection.state(self.step),
            "rollbacks": self.rollbacks,
            "log": self.log.sync(),
        }
        keep = last_regular_step(self.step, self.config) if self.config.max_rollbacks else None
        if self.world.is_main:
            kept = save_checkpoint(self.out / RESUME, self.step, tensors, self._identity(), progress, keep)
            self.selection.follow(kept)
        self.world.barrier()

    def _resume(self) -> MetricLog:
        checkpoint = load_latest(self.out / RESUME, self._identity(), world=self.world)
        if checkpoint is None:
            return MetricLog(self.out / RESUME, {}, self.world.is_main)
        self._restore(checkpoint)
        console.print(f"  {self.label}: going on from step {self.step} of {self.config.last_step}")
        return MetricLog(self.out / RESUME, checkpoint.progress["log"], self.world.is_main)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.stepper.restore(checkpoint)
        self.watch.restore(checkpoint.progress)
        self.selection.restore(checkpoint.progress["selection"])
        self.rollbacks = int(checkpoint.progress["rollbacks"])
        self.step = checkpoint.step

    def finish(self) -> ModelArtifact:
        """Writes the selected weights, the metrics and the samples into the artifact."""
        stepper, model, chosen = self.stepper, self.stepper.model, self.selection.chosen
        if chosen.step != self.step:
            stepper.load_weights(self.selection.read())
        whole = stepper.whole_model()
        if self.world.is_main:
            save_model(self.out, whole, self.tokens.eos_token_id, self.tokens.folder / TOKENIZER)
        self.log.copy_to(self.out)
        metrics: dict[str, Fact] = {
            "parameters": num_parameters(model.config, model.vocab_size),
            "steps": self.step,
            "tokens": self._tokens,
            "train_loss": self.watch.train_loss,
            "best_train_loss": self.watch.best_train_loss,
            **self.selection.facts(),
            **{f"epochs_{source}": round(epochs, 3) for source, epochs in stepper.batches.epochs().items()},
            "documents_cut": stepper.batches.documents_cut,
            "padding_share": round(stepper.batches.padding_share, 4),
            "rollbacks": self.rollbacks,
            "batches_skipped": stepper.batches_skipped,
            "precision": str(model.compute_dtype).removeprefix("torch."),
            "compiled": stepper.is_compiled,
            "processes": self.world.size,
            "sharded": stepper.is_sharded,
            "tokens_per_s": round(self.speed.tokens_per_s),
            "gflops_per_s": round(self.speed.flops_per_s / 1e9, 1),
            "mfu": self.speed.mfu,
            "training_s": round(self.speed.seconds, 1),
        }
        if self.probe is not None:
            metrics["evaluation_s"] = round(self.evaluation_seconds, 1)
        return ModelArtifact(self.out, Facts(metrics=metrics))
