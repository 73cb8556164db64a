"""One new token's attention to the keys and values of its row, as a Triton kernel for CUDA.

A row reads its own length of the cache and no more, each key and value once for all query heads that share it. What a
framework offers instead either reads every row up to the longest or copies keys and values for each query head.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

SMALLEST_TILE = 16
"""Rows of the smallest matrix product of the tensor cores; fewer query heads are padded to it."""
POSITIONS_AT_ONCE = 64


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _attend(  # type: ignore[no-untyped-def]
    queries,
    keys,
    values,
    positions,
    out,
    scale,
    num_positions,
    num_kv_heads,
    GROUP: tl.constexpr,
    TILE: tl.constexpr,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    pair = tl.program_id(0)
    length = tl.load(positions + pair // num_kv_heads).to(tl.int32) + 1
    head = tl.arange(0, TILE)
    column = tl.arange(0, SIZE)
    is_head = (head < GROUP)[:, None]
    # 64 bits: a cache of a thousand rows has more elements than 32 bits can count.
    query_at = (pair.to(tl.int64) * GROUP + head[:, None]) * SIZE + column[None, :]
    start_at = pair.to(tl.int64) * num_positions * SIZE
    query = tl.load(queries + query_at, mask=is_head, other=0.0)
    highest = tl.full([TILE], float("-inf"), tl.float32)
    total = tl.zeros([TILE], tl.float32)
    mixed = tl.zeros([TILE, SIZE], tl.float32)
    for start in range(0, length, BLOCK):
        position = start + tl.arange(0, BLOCK)
        is_past = position < length
        at = start_at + position[:, None] * SIZE + column[None, :]
        key = tl.load(keys + at, mask=is_past[:, None], other=0.0)
        score = tl.dot(query, tl.trans(key)) * scale
        score = tl.where(is_past[None, :], score, float("-inf"))
        new_highest = tl.maximum(highest, tl.max(score, 1))
        weight = tl.exp(score - new_highest[:, None])
        shrink = tl.exp(highest - new_highest)
        total = total * shrink + tl.sum(weight, 1)
        value = tl.load(values + at, mask=is_past[:, None], other=0.0)
        mixed = mixed * shrink[:, None] + tl.dot(weight.to(value.dtype), value)
        highest = new_highest
    tl.store(out + query_at, (mixed / total[:, None]).to(out.dtype.element_ty), mask=is_head)


def supports(head_size: int, dtype: torch.dtype) -> bool:
    """Whether the kernel can serve: heads of 16, 32, ... 256 in half precision."""
    return head_size in (16, 32, 64, 128, 256) and dtype in (torch.bfloat16, torch.float16)


def attend(queries_RGD: Tensor, keys_RTD: Tensor, values_RTD: Tensor, positions_R: Tensor, scale: float) -> Tensor:
    """Attention of one new token, (R x H, G, D): R rows, H heads of keys, G query heads for each of them, T positions.

    Keys and values are contiguous, (R x H, T, D); a row attends to its position and those before it.
    """
    num_pairs, group, size = queries_RGD.shape
    queries_RGD = queries_RGD.contiguous()
    out_RGD = torch.empty_like(queries_RGD)
    _attend[(num_pairs,)](
        queries_RGD,
        keys_RTD,
        values_RTD,
        positions_R,
        out_RGD,
        scale,
        keys_RTD.shape[1],
        num_pairs // len(positions_R),
        GROUP=group,
        TILE=max(SMALLEST_TILE, triton.next_power_of_2(group)),
        SIZE=size,
        BLOCK=POSITIONS_AT_ONCE,
        num_warps=4,
        num_stages=3,
    )
    return out_RGD
