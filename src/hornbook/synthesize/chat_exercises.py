"""Exercises by a chat teacher: asked for by constraint, read, proven by running them, and new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hornbook.evaluate.sandbox import Limits, Sandbox
from hornbook.recipe import WriteExercisesConfig, WriterConfig
from hornbook.records import Exercise
from hornbook.run.machine import Machine
from hornbook.synthesize.asking import Asked, ask_in_rounds
from hornbook.synthesize.read_exercise import ExerciseDraft, Unreadable, read_exercise
from hornbook.synthesize.requests import exercise_request
from hornbook.synthesize.verify_exercise import to_exercise, verify_exercises
from hornbook.teacher.chat import ChatRequest

LIMITS = Limits(timeout_s=2.0)


def chat_exercises(
    config: WriteExercisesConfig, writer: WriterConfig, seed: int, replies: Path, machine: Machine, asked: Asked
) -> Iterator[Exercise]:
    """Yields what is right of the replies to `config.num_requests` requests, in their order.

    The rest is counted in `asked` by reason: those of `ask_in_rounds`, `read_exercise` and `verify_exercises`, and
    `duplicate_solution` where an earlier exercise does the same.
    """
    structures: set[bytes] = set()

    def request(index: int) -> ChatRequest:
        return exercise_request(writer, seed, index)

    rounds = ask_in_rounds(writer, replies, request, config.num_requests, asked, device=machine.device)
    with Sandbox(LIMITS, policy=machine.sandbox) as sandbox:
        for texts in rounds:
            drafts = _read(texts, asked)
            outcomes = verify_exercises(
                list(drafts.values()), sandbox, workers=machine.workers, min_held_share=config.min_held_share
            )
            for index, outcome in zip(drafts, outcomes, strict=True):
                if isinstance(outcome, str):
                    asked.drops[outcome] += 1
                elif outcome.draft.structure in structures:
                    asked.drops["duplicate_solution"] += 1
                else:
                    structures.add(outcome.draft.structure)
                    task_id = f"{writer.model}/{seed}/{index}"
                    yield to_exercise(outcome, task_id, f"examples/{seed}/{index}")


def _read(texts: list[tuple[int, str]], asked: Asked) -> dict[int, ExerciseDraft]:
    drafts = {}
    for index, text in texts:
        try:
            drafts[index] = read_exercise(text)
        except Unreadable as reason:
            asked.drops[str(reason)] += 1
    return drafts
