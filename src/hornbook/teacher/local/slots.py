"""Keys and values of many sequences of different lengths, and the attention that a Hugging Face model does over them.

A model is given no cache of its own: its attention is `attend_in_slots`, which finds the `Slots` among the keyword
arguments that models hand down to their attention. Any architecture that goes through transformers' attention
interface and has plain causal attention can use them; `hornbook.teacher.local.decode` checks that it does.

Shape suffixes: R rows, H heads of keys and values, G query heads for each of them, P tokens of a prompt, T positions
of the cache, D head size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NAME = "hornbook_slots"
"""Of the attention, for transformers."""
NOT_PLAIN = ("softcap", "s_aux", "position_bias")
"""Arguments of attentions that are not plain softmax over keys."""


class UnsupportedModel(Exception):
    """The model's attention needs something that slots do not have."""


@dataclass(frozen=True)
class KeyValueShape:
    """What one position of a sequence takes."""

    num_layers: int
    num_kv_heads: int
    head_size: int

    @classmethod
    def of(cls, config: Any) -> KeyValueShape:
        """Reads a Hugging Face config of a text model."""
        num_heads = config.num_attention_heads
        return cls(
            num_layers=config.num_hidden_layers,
            num_kv_heads=getattr(config, "num_key_value_heads", None) or num_heads,
            head_size=getattr(config, "head_dim", None) or config.hidden_size // num_heads,
        )

    def num_bytes(self, dtype: torch.dtype) -> int:
        """Bytes of one position."""
        return 2 * self.num_layers * self.num_kv_heads * self.head_size * dtype.itemsize


class Slots:
    """The cache. One forward pass either reads prompts (`enter`) or one token for each of the first rows (`step`)."""

    def __init__(
        self, shape: KeyValueShape, num_rows: int, num_positions: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        # Zeros and not empty: what lies behind a row's length is multiplied by a weight of 0, and NaN stays NaN.
        size = (shape.num_layers, num_rows, shape.num_kv_heads, num_positions, shape.head_size)
        self.keys = torch.zeros(size, dtype=dtype, device=device)
        self.values = torch.zeros(size, dtype=dtype, device=device)
        self.num_positions = num_positions
        self.kernel = _find_kernel(shape.head_size, dtype, device)
        """For a step on CUDA; None takes two matrix products over the whole span."""
        self._all_rows_R = torch.arange(num_rows, device=device)
        self._columns_T = torch.arange(num_positions, device=device)
        self._entering_R: Tensor | None = None
        self._positions_R = self._all_rows_R
        self._span = num_positions

    def enter(self, rows_R: Tensor) -> None:
        """The next pass reads prompts into these rows, padded on the right."""
        self._entering_R = rows_R

    def step(self, positions_R: Tensor, span: int) -> None:
        """The next pass reads one token at its position into each of the first rows; no position is `span` or more."""
        self._entering_R, self._positions_R, self._span = None, positions_R, span

    def move(self, sources: list[int], targets: list[int]) -> None:
        """Copies rows onto others."""
        # Layer by layer: the copy of a copy is then small.
        for cache in (*self.keys, *self.values):
            cache[targets] = cache[sources]

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        """Keeps the keys and values of a pass and returns its attention, as (R, H x G, P, D)."""
        if self._entering_R is not None:
            # Padding is written too: each later token takes a padded position's place before it is read.
            self.keys[layer, self._entering_R, :, : keys.shape[2]] = keys
            self.values[layer, self._entering_R, :, : values.shape[2]] = values
            return F.scaled_dot_product_attention(queries, keys, values, is_causal=True, scale=scale, enable_gqa=True)
        num_rows, num_heads, _, size = queries.shape
        rows_R = self._all_rows_R[:num_rows]
        self.keys[layer, rows_R, :, self._positions_R] = keys[:, :, 0]
        self.values[layer, rows_R, :, self._positions_R] = values[:, :, 0]
        past_keys, past_values = self.keys[layer, :num_rows].flatten(0, 1), self.values[layer, :num_rows].flatten(0, 1)
        grouped = queries.reshape(len(past_keys), -1, size)
        if self.kernel is not None:
            mixed = self.kernel(grouped, past_keys, past_values, self._positions_R, scale)
        else:
            past_keys, past_values = past_keys[:, : self._span], past_values[:, : self._span]
            mixed = self._attend_by_products(grouped, past_keys, past_values, scale)
        return mixed.view(num_rows, num_heads, 1, size)

    def _attend_by_products(self, queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        num_rows, group = len(self._positions_R), queries.shape[1]
        scores = torch.bmm(queries, keys.transpose(1, 2)).view(num_rows, -1, group, self._span).float() * scale
        is_future_R11T = (self._columns_T[: self._span] > self._positions_R[:, None])[:, None, None]
        weights = scores.masked_fill_(is_future_R11T, float("-inf")).softmax(dim=-1)
        return torch.bmm(weights.flatten(0, 1).to(values.dtype), values)


@torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
def attend_in_slots(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    slots: Slots | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """The attention that transformers calls: (R, heads, P, D) in, (R, P, heads, D) out.

    Raises UnsupportedModel where the model asks for more than plain causal attention.
    """
    asked = [name for name in NOT_PLAIN if others.get(name) is not None]
    if slots is None or asked:
        raise UnsupportedModel(f"its attention needs {', '.join(asked)}" if asked else "it drops keyword arguments")
    if sliding_window is not None and sliding_window < slots.num_positions:
        raise UnsupportedModel(f"its attention has a window of {sliding_window} tokens")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer: int = module.layer_idx  # type: ignore[assignment]
    return slots.attend(layer, query, key, value, scale).transpose(1, 2), None


def _find_kernel(
    head_size: int, dtype: torch.dtype, device: torch.device
) -> Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor] | None:
    if device.type != "cuda":
        return None
    try:
        # PyTorch for CUDA on Linux brings Triton along; other builds do without.
        from hornbook.teacher.local import kernel
    except ModuleNotFoundError:
        return None
    return kernel.attend if kernel.supports(head_size, dtype) else None
