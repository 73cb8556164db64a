"""One optimizer step: a batch in micro-batches, the gradient clipped, the optimizers at their rates.

Covers: low-precision products with fp32 weights, fp16's loss scaling, gradient accumulation, `torch.compile` with a
fall-back to eager.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hornbook.errors import InputError
from hornbook.model.artifact import resolve_device
from hornbook.model.phi import Phi, flops_per_token
from hornbook.recipe import TrainConfig
from hornbook.run.machine import Machine
from hornbook.run.progress import console
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.batches import TrainingBatches, load_arrays, validation_batches
from hornbook.train.checkpoint import Checkpoint, pack_state, unpack_state
from hornbook.train.hardware import compile_if_it_pays, compute_dtype, keep_freed_memory, micro_batch_size
from hornbook.train.loss import next_token_loss
from hornbook.train.optimizer import make_optimizers
from hornbook.train.schedule import learning_rate_share


class Stepper:
    """A model in training with its data and its optimizers; it takes any step that it is asked for."""

    def __init__(self, model: Phi, tokens: TokenizedCorpus, config: TrainConfig, machine: Machine) -> None:
        """Moves the model to its device. Raises RecipeError or InputError that says what does not fit."""
        self.config, self.machine = config, machine
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
        self._peaks = [[float(group["lr"]) for group in optimizer.param_groups] for optimizer in self.optimizers]
        # Does nothing unless the products are fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.model.compute_dtype == torch.float16)
        # Makes the scale, which the scaler otherwise does when it scales a loss; here the loss does that itself.
        self.scaler.scale(torch.zeros((), device=self.device))
        self.flops_per_step = config.tokens_per_step * float(
            flops_per_token(model.config, model.vocab_size, config.sequence_length)
        )
        self.is_compiled = False
        self._may_fall_back = False

    def compile_for(self, num_steps: int) -> None:
        """Sets up `torch.compile` where it pays for so many steps; the first step falls back where it fails."""
        flops = num_steps * self.flops_per_step
        self.is_compiled = self._may_fall_back = compile_if_it_pays(self.model, flops, self.machine, self.device)

    def take(self, step: int) -> Tensor:
        """Takes step number `step`, from 0; its (loss, gradient norm), still on the device."""
        if not self._may_fall_back:
            return self._take(step)
        from torch._dynamo.exc import TorchDynamoException
        from torch._inductor.exc import InductorError

        try:
            taken = self._take(step)
        except (TorchDynamoException, InductorError) as error:
            # Nothing has changed by now: compiling comes before the first product.
            reason = str(error).strip().splitlines()[0][:200]
            console.print(f"[yellow]! torch.compile failed ({reason}): training eagerly[/yellow]")
            self.model.run_eagerly()
            self.is_compiled = False
            self._zero_gradients()
            taken = self._take(step)
        self._may_fall_back = False
        return taken

    def _take(self, step: int) -> Tensor:
        config = self.config
        # Dropout is a function of the step, so that a resumed run needs no generator's state.
        torch.manual_seed(config.seed * 1_000_003 + step)
        share = learning_rate_share(step, config)
        for optimizer, peaks in zip(self.optimizers, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * share
        batch = self.batches[step]
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
        return torch.stack((loss / loss_scale, norm.float()))

    @torch.no_grad()
    def validation_losses(self) -> dict[str, float]:
        """The mean loss of each source's validation sequences, by source."""
        self.model.eval()
        losses = {}
        for source, batches in self.validation.items():
            num_targets = max(1, sum(batch.num_targets for batch in batches))
            parts = [self._loss(batch.inputs, batch.targets, 1 / num_targets) for batch in batches]
            losses[source] = float(torch.stack(parts).sum())
        self.model.train()
        return losses

    def _loss(self, inputs: Tensor, targets: Tensor, scale: float) -> Tensor:
        model = self.model
        hidden = model.hidden(inputs.to(self.device))
        targets = targets.to(self.device).flatten()
        head = (model.head_weight, model.lm_head_bias)
        # On a CPU the eager loss is as fast.
        is_compiled = self.is_compiled and self.device.type != "cpu"
        return next_token_loss(hidden.flatten(0, 1), *head, targets, scale, is_compiled)

    def _zero_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that changes from step to step: tensors, and plain values."""
        return pack_state(self.model, self.optimizers), {"scaler": self.scaler.state_dict()}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Puts back what `state` gave."""
        unpack_state(checkpoint, self.model, self.optimizers)
        self.scaler.load_state_dict(dict(checkpoint.progress["scaler"]))


def _check_vocabulary(model: Phi, tokens: TokenizedCorpus, config: TrainConfig) -> None:
    for source, array in load_arrays(tokens, config, "train").items():
        largest = int(array.tokens.max())
        if largest >= model.vocab_size:
            raise InputError(
                f"source {source!r} has the token {largest}, but the model's vocabulary is {model.vocab_size}: "
                "it was made with another tokenizer"
            )
