"""The recorded teacher: replays the reply cache and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hornbook.errors import TeacherError
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, usable
from hornbook.teacher.replies import ReplyCache


class RecordedTeacher:
    """A `ChatTeacher` for runs without a network, and to make a result again from its replies."""

    def __init__(self, cache: ReplyCache) -> None:
        self._cache = cache

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. Raises TeacherError naming the first request that has no recorded reply."""
        outcomes: list[ChatReply | Failure] = []
        for request in requests:
            reply = self._cache.find(request)
            if reply is None:
                raise TeacherError(
                    f"{self._cache.path}: holds no reply to {request}. Ask for it once with the backend 'openai', or "
                    "use the model, the prompts and the sampling that were recorded."
                )
            outcomes.append(usable(reply))
            if on_progress is not None:
                on_progress(1)
        return outcomes
