"""Several processes that train one model: which of them this one is, and how they agree.

Covers: processes that `torchrun` started, on one machine or on several with one file system, the same paths and the
same versions. Gradients travel by NCCL between GPUs and by gloo between CPUs. What the processes tell each other goes
by gloo and may wait for days: the others have nothing to do while the main one collects data or runs programs.
Does not cover: a number of processes that changes on the way (the next start may have another), and splitting one layer
over several GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from hornbook.errors import InputError
from hornbook.run.progress import console

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import ProcessGroup

Value = TypeVar("Value")

PATIENCE = timedelta(days=365)
"""How long a process waits for word from another; one that dies closes its connection, which ends the wait at once."""

_words: ProcessGroup | None = None
"""The group that `agree`, `broadcast` and their like go by, while this process is in a world of several."""


@dataclass(frozen=True)
class World:
    """The processes of a run, seen from one of them. Every method must be called by all, in the same order.

    `World()` is a process of its own: nothing is sent, and PyTorch is not imported.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Among the processes of this machine."""
    local_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def smallest(self, value: int) -> int:
        """The smallest of all processes' values."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        values = torch.tensor([value])
        distributed.all_reduce(values, distributed.ReduceOp.MIN, group=_words)
        return int(values)

    def agree(self, flag: bool) -> bool:
        """Whether any process says so."""
        return self.smallest(0 if flag else 1) == 0

    def broadcast(self, value: Value) -> Value:
        """The main process's value, which pickle must know how to send; what others pass is not looked at."""
        if self.size == 1:
            return value
        from torch import distributed

        values = [value]
        distributed.broadcast_object_list(values, src=0, group=_words)
        return values[0]

    def barrier(self) -> None:
        """Waits until all processes are here."""
        self.smallest(0)

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum over all processes of a tensor on the device that they train on; in place."""
        if self.size > 1:
            from torch import distributed

            distributed.all_reduce(tensor)
        return tensor


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """The world that torchrun's environment variables describe, or a process of its own where there are none.

    `device` is `cpu`, `cuda` or `auto`; on GPUs process number k of a machine takes GPU number k. Inside of the block
    only the main process shows how it goes.
    Raises InputError where the machine has fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "LOCAL_RANK" not in os.environ:
        yield World()
        return
    global _words
    from torch import cuda, distributed

    world = World(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    uses_gpu = device != "cpu" and cuda.is_available()
    if uses_gpu:
        if world.local_size > cuda.device_count():
            raise InputError(
                f"torchrun started {world.local_size} processes on a machine with {cuda.device_count()} GPUs: give "
                f"--nproc-per-node {cuda.device_count()}, or --device cpu to hornbook"
            )
        cuda.set_device(world.local_rank)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if uses_gpu else "gloo")
    _words = distributed.new_group(backend="gloo", timeout=PATIENCE)
    console.quiet = not world.is_main
    yield world
    # Not after an error: other processes may wait for what will not come, and torchrun ends them.
    world.barrier()
    console.quiet = False
    _words = None
    distributed.destroy_process_group()
