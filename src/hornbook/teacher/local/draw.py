"""Choosing the next token of many rows at once, without waiting for the device.

Each prompt draws from a stream of uniform numbers of its own, so that what it gets does not depend on the rows beside
it; a number is turned into a token by inverting the cumulative distribution. The vocabulary is summed in blocks first,
because a cumulative sum over all of it for all rows would cost more than the model's last layer.

Shape suffixes: R rows, V vocabulary, N numbers a row, K blocks of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 128
"""Tokens of the vocabulary that are summed together."""
ROWS_AT_ONCE = 256
"""Bounds the memory of a draw: fp32 copies of so many rows of logits."""


@dataclass(frozen=True)
class Prompt:
    """What is to be continued, and how."""

    number: int
    """Tells prompts apart."""
    tokens: tuple[int, ...]
    limit: int
    """How many new tokens it may get, at least 1."""
    temperature: float
    """0 is greedy."""
    seed: int
    """Of its stream of uniform numbers; 0 to 2^63 - 1."""


@dataclass(frozen=True)
class Completion:
    """What a prompt got."""

    number: int
    tokens: tuple[int, ...]
    """Without the stop token."""
    has_stopped: bool
    """Whether the model ended it; otherwise the limit did."""


def completion(prompt: Prompt, tokens: Sequence[int], stop_tokens: frozenset[int]) -> Completion:
    """Reads the tokens that a row got, the stop token included."""
    has_stopped = bool(tokens) and tokens[-1] in stop_tokens
    return Completion(prompt.number, tuple(tokens[:-1] if has_stopped else tokens), has_stopped)


def uniform_table(prompts: Sequence[Prompt], num_columns: int) -> Tensor:
    """Each prompt's uniform numbers in [0, 1), fp32 (R, N); zeros after its limit and where it is greedy."""
    table_RN = torch.zeros(len(prompts), num_columns)
    for row, prompt in enumerate(prompts):
        if prompt.temperature > 0:
            generator = torch.Generator().manual_seed(prompt.seed)
            table_RN[row, : prompt.limit] = torch.rand(prompt.limit, generator=generator)
    return table_RN


def block_weights(logits_RV: Tensor, inverse_R1: Tensor) -> Tensor:
    """Log of the summed weights of each block, fp32 (R, K); V is a whole number of blocks."""
    scaled_RKB = logits_RV.float().view(len(logits_RV), -1, BLOCK) * inverse_R1[:, :, None]
    return torch.logsumexp(scaled_RKB, dim=-1)


def draw(
    logits_RV: Tensor,
    temperature_R: Tensor,
    uniform_R: Tensor,
    weigh: Callable[[Tensor, Tensor], Tensor] = block_weights,
) -> Tensor:
    """The next token of each row, long (R): the likeliest at temperature 0, otherwise by its uniform number.

    `weigh` is `block_weights`, or that compiled.
    """
    chosen = [
        _draw(logits_RV[part], temperature_R[part], uniform_R[part], weigh)
        for part in (slice(first, first + ROWS_AT_ONCE) for first in range(0, len(logits_RV), ROWS_AT_ONCE))
    ]
    return torch.cat(chosen)


def _draw(
    logits_RV: Tensor, temperature_R: Tensor, uniform_R: Tensor, weigh: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    likeliest_R = logits_RV.argmax(dim=-1)
    if logits_RV.shape[-1] % BLOCK:
        logits_RV = F.pad(logits_RV, (0, -logits_RV.shape[-1] % BLOCK), value=float("-inf"))
    inverse_R1 = torch.where(temperature_R > 0, temperature_R, 1.0).reciprocal()[:, None]
    log_RK = weigh(logits_RV, inverse_R1)
    shift_R1 = log_RK.amax(dim=-1, keepdim=True)
    weights_RK = (log_RK - shift_R1).exp()
    ends_RK = weights_RK.cumsum(dim=-1)
    target_R1 = uniform_R[:, None] * ends_RK[:, -1:]
    block_R1 = _find(ends_RK, target_R1, weights_RK)
    inside_R1B = logits_RV.view(len(logits_RV), -1, BLOCK).gather(1, block_R1[:, :, None].expand(-1, -1, BLOCK))
    inside_RB = (inside_R1B[:, 0].float() * inverse_R1 - shift_R1).exp()
    # Rounding may put the target just before the block or just behind it.
    rest_R1 = (target_R1 - (ends_RK - weights_RK).gather(1, block_R1)).clamp(min=0)
    column_R1 = _find(inside_RB.cumsum(dim=-1), rest_R1, inside_RB)
    drawn_R = (block_R1 * BLOCK + column_R1)[:, 0]
    return torch.where(temperature_R > 0, drawn_R, likeliest_R)


def _find(ends: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """The first column that ends behind the target, and never one of no weight."""
    columns = torch.arange(weights.shape[-1], device=weights.device)
    last = torch.where(weights > 0, columns, 0).amax(dim=-1, keepdim=True)
    return torch.minimum(torch.searchsorted(ends, target, right=True), last)
