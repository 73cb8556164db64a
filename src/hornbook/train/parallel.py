"""The loss and its gradient over all processes that train together: each takes its rows, and the gradients are added.

Covers: one process; DDP, where each process holds all weights; FSDP2, where each holds its share of weights, gradients
and optimizer state, and a block's weights are whole only while it computes.
Does not cover: sharding of the activations or of one layer, and weights that a host cannot hold whole in its memory.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hornbook.model.phi import Phi
from hornbook.run.distributed import World
from hornbook.train.batches import Batch
from hornbook.train.loss import next_token_loss

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


class LossModule(nn.Module):
    """The model together with its loss, which uses the output layer's weights outside the model."""

    def __init__(self, model: Phi) -> None:
        super().__init__()
        self.model = model
        self.is_fused = False
        """Whether softmax and its gradient are compiled into one kernel."""

    def forward(self, inputs_BT: Tensor, targets_BT: Tensor, scale: float) -> Tensor:
        """`scale` times the sum of the loss over all targets."""
        model = self.model
        hidden_BTD = model.hidden(inputs_BT)
        head = (model.head_weight, model.lm_head_bias)
        return next_token_loss(hidden_BTD.flatten(0, 1), *head, targets_BT.flatten(), scale, self.is_fused)


class ParallelLoss:
    """A model's loss over all processes of a world."""

    def __init__(self, model: Phi, world: World, device: torch.device, is_sharded: bool) -> None:
        """Moves the model to its device, or this process's share of it. All processes must hold the same weights."""
        self.module = LossModule(model)
        self.world, self.device = world, device
        self._ddp: DistributedDataParallel | None = None
        if is_sharded:
            _shard(self.module, device)
        else:
            model.to(device)
            if world.size > 1:
                self._ddp = _replicate(self.module, device)

    def backward(self, batches: Sequence[Batch], scale: float) -> Tensor:
        """Adds the gradient of `scale` times the loss of all processes' batches to the weights'; returns that loss.

        `batches` are this process's, as many as every other's; they go through the model one after another.
        """
        loss = torch.zeros((), device=self.device)
        run = self._ddp or self.module
        for batch in batches:
            # DDP adds up gradients over the processes once, with the last batch. FSDP2 does with each, since a process
            # would have to keep all gradients until then, and sharding is for those who have no room for them.
            is_last = batch is batches[-1]
            with contextlib.nullcontext() if self._ddp is None or is_last else self._ddp.no_sync():
                # Both take the mean over the processes where the sum is meant.
                part = run(batch.inputs, batch.targets, scale * self.world.size)
                part.backward()
            loss += part.detach()
        return self.world.add_up(loss) / self.world.size

    @torch.no_grad()
    def measure(self, batches: Iterable[Batch], scale: float) -> Tensor:
        """`scale` times the loss of all processes' batches, of which every process has as many."""
        parts = [self.module(batch.inputs, batch.targets, scale) for batch in batches]
        return self.world.add_up(torch.stack(parts).sum())

    def settle(self, batch: Batch) -> None:
        """Has DDP put its buckets into their final order, by a gradient of 0 that is thrown away.

        It does so when it has seen one. In another order more than two processes' gradients are added in another
        order, so a resumed run would differ in its first step from one that was not stopped.
        """
        if self._ddp is None:
            return
        self._ddp(batch.inputs, batch.targets, 0.0).backward()
        self.module.zero_grad()


def _replicate(module: LossModule, device: torch.device) -> DistributedDataParallel:
    with warnings.catch_warnings():
        # torch 2.13 gives `broadcast_buffers` a new name, which earlier versions do not know.
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(
            module,
            device_ids=None if device.type == "cpu" else [device],
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
        )


def _shard(module: LossModule, device: torch.device) -> None:
    """FSDP2 per block, and for what is outside of the blocks. Moves one block at a time to the device."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    # No MixedPrecisionPolicy: weights travel and gradients are added in fp32. The model casts each weight where it is
    # used, so that its numbers are the same with and without sharding.
    for block in module.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)


def is_dtensor(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether each process holds only a share of the tensor."""
    # Importing DTensor takes a second; where nobody has, no tensor is one.
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def gathered(tensor: Tensor) -> Tensor:
    """The whole of a tensor of which each process may hold a share; all processes must ask."""
    return tensor.full_tensor() if is_dtensor(tensor) else tensor


def share_like(whole: Tensor, like: Tensor) -> Tensor:
    """What this process keeps of a whole tensor that all have: on the device of `like`, and sharded as that is."""
    if not is_dtensor(like):
        return whole.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)


def collect(tensors: Iterable[tuple[str, Tensor]], is_main: bool) -> dict[str, Tensor]:
    """Whole tensors by name for the main process, nothing for the others; all must ask for the same.

    Sharded ones are gathered one at a time and come to the host, so that a device need not hold them all.
    """
    found = {}
    for name, tensor in tensors:
        whole = gathered(tensor)
        if is_main:
            found[name] = whole.cpu() if is_dtensor(tensor) else whole
    return found


def own_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor, in memory shared with it."""
    return tensor.to_local() if is_dtensor(tensor) else tensor
