"""Generation for models that slots cannot serve: batches padded on the left, with transformers' own cache.

Slower by far: a batch takes as long as its longest reply, and the cache is copied at each step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch

from hornbook.teacher.local.draw import Completion, Prompt, completion, draw, uniform_table


def run_padded(
    model: Any, stop_tokens: Collection[int], prompts: Sequence[Prompt], num_rows: int
) -> Iterator[list[Completion]]:
    """As `RowDecoder.run`, with the same draws. Yields a batch when all of it is done."""
    model.set_attn_implementation("sdpa")
    ordered = sorted(prompts, key=lambda prompt: len(prompt.tokens), reverse=True)
    for first in range(0, len(ordered), num_rows):
        yield _run_batch(model, frozenset(stop_tokens), ordered[first : first + num_rows])


@torch.inference_mode()
def _run_batch(model: Any, stop_tokens: frozenset[int], prompts: Sequence[Prompt]) -> list[Completion]:
    device, longest = model.device, max(len(prompt.tokens) for prompt in prompts)
    tokens_RP = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask_RP = torch.zeros_like(tokens_RP)
    for row, prompt in enumerate(prompts):
        tokens_RP[row, longest - len(prompt.tokens) :] = torch.tensor(prompt.tokens)
        mask_RP[row, longest - len(prompt.tokens) :] = 1
    tokens_RP, mask_RP = tokens_RP.to(device), mask_RP.to(device)
    positions_RP = (mask_RP.cumsum(dim=-1) - 1).clamp(min=0)
    limits = [prompt.limit for prompt in prompts]
    temperatures_R = torch.tensor([prompt.temperature for prompt in prompts], device=device)
    uniform_RN = uniform_table(prompts, max(limits)).to(device)
    new: list[list[int]] = [[] for _ in prompts]
    cache = None
    for column in range(max(limits)):
        # The model may be compiled for slots.
        with torch.compiler.set_stance("force_eager"):
            passed = model(
                input_ids=tokens_RP,
                attention_mask=mask_RP,
                position_ids=positions_RP,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        cache = passed.past_key_values
        chosen_R = draw(passed.logits[:, -1], temperatures_R, uniform_RN[:, column])
        is_running = [
            len(so_far) < limit and not (so_far and so_far[-1] in stop_tokens)
            for so_far, limit in zip(new, limits, strict=True)
        ]
        if not any(is_running):
            break
        for so_far, token, goes_on in zip(new, chosen_R.tolist(), is_running, strict=True):
            if goes_on:
                so_far.append(token)
        tokens_RP, positions_RP = chosen_R[:, None], positions_RP[:, -1:] + 1
        mask_RP = torch.cat([mask_RP, torch.ones_like(mask_RP[:, :1])], dim=-1)
    return [completion(prompt, tokens, stop_tokens) for prompt, tokens in zip(prompts, new, strict=True)]
