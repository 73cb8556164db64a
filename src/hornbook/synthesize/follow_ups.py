"""Requests that follow from a reply: a further solution of an exercise, and the repair of a textbook section."""

from __future__ import annotations

import random

from hornbook.recipe import ChatConfig
from hornbook.synthesize.read_exercise import ExerciseDraft
from hornbook.synthesize.requests import MAX_EXERCISE_TOKENS, REPAIR_PROMPT, SOLVE_PROMPT
from hornbook.synthesize.verify_exercise import prompt_of
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.prompts import render


def solution_request(config: ChatConfig, seed: int, index: int, number: int, draft: ExerciseDraft) -> ChatRequest:
    """Asks for solution `number` of the exercise that reply `index` drafts, by its signature and docstring alone."""
    draw = random.Random(f"request/{SOLVE_PROMPT}/{seed}/{index}/{number}")
    return ChatRequest(
        model=config.model,
        messages=(
            Message("system", render(f"{SOLVE_PROMPT}.system")),
            Message("user", render(f"{SOLVE_PROMPT}.user", prompt=prompt_of(draft, "").rstrip())),
        ),
        temperature=config.temperature,
        max_tokens=min(config.max_tokens, MAX_EXERCISE_TOKENS),
        seed=draw.getrandbits(31),
    )


def repair_request(request: ChatRequest, reply: str, error: str) -> ChatRequest:
    """Asks for a section anew: the request that it answered, the reply, and the error of its code."""
    return request.followed_by(reply, render(f"{REPAIR_PROMPT}.user", error=error))
