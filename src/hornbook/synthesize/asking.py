"""Asking a chat teacher for many pieces of writing: in rounds, with every request that comes to nothing counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.errors import TeacherError
from hornbook.recipe import WriterConfig
from hornbook.run.progress import console, meter
from hornbook.teacher.chat import ChatRequest, Failure, count_usage, open_chat_teacher

REQUESTS_PER_ROUND = 4096
"""What is held in memory at once; a teacher that works in batches fills them from one round."""
REPLIES = "replies.sqlite"


@dataclass
class Asked:
    """What the requests came to so far."""

    label: str
    drops: Counter[str] = field(default_factory=Counter)
    """Requests that gave nothing, by reason."""
    num_kept: int = 0
    num_requests: int = 0
    num_cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_failure: str = ""

    def metrics(self) -> dict[str, float]:
        """For the manifest: how many were asked, how many stayed, and what the replies cost in tokens."""
        return {
            "teacher_requests": self.num_requests,
            "teacher_kept": self.num_kept,
            "teacher_prompt_tokens": self.prompt_tokens,
            "teacher_completion_tokens": self.completion_tokens,
        }

    def check(self, config: WriterConfig) -> None:
        """Says how it went. Raises TeacherError where nothing came of any request."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.drops.most_common())
        if self.num_requests and not self.num_kept:
            detail = f" The first failure: {self.first_failure}" if self.first_failure else ""
            raise TeacherError(
                f"{self.label}: nothing that {config.model!r} wrote in {self.num_requests:,} replies can be used "
                f"({reasons}).{detail}"
            )
        console.print(
            f"  {self.label} by {config.model}: {self.num_kept:,} of {self.num_requests:,} kept, "
            f"{self.num_cached:,} replies were there before, {self.completion_tokens:,} tokens written"
            + (f"; dropped: {reasons}" if reasons else ""),
            markup=False,
            soft_wrap=True,
        )


def replies_file(config: WriterConfig, out: Path) -> Path:
    """Where the replies of a stage that writes into `out` are kept: beside the stages, so that all runs share them."""
    return Path(config.replies) if config.replies else out.parent.parent / REPLIES


def ask_in_rounds(
    config: WriterConfig, replies: Path, request: Callable[[int], ChatRequest], count: int, asked: Asked, *, device: str
) -> Iterator[list[tuple[int, str]]]:
    """Yields the (index, text) of the replies to `request(0)` to `request(count - 1)`, in order and in rounds.

    Failures and replies that were cut off are counted in `asked`; `device` is for a local model.
    Raises TeacherError as `ChatTeacher.ask` does.
    """
    with (
        open_chat_teacher(config, replies, device=device) as teacher,
        meter(asked.label, count, "replies") as shown,
    ):
        for start in range(0, count, REQUESTS_PER_ROUND):
            requests = [request(index) for index in range(start, min(start + REQUESTS_PER_ROUND, count))]
            outcomes = teacher.ask(requests, on_progress=shown.advance)
            asked.num_requests += len(requests)
            usage = count_usage(zip(requests, outcomes, strict=True))
            asked.prompt_tokens += usage.prompt_tokens
            asked.completion_tokens += usage.completion_tokens
            texts = []
            for index, outcome in enumerate(outcomes, start):
                if isinstance(outcome, Failure):
                    asked.drops[outcome.reason] += 1
                    asked.first_failure = asked.first_failure or f"{outcome.reason}: {outcome.detail}"
                    continue
                asked.num_cached += outcome.was_cached
                if outcome.finish_reason == "length":
                    asked.drops["cut_off"] += 1
                else:
                    texts.append((index, outcome.text))
            yield texts
