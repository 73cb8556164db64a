"""What a chat teacher is asked when it writes: one request per exercise and per textbook section."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import asdict

from hornbook.recipe import ChatConfig
from hornbook.synthesize.constraints import BEGINNING, constraints_identity, draw_exercise, draw_section, read_examples
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.prompts import prompts_identity, render

EXERCISE_PROMPT = "write_exercise"
SECTION_PROMPT = "write_section"
MAX_EXERCISE_TOKENS = 400
"""A reply with one exercise is cut here; three in four are shorter than 220."""


def exercise_request(config: ChatConfig, seed: int, index: int) -> ChatRequest:
    """The request for one exercise, the same for the same seed and index."""
    return _request("exercise", EXERCISE_PROMPT, asdict(draw_exercise(seed, index)), config, seed, index)


def section_request(config: ChatConfig, seed: int, index: int) -> ChatRequest:
    """The request for one textbook section, as `exercise_request`."""
    return _request("section", SECTION_PROMPT, asdict(draw_section(seed, index)), config, seed, index)


def requests_identity() -> str:
    """What the requests depend on besides the recipe: hex sha256 of the prompts, word lists and worked examples."""
    parts = (prompts_identity(EXERCISE_PROMPT), prompts_identity(SECTION_PROMPT), constraints_identity())
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _request(
    purpose: str, prompt: str, constraints: Mapping[str, str], config: ChatConfig, seed: int, index: int
) -> ChatRequest:
    """A worked example comes first as a turn of its own: a small model keeps to a form that it has just seen."""
    draw = random.Random(f"request/{purpose}/{seed}/{index}")
    example = dict(draw.choice(read_examples()[f"{purpose}s"]))
    reply = example.pop("reply").strip()
    # What the request leaves open, the example's request leaves open.
    example = {name: value if constraints[name] else "" for name, value in example.items()}
    if constraints.get("function_name", "").startswith(BEGINNING):
        example["function_name"] = f"{BEGINNING}{example['function_name'].partition('_')[0]}_"
    return ChatRequest(
        model=config.model,
        messages=(
            Message("system", render(f"{prompt}.system")),
            Message("user", render(f"{prompt}.user", **example)),
            Message("assistant", f"```python\n{reply}\n```" if purpose == "exercise" else reply),
            Message("user", render(f"{prompt}.user", **constraints)),
        ),
        temperature=config.temperature,
        max_tokens=min(config.max_tokens, MAX_EXERCISE_TOKENS) if purpose == "exercise" else config.max_tokens,
        # Tells the samples of the endpoint apart; fits 31 bits, which every server takes.
        seed=draw.getrandbits(31),
    )
