"""Cross-entropy of the next token that never holds all logits.

Shape suffixes: N positions of all sequences, D width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
"""The target of a position that no loss sees."""
CHUNK_ELEMENTS = 1 << 21
"""Logits that exist at once: 8 MB of fp32, which stays in a cache on a CPU."""
CHUNK_ELEMENTS_GPU = 1 << 26


def next_token_loss(hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor, scale: float) -> Tensor:
    """`scale` times the sum over positions of -log softmax(hidden weight^T + bias)[target]; targets of -100 count 0.

    The product runs in hidden's dtype, softmax in fp32. The gradient is computed together with the loss, chunk by
    chunk, so that the logits of one chunk are all that ever exists; `scale` is in it before it is rounded to the
    dtype of the product, so that fp16's loss scaling works.
    """
    needs_gradient = torch.is_grad_enabled() and hidden_ND.requires_grad
    loss: Tensor = _NextTokenLoss.apply(hidden_ND, weight_VD, bias_V, targets_N, scale, needs_gradient)  # type: ignore[no-untyped-call]
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
    ) -> Tensor:
        dtype = hidden_ND.dtype
        weight, bias = weight_VD.to(dtype), bias_V.to(dtype)
        loss = torch.zeros((), device=hidden_ND.device)
        if needs_gradient:
            dhidden_ND = torch.empty_like(hidden_ND)
            dweight_VD = torch.zeros_like(weight_VD, dtype=torch.float32)
            dbias_V = torch.zeros_like(bias_V, dtype=torch.float32)
        elements = CHUNK_ELEMENTS if hidden_ND.device.type == "cpu" else CHUNK_ELEMENTS_GPU
        rows = max(1, elements // weight.shape[0])
        for start in range(0, hidden_ND.shape[0], rows):
            hidden, targets = hidden_ND[start : start + rows], targets_N[start : start + rows]
            log_probs = F.log_softmax(F.linear(hidden, weight, bias), dim=-1, dtype=torch.float32)
            loss += F.nll_loss(log_probs, targets, ignore_index=IGNORED, reduction="sum")
            if needs_gradient:
                counts = targets != IGNORED
                gradient = log_probs.exp_()
                gradient[torch.arange(len(targets), device=targets.device), targets.clamp_min(0)] -= 1.0
                gradient = gradient.mul_((counts * scale).unsqueeze(-1)).to(dtype)
                torch.mm(gradient, weight, out=dhidden_ND[start : start + rows])
                dweight_VD += gradient.T @ hidden
                dbias_V += gradient.sum(dim=0, dtype=torch.float32)
        if needs_gradient:
            ctx.save_for_backward(dhidden_ND, dweight_VD, dbias_V)
        return loss * scale

    @staticmethod
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        dhidden_ND, dweight_VD, dbias_V = ctx.saved_tensors
        return dhidden_ND * dloss.to(dhidden_ND.dtype), dweight_VD * dloss, dbias_V * dloss, None, None, None
