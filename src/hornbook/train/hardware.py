"""How a run uses its machine: precision, micro-batches, memory, and whether compiling pays."""

from __future__ import annotations

import ctypes
import math
import os
import shutil

import torch

from hornbook.errors import RecipeError
from hornbook.model.phi import Block, Phi, num_parameters
from hornbook.recipe import TrainConfig
from hornbook.run.machine import Machine
from hornbook.run.precision import multiplies_bf16
from hornbook.run.progress import console
from hornbook.train.loss import next_token_loss
from hornbook.train.parallel import own_part

CPU_MICRO_BATCH_TOKENS = 16_384
"""Larger micro-batches are no faster on a CPU and only take memory."""
CPU_FLOPS_TO_COMPILE = math.inf
"""Never: two cores compile for 20 to 40 s, and a compiled step took 1.0 to 1.1 times as long as an eager one, whose
attention and loss are our own, at every shape that was measured (1.5 times with dropout); see docs/lab-notes.md."""
GPU_FLOPS_TO_COMPILE = 1e16
"""About 25 s of an H100, which is as long as compiling takes."""
GPU_BYTES_PER_VALUE = 34
"""Activations kept per position, layer and unit of width: 34 bytes with fused attention. Source: Korthikanti et al.
2022, arXiv:2205.05198, equation 2 without the attention term."""
BYTES_PER_PARAMETER = 16
"""A weight, its gradient and AdamW's two moments, all fp32."""
WHOLE_MODEL_SHARE = 0.6
"""Of a GPU's memory that these may take; the rest is for activations, logits and buffers."""


def is_sharded(model: Phi, machine: Machine, device: torch.device) -> bool:
    """Whether each of several processes holds only its share of the model (FSDP2) instead of all of it (DDP)."""
    world = machine.world
    if world.size == 1 or machine.shard == "never":
        return False
    if machine.shard == "always":
        return True
    if device.type == "cpu":
        return False
    _, total = torch.cuda.mem_get_info(device)
    needed = BYTES_PER_PARAMETER * num_parameters(model.config, model.vocab_size)
    return world.agree(needed > WHOLE_MODEL_SHARE * total)


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of the matrix products. Raises RecipeError for fp16 without a GPU."""
    if precision == "fp16":
        if device.type != "cuda":
            raise RecipeError("precision 'fp16' needs a CUDA device; on a CPU use 'auto', 'bf16' or 'fp32'")
        return torch.float16
    if precision == "fp32":
        return torch.float32
    if precision == "bf16":
        return torch.bfloat16
    return torch.bfloat16 if multiplies_bf16(device) else torch.float32


def share_of_batch(config: TrainConfig, machine: Machine) -> int:
    """Sequences of a step for each process.

    Raises RecipeError where the processes do not divide the batch, or the machine's micro batch does not divide their
    share.
    """
    num_processes, micro_batch = machine.world.size, machine.micro_batch_size
    if config.batch_size % num_processes:
        raise RecipeError(f"batch_size {config.batch_size} is not a multiple of the {num_processes} processes")
    share = config.batch_size // num_processes
    if micro_batch and share % micro_batch:
        of_a_process = f", which is {share} for each of {num_processes} processes," if num_processes > 1 else ""
        raise RecipeError(
            f"batch_size {config.batch_size}{of_a_process} is not a multiple of the micro batch {micro_batch}"
        )
    return share


def micro_batch_size(model: Phi, config: TrainConfig, machine: Machine, device: torch.device) -> int:
    """Sequences per forward pass of one process, the same for all of them; the model is where it will be trained.

    Raises RecipeError as `share_of_batch` does.
    """
    share = share_of_batch(config, machine)
    if machine.micro_batch_size:
        return machine.micro_batch_size
    if device.type == "cpu":
        limit = CPU_MICRO_BATCH_TOKENS // config.sequence_length
    else:
        free, _ = torch.cuda.mem_get_info(device)
        shape = model.config
        per_sequence = config.sequence_length * shape.hidden_size * shape.num_hidden_layers * GPU_BYTES_PER_VALUE
        # Of a sharded model this counts the share of this process.
        own = sum(own_part(parameter).numel() for parameter in model.parameters())
        limit = int((0.8 * free - (BYTES_PER_PARAMETER - 4) * own) / per_sequence)
    limit = max(1, machine.world.smallest(limit))
    return max(size for size in range(1, share + 1) if share % size == 0 and size <= limit)


def keep_freed_memory() -> None:
    """Has the C library keep what a step frees, since the next step asks for the same sizes again.

    glibc maps large blocks anew each time, and the kernel clears every page of them: 20 to 30% of a step on a CPU.
    Does nothing with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    trim_threshold, mmap_max = -1, -4  # names of the settings in <malloc.h>
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)


def compile_if_it_pays(model: Phi, flops: float, machine: Machine, device: torch.device) -> bool:
    """Sets the model up to run compiled where that saves more time than it takes; says so where it cannot."""
    if not machine.use_compile:
        return False
    if flops < (CPU_FLOPS_TO_COMPILE if device.type == "cpu" else GPU_FLOPS_TO_COMPILE):
        return False
    if not has_cpp_compiler():
        console.print("[yellow]! no C++ compiler found (g++ or clang++, or name one in CXX): training eagerly[/yellow]")
        return False
    model.compile_blocks()
    return True


def compiles(model: Phi, micro_batch: int, length: int) -> bool:
    """Whether a block and the loss compile, tried on weights that are thrown away; says so where they do not.

    Before the first step: there a process that fails alone would leave the others waiting.
    """
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InductorError

    config, dtype, device = model.config, model.compute_dtype, model.cos.device
    try:
        block = Block(config).to(device).train()
        x_BTD = torch.zeros(micro_batch, length, config.hidden_size, device=device, requires_grad=True)
        tables = (model.cos[:length].to(dtype), model.sin[:length].to(dtype))
        y_BTD = model.run_block(block, x_BTD, *tables, dtype, model.is_compiled)
        y_BTD.backward(torch.zeros_like(y_BTD))  # type: ignore[no-untyped-call]
        if device.type != "cpu":  # On a CPU the loss runs eagerly.
            hidden_ND = torch.zeros(micro_batch * length, config.hidden_size, device=device, dtype=dtype)
            weight_VD = torch.zeros(model.vocab_size, config.hidden_size, device=device)
            targets_N = torch.zeros(micro_batch * length, device=device, dtype=torch.int64)
            next_token_loss(hidden_ND.requires_grad_(), weight_VD, weight_VD[:, 0], targets_N, 1.0, is_compiled=True)
    except (TorchDynamoException, InductorError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        console.print(f"[yellow]! torch.compile failed ({reason}): training eagerly[/yellow]")
        return False
    return True


def has_cpp_compiler() -> bool:
    """Whether `torch.compile` finds what it needs: inductor compiles its kernels with it, or Triton its launchers."""
    named = os.environ.get("CXX")
    return any(shutil.which(name) for name in ([named] if named else ["g++", "clang++"]))


def model_flops_utilization(flops_per_s: float, device: torch.device, dtype: torch.dtype) -> float | None:
    """MFU: the share of the GPU's dense peak; None where the peak is not known."""
    if device.type != "cuda" or dtype == torch.float32:
        return None
    name = torch.cuda.get_device_name(device)
    return next((flops_per_s / peak for model, peak in GPU_PEAK_FLOPS.items() if model in name), None)


GPU_PEAK_FLOPS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bf16 peaks by name. Source: NVIDIA's data sheets."""
