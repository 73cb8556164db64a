"""The reply cache: every reply that was ever received, by its request, so that none is asked for or paid for twice.

One SQLite file in write-ahead mode. A reply is committed, and synced to disk, before anybody may use it: `kill -9` and
a power cut lose none. Threads may share a cache, and several processes may share its file. Write-ahead mode needs a
file system with shared memory: a local disk, not a network share.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from hornbook.errors import ArtifactError
from hornbook.teacher.chat import ChatReply, ChatRequest

APPLICATION_ID = 0x686F726E
"""`horn`, in the header of the file: tells a reply cache from any other SQLite file."""
SCHEMA_VERSION = 1
BUSY_S = 60.0
"""How long to wait for another process's commit."""
DIGESTS_AT_ONCE = 500
"""Within what every SQLite takes as parameters of one statement."""

SCHEMA = """
CREATE TABLE replies (
    request_sha256 TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    received_at TEXT NOT NULL
) WITHOUT ROWID
"""

PARTS = "CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
"""What else stands in the file, each part with a version of its own: the replies stay readable without them."""
COLUMNS = "text, finish_reason, prompt_tokens, completion_tokens, received_at"

Result = TypeVar("Result")


def check_present(path: Path) -> None:
    """Raises ArtifactError where no file is there."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no reply cache is there, and recorded replies are asked for")


class ReplyCache:
    """Replies by request. A context manager: leaving it closes the file."""

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        """Opens the cache, and makes it where it is not there yet unless it must exist.

        Raises ArtifactError where the file is damaged, or is not a reply cache of this version.
        """
        self.path = path
        if must_exist:
            check_present(path)
        self._lock = threading.Lock()
        with self._errors_named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def find(self, request: ChatRequest) -> ChatReply | None:
        """The reply to a request, or None where there is none yet."""
        with self._lock, self._errors_named():
            return find_reply(self._connection, request)

    def find_all(self, requests: Iterable[ChatRequest]) -> dict[str, ChatReply]:
        """The replies that are there already, by the digest of their request."""
        digests = list({request.digest for request in requests})
        found: dict[str, ChatReply] = {}
        for start in range(0, len(digests), DIGESTS_AT_ONCE):
            some = digests[start : start + DIGESTS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            with self._lock, self._errors_named():
                rows = self._connection.execute(
                    f"SELECT request_sha256, {COLUMNS} FROM replies WHERE request_sha256 IN ({marks})", some
                ).fetchall()
            found |= {digest: _read_row(columns) for digest, *columns in rows}
        return found

    def keep(self, request: ChatRequest, reply: ChatReply) -> ChatReply:
        """Commits a reply and returns the one to use: the first that came, where two processes asked at once."""
        return self.keep_all([(request, reply)])[0]

    def keep_all(self, answered: Sequence[tuple[ChatRequest, ChatReply]]) -> list[ChatReply]:
        """As `keep`, for replies that came together: one commit, so one wait for the disk, for all or none of them."""
        return self.commit([functools.partial(keep_reply, request=request, reply=reply) for request, reply in answered])

    def commit(self, writes: Sequence[Callable[[sqlite3.Connection], Result]]) -> list[Result]:
        """What each write returns, once all of them are committed and synced together; or none of them is."""
        with self._lock, self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [write(self._connection) for write in writes]
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return results

    def read(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self._lock, self._errors_named():
            return self._connection.execute(query, parameters).fetchall()

    def add_part(self, name: str, version: int, statements: Sequence[str]) -> None:
        """Makes tables that stand beside the replies, where the file does not have them yet.

        Raises ArtifactError where it has them in another version.
        """

        def write(connection: sqlite3.Connection) -> int:
            connection.execute(PARTS)
            row = connection.execute("SELECT version FROM parts WHERE name = ?", (name,)).fetchone()
            if row is not None:
                return int(row[0])
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO parts VALUES (?, ?)", (name, version))
            return version

        (found,) = self.commit([write])
        if found != version:
            raise ArtifactError(
                f"{self.path}: its part {name!r} is of version {found}, and this hornbook reads version {version}. "
                "Use the hornbook that made it, or another path."
            )

    def __len__(self) -> int:
        with self._lock, self._errors_named():
            count: int = self._connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; nothing that was kept depends on it."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        # Looked at before anything is set, so that a file that is not ours stays as it is; and in one transaction, so
        # that what another process makes meanwhile is seen whole or not at all.
        self._connection.execute("BEGIN")
        try:
            is_made = self._is_ours()
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if is_made:
            return
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made it since.
            if not self._is_ours():
                self._connection.execute(SCHEMA)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def _is_ours(self) -> bool:
        """Whether the file is a reply cache; False where it is empty. Raises ArtifactError for anything else."""
        (application_id,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (num_tables,) = self._connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        if application_id == APPLICATION_ID and version == SCHEMA_VERSION:
            return True
        if application_id == APPLICATION_ID:
            raise ArtifactError(
                f"{self.path}: a reply cache of version {version}, and this hornbook reads version {SCHEMA_VERSION}. "
                "Use the hornbook that made it, or another path."
            )
        if num_tables:
            raise ArtifactError(f"{self.path}: a database that is not a reply cache. Choose another path.")
        return False

    @contextlib.contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise ArtifactError(f"{self.path}: the reply cache cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ArtifactError(
                f"{self.path}: not a reply cache, or damaged ({error}). Move it away to begin a new one; "
                "the replies in it would be asked for again."
            ) from error


def find_reply(connection: sqlite3.Connection, request: ChatRequest) -> ChatReply | None:
    """As `ReplyCache.find`, within a transaction."""
    row = connection.execute(f"SELECT {COLUMNS} FROM replies WHERE request_sha256 = ?", (request.digest,)).fetchone()
    return None if row is None else _read_row(row)


def keep_reply(connection: sqlite3.Connection, request: ChatRequest, reply: ChatReply) -> ChatReply:
    """As `ReplyCache.keep`, within a transaction."""
    cursor = connection.execute(
        "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            request.digest,
            request.canonical,
            reply.text,
            reply.finish_reason,
            reply.prompt_tokens,
            reply.completion_tokens,
            reply.received_at,
        ),
    )
    if cursor.rowcount == 1:
        return replace(reply, was_cached=False)
    first = find_reply(connection, request)
    assert first is not None, request
    return first


def _read_row(columns: Sequence[Any]) -> ChatReply:
    text, finish_reason, prompt_tokens, completion_tokens, received_at = columns
    return ChatReply(text, finish_reason, prompt_tokens, completion_tokens, received_at, was_cached=True)
