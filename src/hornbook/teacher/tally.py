"""What a teacher was asked and what it came to, for the meter while it goes on and for the manifest at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hornbook.run.progress import Meter
from hornbook.teacher.budget import Budget, Mode, Tokens, show_dollars
from hornbook.teacher.chat import ChatReply, ChatTeacher, Failure

MIN_SECONDS = 0.5
"""A rate over less time says nothing."""


@dataclass
class Tally:
    """Counts since a teacher was opened. Equal requests of one call are one."""

    budget: Budget = field(default_factory=Budget)
    mode: Mode = "live"
    num_requests: int = 0
    num_cached: int = 0
    """Replies that were there before."""
    num_failed: int = 0
    used: Tokens = field(default_factory=Tokens)
    """Of all replies, whenever they came."""
    spent: Tokens = field(default_factory=Tokens)
    """By this process, at the most: an attempt that may have been billed counts at its worst case."""
    state: str = ""
    """What is being waited for, where that is not plain."""
    _started: float = field(default_factory=time.monotonic)

    def add(self, answered: ChatReply | Failure, outcome: ChatReply | Failure) -> None:
        """Counts a request that has ended: with what came, and with what can be used of it."""
        self.num_requests += 1
        self.num_failed += isinstance(outcome, Failure)
        if isinstance(answered, ChatReply):
            self.num_cached += answered.was_cached
            self.used += Tokens(answered.prompt_tokens, answered.completion_tokens)

    def note(self) -> str:
        """Rate, tokens, dollars where there are prices, and replies from the cache, for a meter."""
        elapsed = time.monotonic() - self._started
        num_new = self.num_requests - self.num_cached
        parts = [
            self.state,
            _show_rate(num_new / elapsed) if num_new and elapsed > MIN_SECONDS else "",
            f"{self.used.prompt:,}+{self.used.completion:,} tokens",
            show_dollars(self.budget.dollars(self.spent, self.mode)) if self.budget.has_prices else "",
            f"{self.num_cached:,} from the cache" if self.num_cached else "",
            f"{self.num_failed:,} failed" if self.num_failed else "",
        ]
        return ", ".join(part for part in parts if part)

    def metrics(self, prefix: str) -> dict[str, float]:
        """For a manifest: requests, those answered before, tokens, and dollars where there are prices."""
        counts: dict[str, float] = {
            f"{prefix}requests": self.num_requests,
            f"{prefix}cached": self.num_cached,
            f"{prefix}prompt_tokens": self.used.prompt,
            f"{prefix}completion_tokens": self.used.completion,
        }
        if self.budget.has_prices:
            counts[f"{prefix}dollars"] = round(self.budget.dollars(self.used, self.mode), 6)
            counts[f"{prefix}dollars_at_most_this_run"] = round(self.budget.dollars(self.spent, self.mode), 6)
        return counts


def _show_rate(per_second: float) -> str:
    """Replies a second, or a minute where a slow machine answers."""
    return f"{per_second:,.1f} replies/s" if per_second >= 1 else f"{60 * per_second:,.1f} replies/min"


def progress_of(teacher: ChatTeacher, shown: Meter) -> Callable[[int], None]:
    """What to give to `ask` as `on_progress`, so that a meter shows the teacher's tally as well."""
    num_cached = teacher.tally.num_cached

    def advance(count: int) -> None:
        nonlocal num_cached
        tally = teacher.tally
        # Replies from the cache cost no time, and an estimate of what is left must not count on more of them.
        shown.advance(count, tally.note(), takes_time=tally.num_cached == num_cached)
        num_cached = tally.num_cached

    return advance
