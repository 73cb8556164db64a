"""What a run executes on: nothing here changes a result's identity, so nothing here enters a fingerprint."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hornbook.run.distributed import World

Policy = Literal["required", "rlimits"]
"""How programs that a model wrote are run: shut in by the kernel or not at all, or, on purpose, with limits alone."""

Sharding = Literal["auto", "always", "never"]
"""Whether each process keeps only its share of weights, gradients and optimizer state (FSDP2), or all of them (DDP)."""


@dataclass(frozen=True)
class Machine:
    """Execution settings; every default is found on the machine."""

    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: cuda where there is one."""
    workers: int = field(default_factory=lambda: max(1, len(os.sched_getaffinity(0))))
    """Processes of the stages that work on rows, and threads of a training step."""
    micro_batch_size: int = 0
    """Sequences per forward pass; 0 takes the whole batch on a CPU and what fits on a GPU."""
    use_compile: bool = True
    """Whether training goes through `torch.compile`; without a C++ compiler it runs eagerly and says so."""
    sandbox: Policy = "required"
    world: World = field(default_factory=World)
    """The processes that train together."""
    shard: Sharding = "auto"
    """`auto`: where one GPU's memory asks for it. One process never does."""
    replies: Path | None = None
    """The cache of teachers' replies; a run's is in its folder."""
    trackers: Path | None = None
    """Where trackers of training write; a run's is in its folder. None: beside the checkpoints."""
    engine: str = "native"
    """What spreads the data stages' work over shards: `native` (this machine), `ray`, or `ray://HOST:PORT`."""
    memory_bytes: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
