"""Rotary causal attention: PyTorch's fused kernel on a GPU, our own forward and backward on a CPU.

Shape suffixes as in `hornbook.model.phi`; G is 2 (query and key), N is batch times heads.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hornbook.recipe import ModelConfig

QUERY_CHUNK = 128
"""Queries that go together against the keys that they may see; at 256 positions a quarter of the work is saved."""


def rotary_tables(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cos and sin of position times frequency for `rotate`, each (max_position_embeddings, 2, 1, K), fp32.

    Index 0 of the second axis is for queries and carries the attention scale K ** -0.5, index 1 is for keys. Beyond
    `rotary_dims` cos is 1 and sin is 0, so that the rest of the head passes through. Frequencies are computed as
    `PhiRotaryEmbedding` does. Source: Su et al. 2021, arXiv:2104.09864, with pairs (i, i + R) as in GPT-NeoX.
    """
    half = config.rotary_dims // 2
    exponents = torch.arange(0, config.rotary_dims, 2, dtype=torch.float) / config.rotary_dims
    angles_TR = torch.arange(config.max_position_embeddings).float()[:, None] * (1.0 / config.rope_theta**exponents)
    cos_TK = torch.ones(config.max_position_embeddings, config.head_size)
    sin_TK = torch.zeros(config.max_position_embeddings, config.head_size)
    cos_TK[:, :half] = cos_TK[:, half : 2 * half] = angles_TR.cos()
    sin_TK[:, half : 2 * half] = angles_TR.sin()
    sin_TK[:, :half] = -angles_TR.sin()
    scale_G1 = torch.tensor([config.head_size**-0.5, 1.0])[:, None]
    return (cos_TK[:, None] * scale_G1)[:, :, None], (sin_TK[:, None] * scale_G1)[:, :, None]


def rotate(qk_BTGHK: Tensor, cos_TG1K: Tensor, sin_TG1K: Tensor, rotary_dims: int) -> Tensor:
    """Turns the first `rotary_dims` of each head of queries and keys by their position and scales the queries."""
    return torch.addcmul(qk_BTGHK * cos_TG1K, swap_halves(qk_BTGHK, rotary_dims), sin_TG1K)


def swap_halves(x: Tensor, rotary_dims: int) -> Tensor:
    """Exchanges the two halves of the first `rotary_dims` of the last axis."""
    half = rotary_dims // 2
    return torch.cat((x[..., half:rotary_dims], x[..., :half], x[..., rotary_dims:]), dim=-1)


def causal_attention(
    qkv_BTX: Tensor, cos_TG1K: Tensor, sin_TG1K: Tensor, config: ModelConfig, dropout: float, by_autograd: bool
) -> Tensor:
    """Attention of each position to itself and those before it; qkv is (B, T, 3 D) and the result (B, T, D).

    Takes our own forward and backward on a CPU unless dropout or `by_autograd` (torch.compile) needs plain operations.
    """
    if qkv_BTX.device.type == "cpu" and not dropout and not by_autograd:
        result: Tensor = _CausalAttention.apply(qkv_BTX, cos_TG1K, sin_TG1K, config.head_size, config.rotary_dims)  # type: ignore[no-untyped-call]
        return result
    # Unbound, and not sliced: the gradient is then put together in one pass.
    q_BTHK, k_BTHK, v_BTHK = qkv_BTX.view(*qkv_BTX.shape[:2], 3, -1, config.head_size).unbind(2)
    q_BTHK = rotate(q_BTHK, cos_TG1K[:, 0], sin_TG1K[:, 0], config.rotary_dims)
    k_BTHK = rotate(k_BTHK, cos_TG1K[:, 1], sin_TG1K[:, 1], config.rotary_dims)
    q, k, v = q_BTHK.transpose(1, 2), k_BTHK.transpose(1, 2), v_BTHK.transpose(1, 2)
    if qkv_BTX.device.type != "cpu":
        y_BHTK = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True, scale=1.0)
    else:
        y_BHTK = torch.cat(
            [_attend_chunk(q, k, v, start, dropout) for start in range(0, q.shape[2], QUERY_CHUNK)], dim=2
        )
    return y_BHTK.transpose(1, 2).flatten(2)


def _attend_chunk(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, start: int, dropout: float) -> Tensor:
    end = min(start + QUERY_CHUNK, q_BHTK.shape[2])
    scores_BHTS = (q_BHTK[:, :, start:end] @ k_BHTK[:, :, :end].transpose(-1, -2)).float()
    mask_TS = torch.full((end - start, end), float("-inf"), device=scores_BHTS.device).triu(start + 1)
    weights_BHTS = torch.softmax(scores_BHTS + mask_TS, dim=-1).to(v_BHTK.dtype)
    return (F.dropout(weights_BHTS, dropout) if dropout else weights_BHTS) @ v_BHTK[:, :, :end]


class _CausalAttention(torch.autograd.Function):
    """Rotary embedding, causal softmax attention and their gradient as few large operations.

    At 256 positions fused attention (`scaled_dot_product_attention`) takes 1.8 times as long on a CPU, forward and
    backward, and leaving the derivation to autograd costs a copy for each slice. Keeps the weights for the backward
    pass in the compute dtype: N T (T + QUERY_CHUNK) / 2 numbers.
    """

    @staticmethod
    def forward(
        ctx: Any, qkv_BTX: Tensor, cos_TG1K: Tensor, sin_TG1K: Tensor, head_size: int, rotary_dims: int
    ) -> Tensor:
        batch, length, _ = qkv_BTX.shape
        qkv_BTGHK = qkv_BTX.view(batch, length, 3, -1, head_size)
        # Heads apart first: what follows then runs over long stretches of memory.
        qk_GNTK = qkv_BTGHK[:, :, :2].permute(2, 0, 3, 1, 4).flatten(1, 2)
        v_NTK = qkv_BTGHK[:, :, 2].transpose(1, 2).flatten(0, 1)
        cos_G1TK, sin_G1TK = (table.permute(1, 2, 0, 3).contiguous() for table in (cos_TG1K, sin_TG1K))
        swapped_GNTK = swap_halves(qk_GNTK, rotary_dims)
        q_NTK, k_NTK = (qk_GNTK * cos_G1TK).addcmul_(swapped_GNTK, sin_G1TK)
        y_BTHK = torch.empty(batch, length, qkv_BTGHK.shape[3], head_size, dtype=qkv_BTX.dtype)
        weights = []
        for start in range(0, length, QUERY_CHUNK):
            end = min(start + QUERY_CHUNK, length)
            scores_NTS = torch.bmm(q_NTK[:, start:end], k_NTK[:, :end].transpose(1, 2))
            scores_NTS[:, :, start:] += _future_mask(end - start, scores_NTS.dtype)
            weights_NTS = torch.softmax(scores_NTS, dim=-1, out=scores_NTS)
            y_BTHK[:, start:end] = _heads_apart(torch.bmm(weights_NTS, v_NTK[:, :end]), batch).transpose(1, 2)
            weights.append(weights_NTS)
        ctx.save_for_backward(q_NTK, k_NTK, v_NTK, cos_G1TK, sin_G1TK, *weights)
        ctx.rotary_dims = rotary_dims
        return y_BTHK.flatten(2)

    @staticmethod
    def backward(ctx: Any, dy_BTD: Tensor) -> tuple[Tensor, None, None, None, None]:
        q_NTK, k_NTK, v_NTK, cos_G1TK, sin_G1TK, *weights = ctx.saved_tensors
        batch, length, head_size = dy_BTD.shape[0], q_NTK.shape[1], q_NTK.shape[2]
        dy_NTK = dy_BTD.reshape(batch, length, -1, head_size).transpose(1, 2).flatten(0, 1)
        dqk_GNTK = torch.empty(2, *q_NTK.shape, dtype=q_NTK.dtype)
        dq_NTK, dk_NTK = dqk_GNTK
        dv_NTK = torch.empty_like(v_NTK)
        # The last chunk sees all keys, so it comes first and fills what the others add to.
        for number in reversed(range(len(weights))):
            weights_NTS, start = weights[number], number * QUERY_CHUNK
            end = min(start + QUERY_CHUNK, length)
            dweights_NTS = torch.bmm(dy_NTK[:, start:end], v_NTK[:, :end].transpose(1, 2))
            dscores_NTS = torch._softmax_backward_data(
                dweights_NTS, weights_NTS, -1, weights_NTS.dtype, grad_input=dweights_NTS
            )
            dq_NTK[:, start:end] = torch.bmm(dscores_NTS, k_NTK[:, :end])
            if end == length:
                torch.bmm(dscores_NTS.transpose(1, 2), q_NTK[:, start:end], out=dk_NTK)
                torch.bmm(weights_NTS.transpose(1, 2), dy_NTK[:, start:end], out=dv_NTK)
            else:
                dk_NTK[:, :end] += torch.bmm(dscores_NTS.transpose(1, 2), q_NTK[:, start:end])
                dv_NTK[:, :end] += torch.bmm(weights_NTS.transpose(1, 2), dy_NTK[:, start:end])
        # A rotation's transpose turns back: the same with -sin.
        swapped_GNTK = swap_halves(dqk_GNTK, ctx.rotary_dims)
        dqk_GNTK.mul_(cos_G1TK).addcmul_(swapped_GNTK, sin_G1TK, value=-1)
        dqkv_BTGHK = torch.empty(batch, length, 3, q_NTK.shape[0] // batch, head_size, dtype=q_NTK.dtype)
        dqkv_BTGHK[:, :, :2] = dqk_GNTK.view(2, batch, -1, length, head_size).permute(1, 3, 0, 2, 4)
        dqkv_BTGHK[:, :, 2] = _heads_apart(dv_NTK, batch).transpose(1, 2)
        return dqkv_BTGHK.flatten(2), None, None, None, None


def _heads_apart(x_NTK: Tensor, batch: int) -> Tensor:
    return x_NTK.view(batch, -1, *x_NTK.shape[1:])


@functools.lru_cache(maxsize=8)
def _future_mask(size: int, dtype: torch.dtype) -> Tensor:
    return torch.full((size, size), float("-inf"), dtype=dtype).triu_(1)
