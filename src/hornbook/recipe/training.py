"""Sections about tokens, the model and its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hornbook.recipe.section import Count, Positive, Rate, Section, Share


class TokenizerConfig(Section):
    """The tokenizer (the paper: CodeGen-350M-mono's, 51,200 rows)."""

    vocab_size: Annotated[int, Field(ge=300)] = 51_200
    """Size of the byte-level BPE that is trained on CodeTextbook. Ignored where `path` is given."""
    path: str = ""
    """A tokenizer folder (`tokenizer.json`) to use instead of training one."""


class TokenizeConfig(Section):
    """From text to one long array of tokens per source, with `<|endoftext|>` between files (section 2.3)."""

    validation_share: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.01
    """Share of each source's documents that is kept for the validation loss."""


class ModelConfig(Section):
    """The architecture (section 2.3). Names match Hugging Face's `PhiConfig`."""

    hidden_size: Positive
    """Width of the residual stream."""
    num_hidden_layers: Positive
    """How many blocks."""
    num_attention_heads: Positive
    """How many heads; `hidden_size` must be a multiple of it."""
    intermediate_size: Positive
    """Width of the MLP (the paper: 4 times `hidden_size`)."""
    max_position_embeddings: Positive = 2048
    """The longest sequence that the model sees (section 2.3: 2048)."""
    rotary_dims: Positive = 32
    """Dimensions of each head that the rotary embedding turns (section 2.3: 32); even, at most the head size.
    `PhiConfig` states the same as `partial_rotary_factor` = rotary_dims / head size."""
    rope_theta: Rate = 10_000.0
    """Base of the rotary frequencies."""
    layer_norm_eps: Rate = 1e-5
    """Added to the variance in LayerNorm."""
    initializer_range: Rate = 0.02
    """Standard deviation of the initial weights."""
    tie_word_embeddings: bool = False
    """Whether the output layer reuses the token embedding (phi-1: no)."""
    attention_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Dropout on the attention weights while training (section 2.3: 0.1)."""
    resid_pdrop: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Dropout on what a block adds to the residual stream while training (section 2.3: 0.1)."""

    @property
    def head_size(self) -> int:
        """Dimensions of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        if self.rotary_dims % 2 or self.rotary_dims > self.head_size:
            raise ValueError(
                f"rotary_dims {self.rotary_dims} must be even and at most the head size {self.head_size} "
                f"(hidden_size {self.hidden_size} / num_attention_heads {self.num_attention_heads})"
            )
        return self


TrackerName = Literal["tensorboard", "wandb", "trackio"]
"""What `hornbook.train.trackers` can send curves to."""


class TrainConfig(Section):
    """One training run; pretraining and finetuning are two of these over one loop (section 2.3)."""

    steps: Positive
    """Optimizer steps that the schedule is laid out for."""
    stop_after_steps: Count = 0
    """Stop here although the schedule goes on (the paper takes step 24,000 of 36,000); 0 runs all `steps`."""
    batch_size: Positive
    """Sequences per optimizer step, over all devices and accumulation (the paper: 1024, finetuning 256)."""
    sequence_length: Positive = 2048
    """Tokens per sequence (the paper: 2048)."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`adamw` (the paper's), or `muon`: Muon for the blocks' matrices, AdamW for all the rest."""
    learning_rate: Rate = 1e-3
    """Peak rate of AdamW (section 2.3: 1e-3, finetuning 1e-4)."""
    muon_learning_rate: Rate = 0.02
    """Peak rate of Muon for the blocks' matrices; unused with `adamw`."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.1
    """Decoupled decay on matrices only (section 2.3: 0.1, finetuning 0.01; which tensors, it does not say)."""
    beta1: Share = 0.9
    """AdamW's decay of the first moment (the paper is silent)."""
    beta2: Share = 0.95
    """AdamW's decay of the second moment (the paper is silent)."""
    warmup_steps: Count = 750
    """Steps of linear warmup (section 2.3: 750, finetuning 50)."""
    schedule: Literal["linear", "cosine", "constant", "wsd"] = "linear"
    """After the warmup: `linear` decay to 0 (the paper's), `cosine` to 0, `constant`, or `wsd`
    (constant, then linear to 0 over the last fifth)."""
    gradient_clip: Annotated[float, Field(ge=0.0)] = 1.0
    """Largest norm of the gradient; 0 does not clip (the paper is silent)."""
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Of the matrix products. Weights and optimizer state are fp32 in every case, so an update that is too small for
    bf16 to resolve is kept. `auto`: bf16 where the hardware has it, else fp32. Differs from paper: fp16 there."""
    mixture: Mapping[str, Annotated[float, Field(gt=0.0)]] = Field(default_factory=dict)
    """Share of the sequences drawn from each source, by name; empty draws in proportion to tokens."""
    packing: Literal["slice", "whole"] = "slice"
    """`slice`: sequences cut from one long array (the paper's); `whole`: each sequence is filled with whole documents,
    and the rest is padding that no loss sees."""
    loss_on: Literal["all", "solution"] = "all"
    """`solution`: only tokens after an exercise's docstring count.
    Differs from paper: `all` there, as far as it says."""
    checkpoint_every: Positive = 1000
    """Steps between checkpoints that a killed run goes on from, and a bad step goes back to."""
    select: Literal["last", "validation_loss", "pass_at_1"] = "last"
    """Whose weights are the result: the `last` step's, or, of those measured each `validate_every` or `evaluate_every`
    steps and at the end, the ones with the lowest `validation_loss` (the mean over the sources by their share of the
    sequences) or the highest `pass_at_1` on held-out problems; of equals the earlier. The paper takes the best
    finetuning checkpoint of those saved each 1,000 steps. Differs from paper: it does not say best by what score, and
    HumanEval is no choice here, since choosing by the benchmark that is reported would flatter it; `pass_at_1` flatters
    the held-out score a little."""
    max_rollbacks: Annotated[int, Field(ge=0, le=100)] = 0
    """How often the run goes back to its last checkpoint when a step is bad, and leaves out the batches from there up
    to the bad one (the paper is silent; after PaLM, Chowdhery et al. 2022, arXiv:2204.02311, section 5.1). 0 stops at
    the first bad step."""
    spike_factor: Annotated[float, Field(ge=0.0)] = 0.0
    """A step whose loss is more than so many times the moving average counts as bad, after the warmup. 0: only a step
    that is not finite does."""
    validate_every: Positive = 1000
    """Steps between measurements of the validation loss."""
    validation_sequences: Positive = 64
    """Sequences of each source that a measurement of the validation loss reads; always the same ones."""
    evaluate_every: Count = 0
    """Steps between measurements of pass@1 on held-out problems, by the protocol of `evaluate`; 0 measures none. Each
    costs the time that the log shows with it."""
    evaluate_problems: Positive = 100
    """How many held-out problems such a measurement asks; always the same ones."""
    sample_every: Count = 1000
    """Steps between samples: a greedy completion of one fixed beginning per source, shown and kept in `samples.jsonl`.
    0 writes none."""
    trackers: Annotated[tuple[TrackerName, ...], Field(exclude=True)] = ()
    """Where the curves are sent besides `metrics.jsonl`: TensorBoard, Weights & Biases, trackio. Each needs the extra
    of its name, as in `pip install 'hornbook[tensorboard]'`. The first two write below `trackers` in the run's folder,
    trackio where it always does. No fingerprint covers this."""
    tracker_project: Annotated[str, Field(min_length=1, exclude=True)] = "hornbook"
    """The project that the curves belong to at Weights & Biases and trackio."""
    seed: int = 0
    """Of the initial weights, the order of the data and dropout."""

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps {self.warmup_steps} must be less than steps {self.steps}")
        if self.stop_after_steps > self.steps:
            raise ValueError(f"stop_after_steps {self.stop_after_steps} must be at most steps {self.steps}")
        return self

    @model_validator(mode="after")
    def _check_measures(self) -> Self:
        if self.select == "pass_at_1" and not self.evaluate_every:
            raise ValueError("select 'pass_at_1' needs it measured: set evaluate_every, which is 0")
        if 0 < self.spike_factor <= 1:
            raise ValueError(f"spike_factor {self.spike_factor} must be 0 or more than 1, or every step is a spike")
        return self

    @property
    def last_step(self) -> int:
        """The step after which training ends."""
        return self.stop_after_steps or self.steps

    @property
    def num_batches(self) -> int:
        """Batches that the run may ask for, with all that its rollbacks can leave out."""
        return self.last_step + self.max_rollbacks * self.checkpoint_every

    @property
    def tokens_per_step(self) -> int:
        """Token positions in one batch, padding included."""
        return self.batch_size * self.sequence_length
