"""Batches under way, in the reply cache's own file: what was handed to an endpoint, under which name, and for how much.

A batch is written down with its requests and their worst case before anything is sent, under a name that the endpoint
is told as well: after a kill it is found again there by that name, or was never made.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hornbook.teacher.budget import Budget, Tokens, most_tokens, used_tokens
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure, read_request
from hornbook.teacher.ledger import BudgetSpent, reserve, settle
from hornbook.teacher.replies import ReplyCache, find_reply, keep_reply

PART, VERSION = "batches", 1
SCHEMA = (
    """
    CREATE TABLE batches (
        name TEXT PRIMARY KEY,
        model TEXT NOT NULL,
        batch_id TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE batched_requests (
        request_sha256 TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        request TEXT NOT NULL
    )
    """,
    "CREATE INDEX requests_by_batch ON batched_requests (name)",
)
NOT_BILLED = frozenset({"rejected", "rate_limited", "server_error", "batch_unfinished"})
"""An endpoint charges for the requests of a batch that it completed."""


@dataclass(frozen=True)
class Batch:
    """One batch that is not merged yet."""

    name: str
    model: str
    batch_id: str
    """The endpoint's; empty where it is not known whether the endpoint has it."""


def open_batches(cache: ReplyCache) -> None:
    """Makes the tables in a file that has none."""
    cache.add_part(PART, VERSION, SCHEMA)


def read_batches(cache: ReplyCache) -> list[Batch]:
    """All that are not merged, in no particular order."""
    return [Batch(*map(str, row)) for row in cache.read("SELECT name, model, batch_id FROM batches")]


def find_batches(cache: ReplyCache, digests: Collection[str]) -> list[Batch]:
    """Those that hold any of some requests."""
    rows = cache.read("SELECT request_sha256, name FROM batched_requests")
    names = {name for digest, name in rows if digest in digests}
    return [batch for batch in read_batches(cache) if batch.name in names]


def read_members(cache: ReplyCache, name: str) -> list[ChatRequest]:
    """The requests of a batch, in the order in which they were added."""
    rows = cache.read("SELECT request FROM batched_requests WHERE name = ? ORDER BY rowid", (name,))
    return [read_request(str(canonical)) for (canonical,) in rows]


def plan_batch(
    cache: ReplyCache, requests: Sequence[ChatRequest], budget: Budget
) -> tuple[Batch | None, BudgetSpent | None]:
    """A batch of the first requests that the budget has room for, and the first that it has none for.

    A request that is in another batch already, or was answered meanwhile, is passed over.
    """
    name = secrets.token_hex(16)

    def write(connection: sqlite3.Connection) -> tuple[Batch | None, BudgetSpent | None]:
        rows, refused = [], None
        for request in requests:
            if _is_taken(connection, request):
                continue
            refused = reserve(connection, request.model, "batch", most_tokens(request), budget)
            if refused is not None:
                break
            rows.append((request.digest, name, request.canonical))
        if not rows:
            return None, refused
        connection.executemany("INSERT INTO batched_requests VALUES (?, ?, ?)", rows)
        batch = Batch(name, requests[0].model, "")
        connection.execute("INSERT INTO batches (name, model) VALUES (?, ?)", (name, batch.model))
        return batch, refused

    (planned,) = cache.commit([write])
    return planned


def name_batch(cache: ReplyCache, batch: Batch, batch_id: str) -> None:
    """Notes the endpoint's own name of a batch."""
    cache.commit(
        [
            lambda connection: connection.execute(
                "UPDATE batches SET batch_id = ? WHERE name = ?", (batch_id, batch.name)
            )
        ]
    )


def merge_batch(
    cache: ReplyCache, batch: Batch, found: Mapping[str, ChatReply | Failure], missing: Failure
) -> tuple[dict[str, ChatReply | Failure], Tokens]:
    """Keeps what a batch brought, settles its account and forgets it: all of that or nothing.

    `missing` is how those ended that it brought nothing for.
    Returns how each of its requests ended, and what they cost. The batch may be merged already, by another process.
    """

    def write(connection: sqlite3.Connection) -> tuple[dict[str, ChatReply | Failure], Tokens]:
        rows = connection.execute("SELECT request FROM batched_requests WHERE name = ?", (batch.name,)).fetchall()
        ended: dict[str, ChatReply | Failure] = {}
        reserved = spent = Tokens()
        for (canonical,) in rows:
            request = read_request(canonical)
            answered, most = found.get(request.digest, missing), most_tokens(request)
            reserved += most
            if isinstance(answered, ChatReply):
                spent += used_tokens(answered, most)
                answered = keep_reply(connection, request, answered)
            elif answered.reason not in NOT_BILLED:
                spent += most
            ended[request.digest] = answered
        settle(connection, batch.model, "batch", spent - reserved)
        connection.execute("DELETE FROM batched_requests WHERE name = ?", (batch.name,))
        connection.execute("DELETE FROM batches WHERE name = ?", (batch.name,))
        return ended, spent

    (merged,) = cache.commit([write])
    return merged


def _is_taken(connection: sqlite3.Connection, request: ChatRequest) -> bool:
    row = connection.execute("SELECT 1 FROM batched_requests WHERE request_sha256 = ?", (request.digest,)).fetchone()
    return row is not None or find_reply(connection, request) is not None
