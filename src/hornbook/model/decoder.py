"""A model with a key-value cache: one more token for many sequences of different lengths at once.

Shape suffixes as in `hornbook.model.phi`; R is rows of the cache, one a sequence, C its length in positions, and N is
rows times heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hornbook.model.attention import rotate
from hornbook.model.phi import Block, Phi
from hornbook.run.precision import multiplies_bf16

CPU_ROWS = 64
GPU_ROWS = 256
"""An H100 writes 23,000 tokens/s with so many of phi-1-small's shape (docs/lab-notes.md); more were not tried."""
PROMPT_TOKENS_AT_ONCE = {"cpu": 1024, "cuda": 32_768}
"""Padding included; so few that prompts of different lengths do not pad one another much."""
CPU_ROWS_TOGETHER = 8
"""Rows whose attention goes together at least, up to the longest of them; more where they are of similar length."""
SIMILAR_LENGTH = 0.75
SMALL_CPU_MODEL = 50_000_000
"""Below this many parameters a CPU decodes in fp32, which is exact; above it bf16's faster products pay more."""


def decoding_dtype(model: Phi) -> torch.dtype:
    """bf16 where it pays, else fp32."""
    device = model.cos.device
    pays = device.type == "cuda" or sum(parameter.numel() for parameter in model.parameters()) >= SMALL_CPU_MODEL
    return torch.bfloat16 if pays and multiplies_bf16(device) else torch.float32


def suitable_rows(model: Phi, num_positions: int) -> int:
    """How many sequences to decode at once: more are no faster on a CPU, and on a GPU half its free memory holds them.

    `num_positions` is the longest sequence, prompt and completion.
    """
    if model.cos.device.type == "cpu":
        return CPU_ROWS
    free, _ = torch.cuda.mem_get_info(model.cos.device)
    row_bytes = 2 * model.config.num_hidden_layers * model.config.hidden_size * num_positions * 2
    return int(min(GPU_ROWS, max(1, free / 2 // row_bytes)))


class Decoder:
    """Keys and values of at most `num_rows` sequences of at most `num_positions` tokens.

    Rows in use are kept together, so that a finished sequence costs nothing: the last row takes its place.
    """

    def __init__(self, model: Phi, num_rows: int, num_positions: int, dtype: torch.dtype) -> None:
        self._model, self._dtype = model, dtype
        config, device = model.config, model.cos.device
        shape = (config.num_hidden_layers, 2, num_rows, config.num_attention_heads, num_positions, config.head_size)
        self._cache = _zeros(shape, dtype, device)
        self._mask_RC = torch.full((num_rows, num_positions), float("-inf"), dtype=dtype, device=device)
        self._columns_C = torch.arange(num_positions, device=device)
        self._cos, self._sin = model.cos.to(dtype), model.sin.to(dtype)
        self._blocks = [_cast_block(block, dtype) for block in model.layers]
        self._head_weight = model.head_weight.detach().to(dtype)
        self._head_bias = model.lm_head_bias.detach().to(dtype)
        self._lengths: list[int] = []
        """Tokens read so far, of each row in use."""

    @property
    def num_active(self) -> int:
        """Rows in use, which are the first ones."""
        return len(self._lengths)

    @torch.inference_mode()
    def admit(self, prompts: Sequence[Sequence[int]]) -> None:
        """Reads prompts into the next free rows, each but for its last token, which its first `step` takes.

        A few go together, padded to the longest, so prompts that come sorted by length are read with little padding.
        """
        for together in _split(prompts, PROMPT_TOKENS_AT_ONCE[self._cache.device.type]):
            self._read(together)

    def _read(self, prompts: Sequence[Sequence[int]]) -> None:
        """Reads prompts in one pass, padded on the right.

        Padding is invisible: attention is causal, and each later token takes a padded position's place in the cache.
        """
        device, config = self._cache.device, self._model.config
        lengths = [len(prompt) - 1 for prompt in prompts]
        first, width = self.num_active, max(lengths)
        tokens_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        for row, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
            tokens_BT[row, :length] = torch.tensor(prompt[:length], dtype=torch.long)
        self._lengths += lengths
        rows = slice(first, first + len(prompts))
        is_padding_BC = self._columns_C >= torch.tensor(lengths, device=device)[:, None]
        self._mask_RC[rows] = torch.zeros_like(self._mask_RC[rows]).masked_fill_(is_padding_BC, float("-inf"))
        if not width:
            return
        cos_TG1K, sin_TG1K = self._cos[:width], self._sin[:width]
        x_BTD = F.embedding(tokens_BT.to(device), self._model.embed_tokens).float()
        for number, (block, cache_GRHCK) in enumerate(zip(self._blocks, self._cache, strict=True)):
            h_BTD = block.normalize(x_BTD, self._dtype)
            qkv_BTGHK = block.project_qkv(h_BTD).view(*h_BTD.shape[:2], 3, config.num_attention_heads, -1)
            qk_BTGHK = rotate(qkv_BTGHK[:, :, :2], cos_TG1K, sin_TG1K, config.rotary_dims)
            q_BHTK, k_BHTK, v_BHTK = (part.transpose(1, 2) for part in (*qk_BTGHK.unbind(2), qkv_BTGHK[:, :, 2]))
            cache_GRHCK[0, rows, :, :width], cache_GRHCK[1, rows, :, :width] = k_BHTK, v_BHTK
            if number == len(self._blocks) - 1:  # no later block reads what this one adds
                return
            y_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True, scale=1.0)
            x_BTD = block.add_outputs(x_BTD, h_BTD, y_BHTK.transpose(1, 2).flatten(2))

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> Tensor:
        """Appends one token to every row in use; fp32 logits (B, V) for the next."""
        device, model = self._cache.device, self._model
        tokens_B, positions_B = torch.tensor([tokens, self._lengths], device=device)
        rows_B = torch.arange(len(tokens), device=device)
        self._mask_RC[rows_B, positions_B] = 0.0
        self._lengths = [length + 1 for length in self._lengths]
        cos_BG1K, sin_BG1K = self._cos[positions_B], self._sin[positions_B]
        groups = self._groups()
        x_BD = F.embedding(tokens_B, model.embed_tokens).float()
        for block, cache_GRHCK in zip(self._blocks, self._cache, strict=True):
            h_BD = block.normalize(x_BD, self._dtype)
            qkv_BGHK = block.project_qkv(h_BD).view(len(tokens), 3, model.config.num_attention_heads, -1)
            qkv_BGHK[:, :2] = rotate(qkv_BGHK[:, :2], cos_BG1K, sin_BG1K, model.config.rotary_dims)
            cache_GRHCK[:, rows_B, :, positions_B] = qkv_BGHK[:, 1:]
            x_BD = block.add_outputs(x_BD, h_BD, self._attend(qkv_BGHK[:, 0], cache_GRHCK, groups))
        width = (model.config.hidden_size,)
        weight, bias, epsilon = model.final_norm_weight, model.final_norm_bias, model.config.layer_norm_eps
        hidden_BD = F.layer_norm(x_BD, width, weight, bias, epsilon).to(self._dtype)
        return F.linear(hidden_BD, self._head_weight, self._head_bias).float()

    def _groups(self) -> list[tuple[slice, int]]:
        """Rows whose attention goes together, with the length of the longest of them.

        On a GPU all rows do: launches cost more there than reading a cache further than a row needs.
        """
        lengths = self._lengths
        if self._cache.device.type != "cpu":
            return [(slice(0, len(lengths)), max(lengths))]
        groups, start = [], 0
        while start < len(lengths):
            end = min(start + CPU_ROWS_TOGETHER, len(lengths))
            longest = max(lengths[start:end])
            while end < len(lengths) and SIMILAR_LENGTH * longest <= lengths[end] <= longest:
                end += 1
            groups.append((slice(start, end), longest))
            start = end
        return groups

    def _attend(self, q_BHK: Tensor, cache_GRHCK: Tensor, groups: list[tuple[slice, int]]) -> Tensor:
        """Attention of one token of each row to its row of the cache, (B, D)."""
        keys_RHCK, values_RHCK = cache_GRHCK
        attended = []
        for rows, span in groups:
            q_RH1K, mask_R11S = q_BHK[rows, :, None], self._mask_RC[rows, None, None, :span]
            keys_RHSK, values_RHSK = keys_RHCK[rows, :, :span], values_RHCK[rows, :, :span]
            if q_BHK.device.type == "cpu":
                y_RH1K = F.scaled_dot_product_attention(q_RH1K, keys_RHSK, values_RHSK, mask_R11S, scale=1.0)
            else:
                scores_RHS1 = keys_RHSK @ q_RH1K.transpose(-1, -2)
                y_RH1K = torch.softmax(scores_RHS1.transpose(-1, -2) + mask_R11S, dim=-1) @ values_RHSK
            attended.append(y_RH1K.flatten(1))
        return torch.cat(attended)

    def release(self, row: int) -> None:
        """Gives a row up; the last row in use moves into it."""
        length, last = self._lengths.pop(), self.num_active
        if row != last:
            self._lengths[row] = length
            self._cache[:, :, row, :, :length] = self._cache[:, :, last, :, :length]
            self._mask_RC[row] = self._mask_RC[last]


def _split(prompts: Sequence[Sequence[int]], num_tokens: int) -> Iterator[list[Sequence[int]]]:
    """Yields prompts in their order, as many at once as have at most `num_tokens` when padded to the longest."""
    together: list[Sequence[int]] = []
    for prompt in prompts:
        if together and (len(together) + 1) * max(map(len, (*together, prompt))) > num_tokens:
            yield together
            together = []
        together.append(prompt)
    yield together


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros and not empty: rows are read up to the longest of their group, and garbage times a weight of 0 may be NaN.

    On a CPU NumPy makes them, which leaves it to the system to clear a page when it is first touched: most of a cache
    never is.
    """
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    size_bytes = math.prod(shape) * dtype.itemsize
    return torch.from_numpy(np.zeros(size_bytes, dtype=np.uint8)).view(dtype).view(shape)


def _cast_block(block: Block, dtype: torch.dtype) -> Block:
    """The block for inference, its weights cast once. fp32 shares the model's memory."""
    if dtype == torch.float32:
        return block
    copy = Block(block.config).eval().requires_grad_(False).to(block.qkv_weight.device)
    for (name, target), source in zip(copy.named_parameters(), block.parameters(), strict=True):
        # LayerNorm stays fp32, as in training.
        target.data = source.detach() if name.startswith("norm_") else source.detach().to(dtype)
    return copy
