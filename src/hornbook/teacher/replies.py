"""The reply cache: every reply that was ever received, by its request, so that none is asked for or paid for twice.

One SQLite file in write-ahead mode. A reply is committed, and synced to disk, before anybody may use it: `kill -9` and
a power cut lose none. Threads may share a cache, and several processes may share its file. Write-ahead mode needs a
file system with shared memory: a local disk, not a network share.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hornbook.errors import ArtifactError
from hornbook.teacher.chat import ChatReply, ChatRequest

APPLICATION_ID = 0x686F726E
"""`horn`, in the header of the file: tells a reply cache from any other SQLite file."""
SCHEMA_VERSION = 1
BUSY_S = 60.0
"""How long to wait for another process's commit."""

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
            row = self._connection.execute(
                "SELECT text, finish_reason, prompt_tokens, completion_tokens, received_at FROM replies "
                "WHERE request_sha256 = ?",
                (request.digest,),
            ).fetchone()
        if row is None:
            return None
        text, finish_reason, prompt_tokens, completion_tokens, received_at = row
        return ChatReply(text, finish_reason, prompt_tokens, completion_tokens, received_at, was_cached=True)

    def keep(self, request: ChatRequest, reply: ChatReply) -> ChatReply:
        """Commits a reply and returns the one to use: the first that came, where two processes asked at once."""
        return self.keep_all([(request, reply)])[0]

    def keep_all(self, answered: Sequence[tuple[ChatRequest, ChatReply]]) -> list[ChatReply]:
        """As `keep`, for replies that came together: one commit, so one wait for the disk, for all or none of them."""
        with self._lock, self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                was_added = [self._insert(request, reply) for request, reply in answered]
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        kept = []
        for (request, reply), is_first in zip(answered, was_added, strict=True):
            first = replace(reply, was_cached=False) if is_first else self.find(request)
            assert first is not None, request
            kept.append(first)
        return kept

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

    def _insert(self, request: ChatRequest, reply: ChatReply) -> bool:
        """Whether there was no reply to the request yet."""
        cursor = self._connection.execute(
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
        return cursor.rowcount == 1

    def _prepare(self) -> None:
        # Looked at before anything is set, so that a file that is not ours stays as it is.
        if self._is_ours():
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
