"""A model with a key-value cache: one more token for many sequences of different lengths at once.

Shape suffixes as in `hornbook.model.phi`; R is rows of the cache, one a sequence, and C its length in positions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hornbook.model.attention import rotate
from hornbook.model.phi import Block, Phi

CPU_ROWS = 64
GPU_ROWS = 256
"""An H100 writes 23,000 tokens/s with so many of phi-1-small's shape (docs/lab-notes.md); more were not tried."""
SMALL_CPU_MODEL = 50_000_000
"""Below this many parameters a CPU decodes in fp32: a step is bound by overhead, and bf16 gains nothing there."""


def decoding_dtype(model: Phi) -> torch.dtype:
    """bf16 where it pays, else fp32."""
    if model.cos.device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    large = sum(parameter.numel() for parameter in model.parameters()) >= SMALL_CPU_MODEL
    return torch.bfloat16 if large and torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32


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
    """Keys and values of `num_rows` sequences, of which the first `num_active` are in use.

    Rows in use are kept together, so that a finished sequence costs nothing: the last row takes its place.
    """

    def __init__(self, model: Phi, num_rows: int, num_positions: int, dtype: torch.dtype) -> None:
        self._model, self._dtype = model, dtype
        config, device = model.config, model.cos.device
        shape = (config.num_hidden_layers, 2, num_rows, config.num_attention_heads, num_positions, config.head_size)
        # Zeros and not empty: rows are padded to the longest, and garbage times a weight of 0 may be NaN.
        self._cache = torch.zeros(shape, dtype=dtype, device=device)
        self._cos, self._sin = model.cos.to(dtype), model.sin.to(dtype)
        self._columns_S = torch.arange(num_positions, device=device)
        self._blocks = [_cast_block(block, dtype) for block in model.layers]
        self._head_weight = model.head_weight.detach().to(dtype)
        self._head_bias = model.lm_head_bias.detach().to(dtype)
        self.num_active = 0

    @torch.inference_mode()
    def admit(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Reads prompts, padded on the right, into the next free rows; fp32 logits (B, V) after each one's last token.

        Padding is invisible: attention is causal, and each later token takes a padded position's place in the cache.
        """
        batch, length = tokens_BT.shape
        rows = slice(self.num_active, self.num_active + batch)
        positions_BT = torch.arange(length, device=tokens_BT.device).expand(batch, length)
        hidden_BTD = self._extend(tokens_BT, positions_BT, rows, length)
        self.num_active += batch
        return self._logits(hidden_BTD[torch.arange(batch, device=tokens_BT.device), lengths_B - 1])

    @torch.inference_mode()
    def step(self, tokens_B: Tensor, positions_B: Tensor) -> Tensor:
        """Appends one token to every row in use, at its position; fp32 logits (B, V) for the next."""
        span = int(positions_B.max()) + 1
        rows = slice(0, self.num_active)
        return self._logits(self._extend(tokens_B[:, None], positions_B[:, None], rows, span)[:, 0])

    def release(self, row: int) -> None:
        """Gives a row up; the last row in use moves into it."""
        last = self.num_active - 1
        if row != last:
            self._cache[:, :, row] = self._cache[:, :, last]
        self.num_active = last

    def _extend(self, tokens_BT: Tensor, positions_BT: Tensor, rows: slice, span: int) -> Tensor:
        cos_BTG1K, sin_BTG1K = self._cos[positions_BT], self._sin[positions_BT]
        is_prompt = positions_BT.shape[1] > 1
        future_B11S = self._columns_S[:span] > positions_BT[:, -1, None, None, None]
        mask_B11S = torch.zeros(future_B11S.shape, dtype=self._dtype, device=tokens_BT.device)
        mask_B11S.masked_fill_(future_B11S, float("-inf"))
        x_BTD = F.embedding(tokens_BT, self._model.embed_tokens).float()
        for block, cache_GRHCK in zip(self._blocks, self._cache, strict=True):
            h_BTD = block.normalize(x_BTD, self._dtype)
            qkv_BTGHK = block.project_qkv(h_BTD).view(*h_BTD.shape[:2], 3, self._model.config.num_attention_heads, -1)
            qk_BTGHK = rotate(qkv_BTGHK[:, :, :2], cos_BTG1K, sin_BTG1K, self._model.config.rotary_dims)
            keys_BHCK, values_BHCK = cache_GRHCK[0, rows], cache_GRHCK[1, rows]
            _store(keys_BHCK, qk_BTGHK[:, :, 1], positions_BT)
            _store(values_BHCK, qkv_BTGHK[:, :, 2], positions_BT)
            if is_prompt:
                q_BHTK, k_BHTK, v_BHTK = (part.transpose(1, 2) for part in (*qk_BTGHK.unbind(2), qkv_BTGHK[:, :, 2]))
                y_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True, scale=1.0)
            else:
                # k q^T and not q k^T: with one query a row it is 2 to 3 times as fast on a CPU.
                scores_BHS1 = keys_BHCK[:, :, :span] @ qk_BTGHK[:, :, 0].permute(0, 2, 3, 1)
                weights_BH1S = torch.softmax(scores_BHS1.transpose(-1, -2) + mask_B11S, dim=-1)
                y_BHTK = weights_BH1S @ values_BHCK[:, :, :span]
            x_BTD = block.add_outputs(x_BTD, h_BTD, y_BHTK.transpose(1, 2).flatten(2))
        model, width = self._model, (self._model.config.hidden_size,)
        return F.layer_norm(
            x_BTD, width, model.final_norm_weight, model.final_norm_bias, model.config.layer_norm_eps
        ).to(self._dtype)

    def _logits(self, hidden_BD: Tensor) -> Tensor:
        return F.linear(hidden_BD, self._head_weight, self._head_bias).float()


def _store(cache_BHCK: Tensor, new_BTHK: Tensor, positions_BT: Tensor) -> None:
    batch, length = positions_BT.shape
    if length > 1:  # prompts, which begin at position 0
        cache_BHCK[:, :, :length] = new_BTHK.transpose(1, 2)
    else:
        cache_BHCK[torch.arange(batch, device=positions_BT.device), :, positions_BT[:, 0]] = new_BTHK[:, 0]


def _cast_block(block: Block, dtype: torch.dtype) -> Block:
    """The block for inference, its weights cast once. fp32 shares the model's memory."""
    if dtype == torch.float32:
        return block
    copy = Block(block.config).eval().requires_grad_(False).to(block.qkv_weight.device)
    for (name, target), source in zip(copy.named_parameters(), block.parameters(), strict=True):
        # LayerNorm stays fp32, as in training.
        target.data = source.detach() if name.startswith("norm_") else source.detach().to(dtype)
    return copy
