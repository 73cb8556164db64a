"""Completions of prompts by a model, in the one way that every score and every comparison uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tokenizers import Tokenizer

from hornbook.evaluate.forms import FUNCTION, CompletionForm
from hornbook.run.machine import Machine
from hornbook.run.progress import meter

if TYPE_CHECKING:
    from hornbook.model.phi import Phi


class Completer(Protocol):
    """What completes: a model with its tokenizer, on disk (`ModelArtifact`) or open already."""

    def load_model(self, device: str = "auto") -> Phi:
        """The model, ready to generate."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that it was trained with."""


def complete(
    model: Completer,
    prompts: Sequence[str],
    form: CompletionForm = FUNCTION,
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    machine: Machine,
    label: str,
) -> list[str]:
    """One completion per prompt, cut where the form ends. Trailing whitespace of a prompt makes no difference.

    A prompt that is too long for the model's context loses its beginning.
    """
    completions, _ = complete_and_count(
        model,
        prompts,
        form,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        seed=seed,
        machine=machine,
        label=label,
    )
    return completions


def complete_and_count(
    model: Completer,
    prompts: Sequence[str],
    form: CompletionForm,
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    machine: Machine,
    label: str,
) -> tuple[list[str], int]:
    """The completions as `complete` gives them, and how many prompts lost their beginning."""
    from hornbook.model.generate import GenerationConfig, generate, room_for_prompt

    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        seed=seed,
        stop_at_function_end=form.ends_with_function,
        stop=tuple(sorted(form.stops)),
        too_long="truncate",
    )
    phi, tokenizer = model.load_model(machine.device), model.tokenizer()
    with meter(f"{label}: completing", len(prompts), "prompts") as shown:
        completions = generate(phi, tokenizer, prompts, config, on_progress=shown.advance)
    room = room_for_prompt(phi.config.max_position_embeddings, max_new_tokens)
    num_cut = sum(len(tokenizer.encode(prompt.rstrip(), add_special_tokens=False).ids) > room for prompt in prompts)
    return completions, num_cut
