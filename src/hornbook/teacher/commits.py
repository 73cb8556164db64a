"""Writes of many workers to the reply cache, in groups: one wait for the disk serves all that came meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from hornbook.teacher.replies import ReplyCache

Result = TypeVar("Result")


class GroupCommits:
    """For the workers of one event loop. What `write` returned is on the disk."""

    def __init__(self, cache: ReplyCache) -> None:
        self._cache = cache
        self._waiting: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        """What the write returns, once it is committed. Raises what `ReplyCache.commit` does."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        return await done

    async def _commit_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                # In a thread, so that requests are sent and answered while the disk is waited for.
                results = await asyncio.to_thread(self._cache.commit, [write for write, _ in group])
            except Exception as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), result in zip(group, results, strict=True):
                if not done.done():
                    done.set_result(result)
