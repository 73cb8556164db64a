"""The `openai` backend: any endpoint that speaks the chat completions API, hosted or on this machine.

The SDK sends. Ours is the rest: the reply cache, the ledger that each attempt is entered in before it is sent, retries
with one deadline over all of them, failures by reason, and the end of it where the budget or the endpoint gives out.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hornbook.errors import TeacherError
from hornbook.teacher.batches import find_batches, open_batches
from hornbook.teacher.budget import Budget, Tokens, most_tokens, used_tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure
from hornbook.teacher.commits import GroupCommits
from hornbook.teacher.endpoint import Endpoint, Fault, backoff_s, too_late
from hornbook.teacher.ledger import BudgetSpent, open_ledger, over_budget, reserve, settle
from hornbook.teacher.outcomes import Outcomes
from hornbook.teacher.replies import ReplyCache, find_reply, keep_reply
from hornbook.teacher.tally import Tally

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_RETRIES = 4
"""Waits of 0.5, 1, 2 and 4 s with jitter, unless the endpoint says how long to wait."""
MALFORMED_ATTEMPTS = 2
"""How often a request is sent whose reply is not a chat completion: what is wrong is seldom the moment."""
WORKERS_PER_CLIENT = 16
"""The HTTP pool looks at each of its idle connections for every request; a few small pools look at fewer."""
SIGNS_OF_DEATH = frozenset({"connection_failed", "timed_out", "server_error", "rate_limited"})
DEAD_ROUNDS = 2
"""An endpoint is given up when every worker has given up so many requests and not one was answered in between."""


class OpenAITeacher:
    """A `ChatTeacher` at an endpoint. Its replies all go through the cache."""

    def __init__(
        self,
        cache: ReplyCache,
        *,
        base_url: str,
        api_key_env: str,
        concurrency: int,
        timeout_s: float,
        deadline_s: float,
        max_retries: int = MAX_RETRIES,
        budget: Budget | None = None,
    ) -> None:
        """Nothing is sent yet. Raises as `read_key` and `ReplyCache.add_part` do."""
        self.endpoint = Endpoint.open(base_url, api_key_env, timeout_s)
        self.cache, self.concurrency, self.deadline_s = cache, concurrency, deadline_s
        self.max_retries, self.budget = max_retries, budget or Budget()
        self.tally = Tally(self.budget)
        open_ledger(cache)
        open_batches(cache)

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. Not for use inside a running event loop."""
        outcomes = Outcomes(requests, self.cache, self.tally, on_progress)
        if outcomes.missing:
            self._check_batches(outcomes.missing)
            asyncio.run(_Asking(self, outcomes).run())
        return outcomes.in_order()

    def _check_batches(self, requests: Sequence[ChatRequest]) -> None:
        """Raises TeacherError where a batch under way will answer some of them: they would be paid for twice."""
        batches = find_batches(self.cache, {request.digest for request in requests})
        if batches:
            names = ", ".join(batch.batch_id or batch.name for batch in batches)
            raise TeacherError(
                f"{self.cache.path}: some of these requests were handed over in a batch that is not fetched yet "
                f"({names}). Set mode to 'batch' to wait for it; if it is not wanted, cancel it at the endpoint first."
            )


class _Asking:
    """The requests of one call that the cache has no reply to, asked by a number of workers."""

    def __init__(self, teacher: OpenAITeacher, outcomes: Outcomes) -> None:
        self._teacher, self._endpoint, self._outcomes = teacher, teacher.endpoint, outcomes
        self._waiting = deque(outcomes.missing)
        self._num_workers = min(teacher.concurrency, len(self._waiting))
        self._commits = GroupCommits(teacher.cache)
        self._num_in_flight = self._num_landed = self._num_dead = 0
        self._landed = asyncio.Event()
        self._is_one_waiting_for_room = False
        self._spent: BudgetSpent | None = None
        self._stopped: TeacherError | None = None

    async def run(self) -> None:
        """Ends when every request has. Raises TeacherError where that cannot be, once nothing is in flight."""
        async with contextlib.AsyncExitStack() as stack:
            starts = range(0, self._num_workers, WORKERS_PER_CLIENT)
            clients = [await stack.enter_async_context(self._endpoint.async_client()) for _ in starts]
            workers = (self._work(clients[number // WORKERS_PER_CLIENT]) for number in range(self._num_workers))
            await asyncio.gather(*workers)
        if self._stopped is not None:
            raise self._stopped
        # A worker that found no room may have left its request to one that did.
        if self._waiting:
            assert self._spent is not None
            raise over_budget(self._spent, self._teacher.budget, len(self._waiting), self._teacher.cache)

    async def _work(self, client: AsyncOpenAI) -> None:
        # Requests in flight are seen to their end, because their replies are paid for; no other is sent.
        while self._waiting and self._stopped is None:
            request = self._waiting.popleft()
            try:
                answered = await self._ask_one(client, request)
            except TeacherError as error:
                self._stopped = self._stopped or error
                return
            if answered is None:
                self._waiting.appendleft(request)
                return
            self._outcomes.take(request, answered)
            self._watch(answered)

    async def _ask_one(self, client: AsyncOpenAI, request: ChatRequest) -> ChatReply | Failure | None:
        """None where the budget has no room for another attempt."""
        most, ends, num_attempts = most_tokens(request), 0.0, 0
        clock = asyncio.get_running_loop().time
        while True:
            room = await self._find_room(request, most)
            if isinstance(room, BudgetSpent):
                self._spent = room
                return None
            if room is not None:
                return room
            ends = ends or clock() + self._teacher.deadline_s
            answered = await self._attempt(client, request, most, ends)
            num_attempts += 1
            if isinstance(answered, ChatReply):
                return answered
            if answered.fatal is not None:
                raise answered.fatal
            most_attempts = self._teacher.max_retries + 1
            if answered.failure.reason == "malformed_reply":
                most_attempts = min(most_attempts, MALFORMED_ATTEMPTS)
            if not answered.can_retry or num_attempts >= most_attempts or self._stopped is not None:
                return answered.failure
            wait_s = backoff_s(num_attempts - 1) if answered.wait_s is None else answered.wait_s
            if clock() + wait_s >= ends:
                return too_late(self._teacher.deadline_s, answered.failure)
            await asyncio.sleep(wait_s)

    async def _find_room(self, request: ChatRequest, most: Tokens) -> ChatReply | BudgetSpent | None:
        """None when the worst case of an attempt is reserved.

        Otherwise the reply that another process kept meanwhile, or what is spent where there is no room and nothing of
        ours in flight that could make some: replies cost less than their worst case, as a rule.
        """

        def write(connection: sqlite3.Connection) -> ChatReply | BudgetSpent | None:
            kept = find_reply(connection, request)
            if kept is not None:
                return kept
            return reserve(connection, request.model, "live", most, self._teacher.budget)

        while True:
            num_landed = self._num_landed
            room = await self._commits.write(write)
            if room is None:
                self._num_in_flight += 1
            if not isinstance(room, BudgetSpent):
                return room
            if self._num_landed != num_landed:
                continue
            # One waits for room and the other workers end: what is left of the budget has no work for them.
            if not self._num_in_flight or self._is_one_waiting_for_room or self._stopped is not None:
                return room
            self._is_one_waiting_for_room = True
            await self._landed.wait()
            self._is_one_waiting_for_room = False

    async def _attempt(self, client: AsyncOpenAI, request: ChatRequest, most: Tokens, ends: float) -> ChatReply | Fault:
        """One attempt, what it cost entered in the ledger, its reply kept."""
        answered = await self._endpoint.attempt(client, request, ends, self._teacher.deadline_s)
        tally = self._teacher.tally
        if isinstance(answered, ChatReply):
            used, reply = used_tokens(answered, most), answered

            def keep(connection: sqlite3.Connection) -> ChatReply:
                settle(connection, request.model, "live", used - most)
                return keep_reply(connection, request, reply)

            tally.spent += used
            answered = await self._commits.write(keep)
        elif answered.may_be_billed:
            tally.spent += most
        else:
            await self._commits.write(lambda connection: settle(connection, request.model, "live", Tokens() - most))
        self._num_in_flight -= 1
        self._num_landed += 1
        self._landed.set()
        self._landed = asyncio.Event()
        return answered

    def _watch(self, answered: ChatReply | Failure) -> None:
        """Stops when one request after the other comes to nothing, instead of going through all of them in vain."""
        if isinstance(answered, ChatReply) or answered.reason not in SIGNS_OF_DEATH:
            self._num_dead = 0
            return
        self._num_dead += 1
        if self._num_dead >= DEAD_ROUNDS * self._teacher.concurrency and self._stopped is None:
            self._stopped = TeacherError(
                f"{self._endpoint.base_url}: {self._num_dead} requests in a row came to nothing, the last one as "
                f"{answered.reason} ({answered.detail}). {len(self._waiting):,} more were not sent. What was answered "
                f"is kept in {self._teacher.cache.path}: when the endpoint is there again, run the same again to go on."
            )
