"""What a chat teacher is asked when it writes: one request per exercise and per textbook section.

The starter set's replies are tied to `exercise_request` and `section_request`: as soon as one of these renders another
text than before, that request has no recorded reply.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from hornbook.recipe import ChatConfig
from hornbook.records import Subtopic
from hornbook.synthesize.constraints import BEGINNING, constraints_identity, draw_exercise, draw_section, read_examples
from hornbook.synthesize.topics import NUM_PROPOSED, draw_tree_section, topics_identity
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.prompts import prompts_identity, render

EXERCISE_PROMPT = "write_exercise"
SECTION_PROMPT = "write_section"
PLAIN_EXERCISE_PROMPT = "write_plain_exercise"
TREE_SECTION_PROMPT = "write_tree_section"
PROPOSE_PROMPT = "propose_subtopics"
SOLVE_PROMPT = "solve_exercise"
REPAIR_PROMPT = "repair_section"
VARIED_SECTION_PROMPT = "write_varied_section"
PROMPTS = (EXERCISE_PROMPT, PLAIN_EXERCISE_PROMPT, SOLVE_PROMPT, SECTION_PROMPT, TREE_SECTION_PROMPT, REPAIR_PROMPT,
           PROPOSE_PROMPT, VARIED_SECTION_PROMPT)  # fmt: skip
MAX_EXERCISE_TOKENS = 400
"""A reply with one exercise is cut here; three in four are shorter than 220."""


def exercise_request(config: ChatConfig, seed: int, index: int) -> ChatRequest:
    """The request for one exercise, the same for the same seed and index."""
    return _request("exercise", EXERCISE_PROMPT, asdict(draw_exercise(seed, index)), config, seed, index)


def section_request(config: ChatConfig, seed: int, index: int) -> ChatRequest:
    """The request for one textbook section, as `exercise_request`."""
    return _request("section", SECTION_PROMPT, asdict(draw_section(seed, index)), config, seed, index)


def plain_exercise_request(config: ChatConfig, seed: int, index: int) -> ChatRequest:
    """The request for one exercise without any constraint: what diversity is measured against."""
    draw = random.Random(f"request/{PLAIN_EXERCISE_PROMPT}/{seed}/{index}")
    example = draw.choice(read_examples()["exercises"])["reply"].strip()
    return ChatRequest(
        model=config.model,
        messages=(
            Message("system", render(f"{EXERCISE_PROMPT}.system")),
            Message("user", render(f"{PLAIN_EXERCISE_PROMPT}.user")),
            Message("assistant", f"```python\n{example}\n```"),
            Message("user", render(f"{PLAIN_EXERCISE_PROMPT}.user")),
        ),
        temperature=config.temperature,
        max_tokens=min(config.max_tokens, MAX_EXERCISE_TOKENS),
        seed=draw.getrandbits(31),
    )


def tree_section_request(config: ChatConfig, subtopics: Sequence[Subtopic], seed: int, index: int) -> ChatRequest:
    """The request for one textbook section about a subtopic of the tree."""
    draw = random.Random(f"request/{TREE_SECTION_PROMPT}/{seed}/{index}")
    example = dict(draw.choice(read_examples()["sections"]))
    reply = example.pop("reply").strip()
    return ChatRequest(
        model=config.model,
        messages=(
            Message("system", render(f"{SECTION_PROMPT}.system")),
            Message("user", render(f"{SECTION_PROMPT}.user", **example)),
            Message("assistant", reply),
            Message("user", render(f"{TREE_SECTION_PROMPT}.user", **asdict(draw_tree_section(subtopics, seed, index)))),
        ),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        seed=draw.getrandbits(31),
    )


def proposal_request(config: ChatConfig, topic: str, known: Sequence[str], seed: int) -> ChatRequest:
    """The request for further subtopics of a topic besides those that are known."""
    values = {"topic": topic, "subtopics": "\n".join(known), "count": str(NUM_PROPOSED)}
    return ChatRequest(
        model=config.model,
        messages=(
            Message("system", render(f"{PROPOSE_PROMPT}.system")),
            Message("user", render(f"{PROPOSE_PROMPT}.user", **values)),
        ),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        seed=random.Random(f"request/{PROPOSE_PROMPT}/{seed}/{topic}").getrandbits(31),
    )


def requests_identity() -> str:
    """What the requests depend on besides the recipe: hex sha256 of the prompts, word lists and worked examples."""
    parts = [*map(prompts_identity, PROMPTS), constraints_identity(), topics_identity()]
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
