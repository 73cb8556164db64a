"""Cross-entropy of the next token that never holds all logits.

Shape suffixes: N positions of all sequences, D width, V vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
"""The target of a position that no loss sees."""
CHUNK_ELEMENTS = 1 << 23
"""Logits that exist at once on a CPU: 16 MB of bf16. Each chunk costs an addition to the output layer's gradient."""
SLICE_ELEMENTS = 1 << 21
"""Probabilities that exist at once on a CPU: 8 MB of fp32. Products are worth larger chunks."""
CHUNK_ELEMENTS_GPU = 1 << 28
"""Large enough that adding up the gradient of the output layer, once a chunk, costs little."""


def next_token_loss(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    bias_V: Tensor,
    targets_N: Tensor,
    scale: float,
    is_compiled: bool = False,
) -> Tensor:
    """`scale` times the sum over positions of -log softmax(hidden weight^T + bias)[target]; targets of -100 count 0.

    The product runs in hidden's dtype, softmax in fp32. The gradient is computed together with the loss, chunk by
    chunk, so that the logits of one chunk are all that ever exists; `scale` is in it before it is rounded to the
    dtype of the product, so that fp16's loss scaling works. `is_compiled` fuses softmax and gradient (torch.compile).
    """
    needs_gradient = torch.is_grad_enabled() and hidden_ND.requires_grad
    loss: Tensor = _NextTokenLoss.apply(  # type: ignore[no-untyped-call]
        hidden_ND, weight_VD, bias_V, targets_N, scale, needs_gradient, is_compiled
    )
    return loss


class _NextTokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor,
        targets_N: Tensor,
        scale: float,
        needs_gradient: bool,
        is_compiled: bool,
    ) -> Tensor:
        weight, bias = weight_VD.to(hidden_ND.dtype), bias_V.to(hidden_ND.dtype)
        loss = torch.zeros((), device=hidden_ND.device)
        if needs_gradient:
            dhidden_ND = torch.empty_like(hidden_ND)
            dweight_VD = torch.zeros_like(weight_VD, dtype=torch.float32)
            dbias_V = torch.zeros_like(bias_V, dtype=torch.float32)
            # A tensor, so that a scale that changes from step to step is not compiled in; filled on the device, since
            # a copy from the host would wait for all that is queued there.
            scale_ = torch.full((), scale, device=hidden_ND.device)
        loss_and_gradient = _loss_and_gradient_compiled() if is_compiled else _loss_and_gradient
        rows = _rows_per_chunk(hidden_ND.shape[0], weight.shape[0], hidden_ND.device)
        for start in range(0, hidden_ND.shape[0], rows):
            hidden, targets = hidden_ND[start : start + rows], targets_N[start : start + rows]
            logits = F.linear(hidden, weight, bias)
            if not needs_gradient:
                loss += F.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")
                continue
            summed, gradient = loss_and_gradient(logits, targets, scale_)
            loss += summed
            torch.mm(gradient, weight, out=dhidden_ND[start : start + rows])
            dweight_VD += gradient.T @ hidden
            # Asked for an fp32 sum, a CPU casts the whole gradient first; its bf16 sum is rounded only at the end, too.
            dbias_V += gradient.sum(dim=0, dtype=None if gradient.device.type == "cpu" else torch.float32)
        if needs_gradient:
            ctx.save_for_backward(dhidden_ND, dweight_VD, dbias_V)
        return loss * scale

    @staticmethod
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor | None, ...]:
        dhidden_ND, dweight_VD, dbias_V = ctx.saved_tensors
        return dhidden_ND * dloss.to(dhidden_ND.dtype), dweight_VD * dloss, dbias_V * dloss, None, None, None, None


def _rows_per_chunk(num_rows: int, vocab_size: int, device: torch.device) -> int:
    if device.type == "cpu":
        return max(1, CHUNK_ELEMENTS // vocab_size)
    # As equal as can be: a last chunk of another shape would be compiled for itself.
    chunks = -(-num_rows * vocab_size // CHUNK_ELEMENTS_GPU)
    return -(-num_rows // chunks)


def _loss_and_gradient(logits_NV: Tensor, targets_N: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The summed loss, and `scale` times its gradient by the logits, which it writes over the logits.

    In slices, on a CPU of a size that its cache holds. log p is taken at the target by way of the largest logit, whose
    probability is never too small for fp32.
    """
    loss = torch.zeros((), device=logits_NV.device)
    rows = max(1, SLICE_ELEMENTS // logits_NV.shape[1]) if logits_NV.device.type == "cpu" else len(logits_NV)
    for logits, targets in zip(torch.split(logits_NV, rows), torch.split(targets_N, rows), strict=True):
        counts_N1 = (targets != IGNORED).unsqueeze(-1)
        targets_N1 = targets.clamp_min(0).unsqueeze(-1)
        probabilities = F.softmax(logits, dim=-1, dtype=torch.float32)
        largest_N1, its_probability_N1 = logits.amax(-1, keepdim=True), probabilities.amax(-1, keepdim=True)
        log_likelihood_N1 = logits.gather(-1, targets_N1).float() - largest_N1.float() + its_probability_N1.log()
        loss -= (log_likelihood_N1 * counts_N1).sum()
        probabilities.scatter_(-1, targets_N1, probabilities.gather(-1, targets_N1) - 1.0)
        logits.copy_(probabilities.mul_(counts_N1 * scale))
    return loss, logits_NV


def _loss_and_gradient_to_fuse(logits_NV: Tensor, targets_N: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The same without a change in place, so that a compiler reads the logits twice and writes the gradient once."""
    logits = logits_NV.float()
    counts = targets_N != IGNORED
    normalizer_N1 = torch.logsumexp(logits, dim=-1, keepdim=True)
    of_target_N1 = logits.gather(-1, targets_N.clamp_min(0).unsqueeze(-1))
    loss = ((normalizer_N1 - of_target_N1).squeeze(-1) * counts).sum()
    is_target = torch.arange(logits.shape[-1], device=logits.device) == targets_N.unsqueeze(-1)
    gradient = ((logits - normalizer_N1).exp() - is_target.float()) * (counts * scale).unsqueeze(-1)
    return loss, gradient.to(logits_NV.dtype)


@functools.cache
def _loss_and_gradient_compiled() -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    # When first needed: importing the compiler takes seconds.
    return torch.compile(_loss_and_gradient_to_fuse, dynamic=False)
