"""The phi-1 architecture (section 2.3 of the paper): decoder only, attention and MLP in parallel from one LayerNorm.

Weights stay fp32, so that updates too small for bf16 to resolve add up. Matrix products run in `compute_dtype`: each
weight is cast where it is used, so that its gradient arrives in fp32. The residual stream and LayerNorm are fp32.

Shape suffixes, as in torchtitan (`x_BTD` has the axes batch, time, width):

    B  sequences in the batch      D  hidden_size             H  heads
    T  positions of this call      F  intermediate_size       K  head size (D / H)
    S  positions attended to       X  3 D: queries, keys and values side by side
    G  2: queries and keys         V  vocabulary
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.model.attention import causal_attention, rotary_tables
from hornbook.model.gelu import gelu
from hornbook.recipe import ModelConfig


class Block(nn.Module):
    """One parallel block: `x + attention(LN(x)) + MLP(LN(x))`.

    Queries, keys and values come from one product. Attention and MLP keep products of their own: joining them, too,
    costs a copy of their inputs or outputs that is dearer on a CPU than the larger product saves.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, inner = config.hidden_size, config.intermediate_size
        self.norm_weight = nn.Parameter(torch.ones(width))
        self.norm_bias = nn.Parameter(torch.zeros(width))
        self.qkv_weight = nn.Parameter(torch.empty(3 * width, width))
        self.qkv_bias = nn.Parameter(torch.zeros(3 * width))
        self.dense_weight = nn.Parameter(torch.empty(width, width))
        self.dense_bias = nn.Parameter(torch.zeros(width))
        self.fc1_weight = nn.Parameter(torch.empty(inner, width))
        self.fc1_bias = nn.Parameter(torch.zeros(inner))
        self.fc2_weight = nn.Parameter(torch.empty(width, inner))
        self.fc2_bias = nn.Parameter(torch.zeros(width))

    def forward(self, run: Callable[..., Tensor], *inputs: Any) -> Tensor:
        """`run` of this block and its inputs: `Block.compute`, or its compiled form.

        A block is called as a module, so that FSDP2's hooks gather its weights in time; what it runs is a plain
        function, so that one compiled graph serves all blocks.
        """
        return run(self, *inputs)

    def compute(
        self, x_BTD: Tensor, cos_TG1K: Tensor, sin_TG1K: Tensor, dtype: torch.dtype, by_autograd: bool
    ) -> Tensor:
        """The block over whole sequences; x is the fp32 residual stream and dtype that of the products."""
        config = self.config
        dropout = config.attention_dropout if config.attention_dropout and self.training else 0.0
        h_BTD = self.normalize(x_BTD, dtype)
        y_BTD = causal_attention(self.project_qkv(h_BTD), cos_TG1K, sin_TG1K, config, dropout, by_autograd)
        return self.add_outputs(x_BTD, h_BTD, y_BTD)

    def normalize(self, x_BTD: Tensor, dtype: torch.dtype) -> Tensor:
        """The LayerNorm that feeds both attention and MLP."""
        width = (self.config.hidden_size,)
        return F.layer_norm(x_BTD, width, self.norm_weight, self.norm_bias, self.config.layer_norm_eps).to(dtype)

    def project_qkv(self, h_BTD: Tensor) -> Tensor:
        """Queries, keys and values, (B, T, 3 D)."""
        return F.linear(h_BTD, self.qkv_weight.to(h_BTD.dtype), self.qkv_bias.to(h_BTD.dtype))

    def add_outputs(self, x_BTD: Tensor, h_BTD: Tensor, y_BTD: Tensor) -> Tensor:
        """The residual sum of x, attention's output y through `dense`, and the MLP of h; dropout on both."""
        dtype = h_BTD.dtype
        u_BTF = F.linear(h_BTD, self.fc1_weight.to(dtype), self.fc1_bias.to(dtype))
        a_BTF = gelu(u_BTF)
        attended_BTD = F.linear(y_BTD, self.dense_weight.to(dtype), self.dense_bias.to(dtype))
        computed_BTD = F.linear(a_BTF, self.fc2_weight.to(dtype), self.fc2_bias.to(dtype))
        if self.config.resid_pdrop and self.training:
            attended_BTD = F.dropout(attended_BTD, self.config.resid_pdrop)
            computed_BTD = F.dropout(computed_BTD, self.config.resid_pdrop)
        return x_BTD + (attended_BTD + computed_BTD)


class Phi(nn.Module):
    """The whole model. Calling it with token ids gives logits; `hidden` stops before the output layer."""

    def __init__(self, config: ModelConfig, vocab_size: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.compute_dtype = torch.float32
        """Of the matrix products: float32, bfloat16 or float16."""
        self.run_block: Callable[..., Tensor] = Block.compute
        """How a block is run: `Block.compute`, or its compiled form."""
        self.is_compiled = False
        width = config.hidden_size
        self.embed_tokens = nn.Parameter(torch.empty(vocab_size, width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.final_norm_weight = nn.Parameter(torch.ones(width))
        self.final_norm_bias = nn.Parameter(torch.zeros(width))
        if not config.tie_word_embeddings:
            self.lm_head_weight = nn.Parameter(torch.empty(vocab_size, width))
        self.lm_head_bias = nn.Parameter(torch.zeros(vocab_size))
        cos_TG1K, sin_TG1K = rotary_tables(config)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos_TG1K, persistent=False)
        self.register_buffer("sin", sin_TG1K, persistent=False)
        self._initialize(seed)

    @torch.no_grad()
    def _initialize(self, seed: int) -> None:
        """Every matrix from a normal distribution, as `PhiForCausalLM` does; on the CPU, so that all devices agree."""
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0.0, self.config.initializer_range, generator=generator)

    def compile_blocks(self) -> None:
        """Runs the blocks through `torch.compile`: one graph serves all, since only their weights differ.

        The embedding stays outside: inductor's gradient of it adds in no fixed order, so runs would not repeat.
        """
        self.run_block = cast(Callable[..., Tensor], torch.compile(Block.compute, dynamic=False))
        self.is_compiled = True

    def run_eagerly(self) -> None:
        """Undoes `compile_blocks`."""
        self.run_block = Block.compute
        self.is_compiled = False

    @property
    def layers(self) -> list[Block]:
        """The blocks with their type."""
        return [cast(Block, block) for block in self.blocks]

    @property
    def head_weight(self) -> Tensor:
        """The output layer's matrix, (V, D)."""
        return self.embed_tokens if self.config.tie_word_embeddings else self.lm_head_weight

    def hidden(self, tokens_BT: Tensor) -> Tensor:
        """The final LayerNorm's output, (B, T, D) in `compute_dtype`, for int64 token ids."""
        dtype, length = self.compute_dtype, tokens_BT.shape[1]
        cos_TG1K, sin_TG1K = self.cos[:length].to(dtype), self.sin[:length].to(dtype)
        x_BTD = F.embedding(tokens_BT, self.embed_tokens).float()
        for block in self.layers:
            x_BTD = block(self.run_block, x_BTD, cos_TG1K, sin_TG1K, dtype, self.is_compiled)
        return self.final_norm(x_BTD)

    def final_norm(self, x_BTD: Tensor) -> Tensor:
        """The last LayerNorm, in `compute_dtype`."""
        width = (self.config.hidden_size,)
        h_BTD = F.layer_norm(x_BTD, width, self.final_norm_weight, self.final_norm_bias, self.config.layer_norm_eps)
        return h_BTD.to(self.compute_dtype)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Logits over the vocabulary, in `compute_dtype`."""
        dtype = self.compute_dtype
        return F.linear(hidden_BTD, self.head_weight.to(dtype), self.lm_head_bias.to(dtype))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Logits (B, T, V) for int64 token ids."""
        return self.logits(self.hidden(tokens_BT))


def num_parameters(config: ModelConfig, vocab_size: int) -> int:
    """How many parameters the model has, biases and norms included."""
    width, inner = config.hidden_size, config.intermediate_size
    block = 4 * width * width + 2 * width * inner + (3 * width + inner) + 2 * width + 2 * width
    embeddings = vocab_size * width * (1 if config.tie_word_embeddings else 2)
    return config.num_hidden_layers * block + embeddings + vocab_size + 2 * width


def flops_per_token(config: ModelConfig, vocab_size: int, sequence_length: int) -> int:
    """Floating-point operations of training per token, forward and backward: 6 N + 12 L D T.

    N counts the weights that take part in a matrix product (blocks and output layer; the embedding is a look-up),
    L layers, D hidden_size, T sequence_length. Attention counts in full, without the saving of the causal mask.
    Source: PaLM, Chowdhery et al. 2022, arXiv:2204.02311, appendix B.
    """
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    weights = layers * (4 * width * width + 2 * width * inner) + vocab_size * width
    return 6 * weights + 12 * layers * width * sequence_length
