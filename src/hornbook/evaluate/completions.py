"""Completions of prompts by a model, in the one way that every score and every comparison uses."""

from __future__ import annotations

from collections.abc import Sequence

from hornbook.model.artifact import ModelArtifact
from hornbook.model.generate import GenerationConfig, generate
from hornbook.run.machine import Machine
from hornbook.run.progress import meter

PROMPT_POLICY = "trailing whitespace removed; one that is too long for the context loses its beginning"
TRUNCATION = "end of text, or end of the function; then cut at the end of the function"


def complete(
    model: ModelArtifact,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    machine: Machine,
    label: str,
) -> list[str]:
    """One completion per prompt, cut at the end of the function. Trailing whitespace of a prompt makes no difference.

    A prompt that is too long for the model's context is a problem that the model gets wrong, not an error.
    """
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        seed=seed,
        stop_at_function_end=True,
        too_long="truncate",
    )
    with meter(f"{label}: completing", len(prompts), "prompts") as shown:
        return generate(
            model.load_model(machine.device),
            model.tokenizer(),
            prompts,
            config,
            on_progress=shown.advance,
        )
