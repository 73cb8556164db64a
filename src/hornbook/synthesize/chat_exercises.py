"""Exercises by a chat teacher: asked for by constraint, read, proven by running them, and new."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.evaluate.sandbox import Sandbox
from hornbook.recipe import WriteExercisesConfig, WriterConfig
from hornbook.records import Exercise, UnverifiedExercise
from hornbook.run.machine import Machine
from hornbook.synthesize.agree import Candidates, find_agreement
from hornbook.synthesize.asking import Asked, ask_in_rounds
from hornbook.synthesize.follow_ups import solution_request
from hornbook.synthesize.read_exercise import ExerciseDraft, Unreadable, read_exercise
from hornbook.synthesize.read_solution import read_solution
from hornbook.synthesize.requests import exercise_request, plain_exercise_request
from hornbook.synthesize.vary_inputs import vary_inputs
from hornbook.synthesize.verify_exercise import Verified, open_sandboxes, to_exercise, verify_exercises
from hornbook.teacher.chat import ChatReply, ChatRequest

SOLVED_AGAIN = ("tests_fail", "raises", "too_few_asserts", "one_result")
"""What may be wrong with the stated results and not with the task."""
NUM_INPUTS = 12
"""That solutions are compared on, the stated ones among them."""


def chat_exercises(
    config: WriteExercisesConfig,
    writer: WriterConfig,
    seed: int,
    replies: Path,
    machine: Machine,
    asked: Asked,
    *,
    is_baseline: bool = False,
) -> Iterator[Exercise | UnverifiedExercise]:
    """Yields what became of each reply to `config.num_requests` requests, round by round in their order.

    A baseline is `config.num_baseline_requests` requests without constraints. What is no exercise is counted in
    `asked` by its reason: those of `ask_in_rounds` (also the ones that have no reply to yield), `read_exercise`,
    `verify_exercises` and `find_agreement`. Where an earlier exercise does the same, `duplicate_solution` is counted
    and nothing yielded.
    """
    writing = _Writing(config, writer, seed, machine.workers, asked, "baseline/" if is_baseline else "")
    build = plain_exercise_request if is_baseline else exercise_request
    count = config.num_baseline_requests if is_baseline else config.num_requests

    def request(index: int) -> ChatRequest:
        return build(writer, seed, index)

    rounds = ask_in_rounds(writer, replies, request, count, asked, device=machine.device)
    structures: set[bytes] = set()
    with open_sandboxes(machine.sandbox) as sandboxes:
        for texts in rounds:
            outcomes = writing.verify(texts, sandboxes)
            for index, text in texts:
                outcome, task_id = outcomes[index], writing.task_id(index)
                if isinstance(outcome, str):
                    asked.drops[outcome] += 1
                    yield UnverifiedExercise(task_id, outcome, text)
                elif outcome.draft.structure in structures:
                    asked.drops["duplicate_solution"] += 1
                else:
                    structures.add(outcome.draft.structure)
                    yield to_exercise(outcome, task_id, f"examples/{seed}/{index}")
            for index, text in asked.cut_off:
                yield UnverifiedExercise(writing.task_id(index), "cut_off", text)


@dataclass(frozen=True)
class _Writing:
    """From the replies of a round to what is proven of them."""

    config: WriteExercisesConfig
    writer: WriterConfig
    seed: int
    workers: int
    asked: Asked
    kind: str

    def task_id(self, index: int) -> str:
        return f"{self.writer.model}/{self.kind}{self.seed}/{index}"

    def verify(self, texts: Sequence[tuple[int, str]], sandboxes: Sequence[Sandbox]) -> dict[int, Verified | str]:
        """What each reply comes to, by its index."""
        outcomes: dict[int, Verified | str] = {}
        drafts: dict[int, ExerciseDraft] = {}
        for index, text in texts:
            try:
                drafts[index] = read_exercise(text)
            except Unreadable as reason:
                outcomes[index] = str(reason)
        verified = verify_exercises(
            list(drafts.values()), sandboxes, workers=self.workers, min_held_share=self.config.min_held_share
        )
        outcomes |= dict(zip(drafts, verified, strict=True))
        if self.config.num_solutions > 1 and not self.kind:
            again = {index: draft for index, draft in drafts.items() if outcomes[index] in SOLVED_AGAIN}
            outcomes |= self._solve_again(again, sandboxes)
        return outcomes

    def _solve_again(self, drafts: dict[int, ExerciseDraft], sandboxes: Sequence[Sandbox]) -> dict[int, Verified | str]:
        """What further solutions change: nothing for an exercise that got none that can be read."""
        numbers = range(1, self.config.num_solutions)
        asked_for = [(index, number) for index in drafts for number in numbers]
        requests = [
            solution_request(self.writer, self.seed, index, number, drafts[index]) for index, number in asked_for
        ]
        solutions = {index: [draft] for index, draft in drafts.items()}
        for (index, _), reply in zip(asked_for, self.asked.again(requests), strict=True):
            if isinstance(reply, ChatReply):
                try:
                    solutions[index].append(read_solution(reply.text, drafts[index]))
                except Unreadable as reason:
                    self.asked.solution_drops[str(reason)] += 1
            else:
                self.asked.solution_drops[reply.reason] += 1
        tasks = {index: Candidates(some, self._inputs(some[0], index)) for index, some in solutions.items() if some[1:]}
        return dict(zip(tasks, find_agreement(list(tasks.values()), sandboxes, workers=self.workers), strict=True))

    def _inputs(self, draft: ExerciseDraft, index: int) -> list[str]:
        stated = [claim.arguments for claim in draft.claims][:NUM_INPUTS]
        draw = random.Random(f"inputs/{self.seed}/{index}")
        return [*stated, *vary_inputs(stated, NUM_INPUTS - len(stated), draw)]
