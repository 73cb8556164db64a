"""The bookkeeping that every backend shares: equal requests asked once, what is kept looked up, progress reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, usable
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.tally import Tally


class Outcomes:
    """The outcomes of one call of `ask`, filled from the cache first."""

    def __init__(
        self,
        requests: Sequence[ChatRequest],
        cache: ReplyCache,
        tally: Tally,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._requests, self._tally, self._report = requests, tally, on_progress
        self._repeats = Counter(request.digest for request in requests)
        self._outcomes: dict[str, ChatReply | Failure] = {}
        distinct = {request.digest: request for request in requests}
        kept = cache.find_all(distinct.values())
        for digest, request in distinct.items():
            if digest in kept:
                self.take(request, kept[digest])
        self.missing = [request for digest, request in distinct.items() if digest not in kept]
        """Each request once that the cache has no reply to."""

    def take(self, request: ChatRequest, answered: ChatReply | Failure) -> None:
        """Notes how a request has ended: with a reply that is kept, or without one."""
        outcome = usable(answered) if isinstance(answered, ChatReply) else answered
        self._outcomes[request.digest] = outcome
        self._tally.add(answered, outcome)
        self.report(self._repeats[request.digest])

    def report(self, count: int = 0) -> None:
        """Says that so many requests have ended; 0 shows the tally anew."""
        if self._report is not None:
            self._report(count)

    def in_order(self) -> list[ChatReply | Failure]:
        """One outcome for each request. Every one must have ended."""
        return [self._outcomes[request.digest] for request in self._requests]
