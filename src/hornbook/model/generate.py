"""Generation for many prompts at once: finished sequences leave the batch and waiting ones enter it.

A prompt is read without its trailing whitespace: BPE merges a newline with the indentation after it, so after a
prompt that ends in a newline a model would have to go on with tokens that it never saw there. The completion then
begins with the newline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor

from hornbook.errors import InputError
from hornbook.model.artifact import END_OF_TEXT
from hornbook.model.decoder import Decoder, decoding_dtype, suitable_rows
from hornbook.model.function_end import cut_at_function_end, has_function_ended
from hornbook.model.phi import Phi
from hornbook.model.stop_strings import certain_length, stop_place


@dataclass(frozen=True)
class GenerationConfig:
    """How completions are drawn."""

    max_new_tokens: int
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    """Draw from the likeliest tokens that together have this probability."""
    top_k: int = 0
    """Draw from this many likeliest tokens; 0 is all."""
    batch_size: int = 0
    """Sequences at once; 0 takes what suits the device."""
    seed: int = 0
    """Each prompt draws from a stream of its own, by this seed and the prompt's number."""
    stop_at_function_end: bool = True
    """Stop where a line begins in column 0; the completion is cut there."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion, which is cut before the first of them; see `hornbook.model.stop_strings`."""
    too_long: Literal["error", "truncate"] = "error"
    """A prompt that leaves no room in the model's context: refuse it, or drop its beginning (`room_for_prompt`)."""

    def __post_init__(self) -> None:
        checks = {
            "max_new_tokens": self.max_new_tokens >= 1,
            "temperature": self.temperature >= 0,
            "top_p": 0 < self.top_p <= 1,
            "top_k": self.top_k >= 0,
            "batch_size": self.batch_size >= 0,
            "stop": not isinstance(self.stop, str) and all(self.stop),
        }
        for name, is_valid in checks.items():
            if not is_valid:
                raise InputError(f"generation: {name} cannot be {getattr(self, name)!r}")


@dataclass
class _Sequence:
    """One prompt on its way."""

    number: int
    prompt: list[int]
    limit: int
    """How many tokens it may get: `max_new_tokens`, or what the context has left."""
    draws: list[float]
    """A uniform number for each token to draw; none when greedy."""
    new: list[int] = field(default_factory=list)
    text: str = ""
    """What was written so far, for stopping alone: characters of several tokens show as replacement marks."""


def generate(
    model: Phi,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    config: GenerationConfig,
    *,
    on_progress: Callable[[int], object] | None = None,
) -> list[str]:
    """Completions in the order of the prompts, without `<|endoftext|>`; `on_progress` is told of each that is done.

    A completion does not depend on the other prompts. Raises InputError for a prompt that is empty or too long.
    """
    sequences = [_prepare(model, tokenizer, number, prompt, config) for number, prompt in enumerate(prompts)]
    completions = [""] * len(prompts)
    for sequence, _ in _decode(model, tokenizer, sequences, config):
        completions[sequence.number] = _finished_text(tokenizer, sequence, config)
        if on_progress is not None:
            on_progress(1)
    return completions


def stream(model: Phi, tokenizer: Tokenizer, prompt: str, config: GenerationConfig) -> Iterator[str]:
    """Yields the completion of one prompt piece by piece; the pieces joined are what `generate` returns."""
    shown = ""
    for sequence, is_done in _decode(
        model, tokenizer, [_prepare(model, tokenizer, 0, prompt, config)], config, each_token=True
    ):
        text = _finished_text(tokenizer, sequence, config)
        ready = text if is_done else _without_what_may_go(text, config)
        if len(ready) > len(shown):
            yield ready[len(shown) :]
            shown = ready


def cut_completion(text: str, config: GenerationConfig) -> str:
    """What counts of a text that a model wrote: up to the function's end and the first stop string, where asked."""
    text = cut_at_function_end(text) if config.stop_at_function_end else text
    return text[: stop_place(text, config.stop)]


def room_for_prompt(context: int, max_new_tokens: int) -> int:
    """Tokens of a prompt that truncation keeps: what a whole completion leaves, but never less than half the context.

    Without that half, asking a small model for as many tokens as its context has would take its prompts away.
    """
    return context - min(max_new_tokens, context // 2)


def _prepare(model: Phi, tokenizer: Tokenizer, number: int, prompt: str, config: GenerationConfig) -> _Sequence:
    ids = tokenizer.encode(prompt.rstrip(), add_special_tokens=False).ids
    if not ids:
        raise InputError(f"prompt {number} is empty")
    if max(ids) >= model.vocab_size:
        raise InputError(f"prompt {number}: token {max(ids)} is not in the model's vocabulary of {model.vocab_size}")
    context = model.config.max_position_embeddings
    if len(ids) >= context and config.too_long == "error":
        raise InputError(
            f"prompt {number} has {len(ids)} tokens, which leaves no room in the model's context of {context}; "
            "shorten it, or choose truncation to drop its beginning"
        )
    if config.too_long == "truncate":
        ids = ids[-room_for_prompt(context, config.max_new_tokens) :]
    draws: list[float] = []
    if config.temperature > 0:
        generator = torch.Generator().manual_seed((config.seed * 1_000_003 + number) % 2**63)
        draws = torch.rand(config.max_new_tokens, generator=generator, dtype=torch.float64).tolist()
    return _Sequence(number, ids, min(config.max_new_tokens, context - len(ids)), draws)


def _decode(
    model: Phi, tokenizer: Tokenizer, sequences: list[_Sequence], config: GenerationConfig, each_token: bool = False
) -> Iterator[tuple[_Sequence, bool]]:
    """Yields (sequence, True) as each one finishes; with `each_token` also (sequence, False) after every token."""
    if not sequences:
        return
    eos = tokenizer.token_to_id(END_OF_TEXT)
    piece_of = _PieceTable(tokenizer)
    num_positions = max(len(s.prompt) + s.limit for s in sequences)
    num_rows = min(config.batch_size or suitable_rows(model, num_positions), len(sequences))
    decoder = Decoder(model, num_rows, num_positions, decoding_dtype(model))
    # Neighbours of similar length need little padding.
    waiting = sorted(sequences, key=lambda s: len(s.prompt))
    active: list[_Sequence] = []
    while waiting or active:
        # Prompts are read together once an eighth of the rows is free: one by one they would cost an extra pass each.
        free = num_rows - len(active)
        if waiting and (free >= max(1, num_rows // 8) or free >= len(waiting)):
            entering = [waiting.pop() for _ in range(min(free, len(waiting)))]
            decoder.admit([s.prompt for s in entering])
            active += entering
        chosen = _choose(decoder.step([s.new[-1] if s.new else s.prompt[-1] for s in active]), active, config)
        for row in reversed(range(len(active))):
            sequence = active[row]
            if _append(sequence, chosen[row], eos, piece_of, config):
                decoder.release(row)
                active[row] = active[-1]
                active.pop()
                yield sequence, True
            elif each_token:
                yield sequence, False


class _PieceTable:
    """The text of each token on its own, decoded when first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[int, str] = {}

    def __getitem__(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._tokenizer.decode([token])
        return self._pieces[token]


def _append(sequence: _Sequence, token: int, eos: int | None, piece_of: _PieceTable, config: GenerationConfig) -> bool:
    """Adds a token; whether the sequence is finished with it."""
    if token == eos:
        return True
    sequence.new.append(token)
    piece = piece_of[token]
    at_line_start = sequence.text.endswith("\n")
    sequence.text += piece
    if len(sequence.new) >= sequence.limit:
        return True
    if config.stop_at_function_end and (at_line_start or "\n" in piece) and has_function_ended(sequence.text):
        return True
    return bool(config.stop) and stop_place(sequence.text, config.stop) < len(sequence.text)


def _finished_text(tokenizer: Tokenizer, sequence: _Sequence, config: GenerationConfig) -> str:
    return cut_completion(str(tokenizer.decode(sequence.new, skip_special_tokens=True)), config)


def _without_what_may_go(text: str, config: GenerationConfig) -> str:
    """A completion without its end that more tokens may take back.

    That is a character whose bytes are not all there yet, the beginning of a stop string, and whitespace, since the
    function may end there.
    """
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")
    return text[: certain_length(text, config.stop)].rstrip()


def _choose(logits_BV: Tensor, sequences: Sequence[_Sequence], config: GenerationConfig) -> list[int]:
    """The next token of each row: the likeliest, or drawn by inverting the cumulative distribution."""
    if config.temperature == 0:
        greedy: list[int] = logits_BV.argmax(dim=-1).tolist()
        return greedy
    values_BV, order_BV = torch.sort(logits_BV.double() / config.temperature, dim=-1, descending=True, stable=True)
    if config.top_k:
        values_BV[:, config.top_k :] = float("-inf")
    probabilities_BV = torch.softmax(values_BV, dim=-1)
    if config.top_p < 1:
        # Keeps a token while those before it have less than top_p, so the likeliest always stays.
        before_BV = probabilities_BV.cumsum(dim=-1) - probabilities_BV
        probabilities_BV = probabilities_BV.masked_fill(before_BV >= config.top_p, 0.0)
    cumulative_BV = probabilities_BV.cumsum(dim=-1)
    draws_B = torch.tensor([s.draws[len(s.new)] for s in sequences], dtype=torch.float64, device=logits_BV.device)
    # A draw of exactly 0 must not fall before the first token, nor one near 1 on a token of probability 0.
    targets_B1 = (draws_B * cumulative_BV[:, -1]).unsqueeze(-1)
    ranks_B1 = torch.searchsorted(cumulative_BV, targets_B1, right=True)
    last_B1 = (probabilities_BV > 0).sum(dim=-1, keepdim=True) - 1
    drawn: list[int] = order_BV.gather(-1, torch.minimum(ranks_B1, last_B1)).squeeze(-1).tolist()
    return drawn
