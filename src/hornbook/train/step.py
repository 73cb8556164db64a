"""One optimizer step: a batch in micro-batches, the gradient clipped, the optimizers at their rates.

Covers: low-precision products with fp32 weights, fp16's loss scaling, gradient accumulation, `torch.compile` with a
fall-back to eager, several processes that each take their share of the batch (`hornbook.train.parallel`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hornbook.errors import InputError
from hornbook.model.artifact import resolve_device
from hornbook.model.phi import Phi, flops_per_token
from hornbook.recipe import TrainConfig
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train.batches import Batch, TrainingBatches, load_arrays, validation_batches
from hornbook.train.checkpoint import Checkpoint, pack_state, unpack_state
from hornbook.train.hardware import (
    compile_if_it_pays,
    compiles,
    compute_dtype,
    is_sharded,
    keep_freed_memory,
    micro_batch_size,
)
from hornbook.train.loss import IGNORED
from hornbook.train.optimizer import make_optimizers
from hornbook.train.parallel import ParallelLoss, collect, gathered, share_like
from hornbook.train.schedule import learning_rate_share

RANK_STRIDE = 0x9E3779B1
"""Between the seeds of two processes: odd and spread over the 32 bits that a CPU's generator looks at."""


class Stepper:
    """A model in training with its data and its optimizers; it takes any step that it is asked for.

    Of several processes each has one, and every method must be called by all, in the same order.
    """

    def __init__(self, model: Phi, tokens: TokenizedCorpus, config: TrainConfig, machine: Machine) -> None:
        """Moves the model, or this process's share of it, to its device.

        Raises RecipeError or InputError that says what does not fit.
        """
        self.config, self.machine, self.world = config, machine, machine.world
        self.device = resolve_device(machine.device)
        _check_vocabulary(model, tokens, config)
        if self.device.type == "cpu":
            torch.set_num_threads(max(1, machine.workers // self.world.local_size))
            keep_freed_memory()
        self.model = model.train()
        self.model.compute_dtype = compute_dtype(config.precision, self.device)
        self.is_sharded = is_sharded(model, machine, self.device)
        self.loss = ParallelLoss(model, self.world, self.device, self.is_sharded)
        self.micro_batch = micro_batch_size(model, config, machine, self.device)
        self.batches = TrainingBatches(tokens, config)
        self.validation = validation_batches(tokens, config, self.micro_batch * self.world.size)
        self.optimizers = make_optimizers(model, config)
        self.batches_skipped = 0
        """Step n takes batch n + this many: those that were left out after going back from a bad step."""
        self._peaks = [[float(group["lr"]) for group in optimizer.param_groups] for optimizer in self.optimizers]
        # Does nothing unless the products are fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.model.compute_dtype == torch.float16)
        # Makes the scale, which the scaler otherwise does when it scales a loss; here the loss does that itself.
        self.scaler.scale(torch.zeros((), device=self.device))
        self.flops_per_step = config.tokens_per_step * float(
            flops_per_token(model.config, model.vocab_size, config.sequence_length)
        )
        self.is_compiled = False

    def compile_for(self, num_steps: int) -> None:
        """Sets up `torch.compile` where it pays for so many steps; falls back, with all processes, where it fails."""
        flops = num_steps * self.flops_per_step / self.world.size
        self.is_compiled = compile_if_it_pays(self.model, flops, self.machine, self.device)
        has_failed = self.is_compiled and not compiles(self.model, self.micro_batch, self.config.sequence_length)
        if self.world.agree(has_failed) and self.is_compiled:
            self.model.run_eagerly()
            self.is_compiled = False
        # On a CPU the eager loss is as fast.
        self.loss.module.is_fused = self.is_compiled and self.device.type != "cpu"
        shape = (self.micro_batch, self.config.sequence_length)
        self.loss.settle(Batch(torch.zeros(shape, dtype=torch.int64), torch.full(shape, IGNORED)).to(self.device))

    def take(self, step: int) -> Tensor:
        """Takes step number `step`, from 0; its (loss, gradient norm) over the whole batch, still on the device."""
        config = self.config
        # Dropout is a function of the step and the process, so that a resumed run needs no generator's state.
        torch.manual_seed(config.seed * 1_000_003 + step + RANK_STRIDE * self.world.rank)
        share = learning_rate_share(step, config)
        for optimizer, peaks in zip(self.optimizers, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * share
        batch = self.batches[step + self.batches_skipped]
        per_target = 1.0 / max(1, batch.num_targets)
        loss_scale = self.scaler.get_scale()
        own = batch.share(self.world).to(self.device)
        loss = self.loss.backward(own.split(self.micro_batch), per_target * loss_scale)
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        norm = gathered(nn.utils.clip_grad_norm_(self.model.parameters(), config.gradient_clip or math.inf))
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
            own = (batch.share(self.world).to(self.device) for batch in batches)
            losses[source] = float(self.loss.measure(own, 1 / num_targets))
        self.model.train()
        return losses

    def _zero_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that changes from step to step: whole tensors, which the main process alone gets, and plain values."""
        plain = {"scaler": self.scaler.state_dict(), "batches_skipped": self.batches_skipped}
        return pack_state(self.model, self.optimizers, self.world.is_main), plain

    def restore(self, checkpoint: Checkpoint) -> None:
        """Puts back what `state` gave."""
        unpack_state(checkpoint, self.model, self.optimizers)
        self.scaler.load_state_dict(dict(checkpoint.progress["scaler"]))
        self.batches_skipped = int(checkpoint.progress["batches_skipped"])

    def weights(self) -> dict[str, Tensor]:
        """The model's weights by name, whole and fp32, for the main process; nothing for the others."""
        return collect(self.model.state_dict().items(), self.world.is_main)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Puts back what `weights` gave, which every process must have."""
        for name, tensor in self.model.state_dict().items():
            tensor.copy_(share_like(weights[name], tensor))

    def whole_model(self) -> Phi:
        """The model with all weights, to generate with or to save, for the main process; the others must not use it.

        A sharded model's is a copy: on the device where it fits beside the training, else on the CPU.
        """
        if not self.is_sharded:
            return self.model
        weights = self.weights()
        if not self.world.is_main:
            return self.model
        model = Phi(self.model.config, self.model.vocab_size)
        model.load_state_dict(weights)
        model.compute_dtype = self.model.compute_dtype
        return model.to(self.device) if self._fits(model) else model

    def _fits(self, model: Phi) -> bool:
        if self.device.type == "cpu":
            return True
        free, _ = torch.cuda.mem_get_info(self.device)
        return 4 * sum(parameter.numel() for parameter in model.parameters()) < 0.5 * free


def _check_vocabulary(model: Phi, tokens: TokenizedCorpus, config: TrainConfig) -> None:
    for source, array in load_arrays(tokens, config, "train").items():
        largest = int(array.tokens.max())
        if largest >= model.vocab_size:
            raise InputError(
                f"source {source!r} has the token {largest}, but the model's vocabulary is {model.vocab_size}: "
                "it was made with another tokenizer"
            )
