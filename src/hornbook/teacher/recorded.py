"""The recorded teacher: replays the reply cache and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hornbook.errors import TeacherError
from hornbook.teacher.budget import Budget
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure
from hornbook.teacher.outcomes import Outcomes
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.tally import Tally


class RecordedTeacher:
    """A `ChatTeacher` for runs without a network, and to make a result again from its replies."""

    def __init__(
        self,
        cache: ReplyCache,
        *,
        budget: Budget | None = None,
        supply: Callable[[Sequence[ChatRequest]], None] | None = None,
        holds: str = "",
    ) -> None:
        """`supply` may put replies to requests into the cache that it lacks; `holds` says what there is to replay."""
        self._cache, self._supply, self._holds = cache, supply, holds
        self.tally = Tally(budget or Budget())

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. Raises TeacherError that counts the requests without a recorded reply and names one."""
        outcomes = self._look_up(requests, on_progress)
        if outcomes.missing:
            first, count = outcomes.missing[0], len(outcomes.missing)
            others = f" and {count - 1:,} more of these {len(requests):,} requests" if count > 1 else ""
            raise TeacherError(
                f"{self._holds or self._cache.path}: holds no reply to {first}{others}. Ask for it once with the "
                "backend 'openai', or use the model, the prompts and the sampling that were recorded."
            )
        return outcomes.in_order()

    def replay(self, requests: Sequence[ChatRequest]) -> list[ChatReply | Failure]:
        """As `ask`, but a request without a recorded reply ends in the Failure `not_recorded`."""
        outcomes = self._look_up(requests, None)
        for request in outcomes.missing:
            outcomes.take(request, Failure("not_recorded", f"no reply is recorded to {request}"))
        return outcomes.in_order()

    def _look_up(self, requests: Sequence[ChatRequest], on_progress: Callable[[int], None] | None) -> Outcomes:
        if self._supply is not None:
            self._supply(requests)
        return Outcomes(requests, self._cache, self.tally, on_progress)
