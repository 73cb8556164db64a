"""Asking a chat teacher for many pieces of writing: in rounds, with every request that comes to nothing counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.errors import TeacherError
from hornbook.recipe import WriterConfig
from hornbook.run.progress import console, meter
from hornbook.teacher.chat import (
    ChatReply,
    ChatRequest,
    ChatTeacher,
    Failure,
    check_teacher,
    open_chat_teacher,
    replies_file,
)
from hornbook.teacher.recorded import RecordedTeacher
from hornbook.teacher.starter import check_model
from hornbook.teacher.tally import Tally, progress_of

REQUESTS_PER_ROUND = 4096
"""What is held in memory at once; a teacher that works in batches fills them from one round."""
BATCHED_PER_ROUND = 200_000
"""With the batch API, where a round is waited for up to a day: four full files."""


@dataclass
class Asked:
    """What the requests came to so far."""

    label: str
    drops: Counter[str] = field(default_factory=Counter)
    """Requests that gave nothing, by reason."""
    solution_drops: Counter[str] = field(default_factory=Counter)
    """Replies with further solutions that cannot be used, by reason."""
    num_kept: int = 0
    tally: Tally = field(default_factory=Tally)
    """The teacher's own."""
    first_failure: str = ""
    cut_off: list[tuple[int, str]] = field(default_factory=list)
    """Index and text of the replies of the last round that were cut off."""
    teacher: ChatTeacher | None = None
    """Open while the rounds go on."""

    def again(self, requests: Sequence[ChatRequest]) -> list[ChatReply | Failure]:
        """The outcomes of requests that follow from the replies of a round, asked before the next round.

        A teacher that replays and has no reply to one gives the Failure `not_recorded`. Raises TeacherError otherwise
        as `ChatTeacher.ask` does.
        """
        teacher = self.teacher
        assert teacher is not None, "there is no round"
        if isinstance(teacher, RecordedTeacher):
            return teacher.replay(requests)
        with meter(f"{self.label} again", len(requests), "replies") as shown:
            return teacher.ask(requests, on_progress=progress_of(teacher, shown))

    def metrics(self) -> dict[str, float]:
        """For the manifest: how many were asked, how many stayed, and what the replies cost."""
        return {"teacher_kept": self.num_kept, **self.tally.metrics("teacher_")}

    def check(self, config: WriterConfig) -> None:
        """Says how it went. Raises TeacherError where nothing came of any request."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.drops.most_common())
        num_requests = self.tally.num_requests
        if num_requests and not self.num_kept:
            detail = f" The first failure: {self.first_failure}" if self.first_failure else ""
            raise TeacherError(
                f"{self.label}: nothing that {config.model!r} wrote in {num_requests:,} replies can be used "
                f"({reasons}).{detail}"
            )
        console.print(
            f"  {self.label} by {config.model}: {self.num_kept:,} of {num_requests:,} kept; {self.tally.note()}"
            + (f"; dropped: {reasons}" if reasons else ""),
            markup=False,
            soft_wrap=True,
        )


def check_writer(config: WriterConfig, replies: Path) -> None:
    """Raises what a stage would for its writer, before anything else is made; `replies` is the run's reply cache."""
    check_teacher(config, replies_file(config.replies, replies))
    if config.backend == "starter":
        check_model(config)


def ask_in_rounds(
    config: WriterConfig, replies: Path, request: Callable[[int], ChatRequest], count: int, asked: Asked, *, device: str
) -> Iterator[list[tuple[int, str]]]:
    """Yields the (index, text) of the replies to `request(0)` to `request(count - 1)`, in order and in rounds.

    Failures and replies that were cut off are counted in `asked`; `device` is for a local model.
    Raises TeacherError as `ChatTeacher.ask` does.
    """
    step = BATCHED_PER_ROUND if config.mode == "batch" else REQUESTS_PER_ROUND
    with (
        open_chat_teacher(config, replies, device=device) as teacher,
        meter(asked.label, count, "replies") as shown,
    ):
        asked.tally, asked.teacher = teacher.tally, teacher
        for start in range(0, count, step):
            requests = [request(index) for index in range(start, min(start + step, count))]
            outcomes = teacher.ask(requests, on_progress=progress_of(teacher, shown))
            texts = []
            asked.cut_off = []
            for index, outcome in enumerate(outcomes, start):
                if isinstance(outcome, Failure):
                    asked.drops[outcome.reason] += 1
                    asked.first_failure = asked.first_failure or f"{outcome.reason}: {outcome.detail}"
                    continue
                if outcome.finish_reason == "length":
                    asked.drops["cut_off"] += 1
                    asked.cut_off.append((index, outcome.text))
                else:
                    texts.append((index, outcome.text))
            yield texts
