"""The batch mode of the `openai` backend: files of requests, answered within a day at a lower price.

Limits, states and files are those of OpenAI's Batch API (its guide, and `types.batch` in the SDK): at most 50,000
requests and 200 MB a file, one model a file, a window of 24 hours, an output and an error file, and a price for
completed requests alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hornbook.errors import TeacherError
from hornbook.run.progress import console
from hornbook.teacher.batches import (
    Batch,
    find_batches,
    merge_batch,
    name_batch,
    open_batches,
    plan_batch,
    read_batches,
    read_members,
)
from hornbook.teacher.budget import Budget
from hornbook.teacher.chat import ChatReply, ChatRequest, Failure
from hornbook.teacher.endpoint import Endpoint, backoff_s
from hornbook.teacher.ledger import BudgetSpent, open_ledger, over_budget
from hornbook.teacher.outcomes import Outcomes
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.tally import Tally

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch as RemoteBatch

MOST_REQUESTS, MOST_BYTES = 50_000, 200_000_000
PATH = "/v1/chat/completions"
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
NAME = "hornbook"
"""The key of the metadata that holds a batch's name."""
FIRST_POLL_S, LONGEST_POLL_S = 5.0, 60.0
TRANSFER_S = 900.0
"""For a file of the greatest size."""
ATTEMPTS = 6
"""At one step, before it is left to the next run."""

Result = TypeVar("Result")


class BatchTeacher:
    """A `ChatTeacher` that hands its requests over in files and waits for them. Another run can wait on."""

    def __init__(
        self,
        cache: ReplyCache,
        *,
        base_url: str,
        api_key_env: str,
        timeout_s: float,
        budget: Budget | None = None,
        first_poll_s: float = FIRST_POLL_S,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Nothing is sent yet. Raises as `read_key` and `ReplyCache.add_part` do."""
        self._endpoint = Endpoint.open(base_url, api_key_env, timeout_s)
        self._cache, self._budget, self._first_poll_s = cache, budget or Budget(), first_poll_s
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self.tally = Tally(self._budget, "batch")
        open_ledger(cache)
        open_batches(cache)

    def ask(
        self, requests: Sequence[ChatRequest], *, on_progress: Callable[[int], None] | None = None
    ) -> list[ChatReply | Failure]:
        """As `ChatTeacher.ask`. What a batch does not answer is a Failure, and is sent again by the next call."""
        outcomes = Outcomes(requests, self._cache, self.tally, on_progress)
        waiting = {request.digest: request for request in outcomes.missing}
        if waiting:
            with self._endpoint.client() as client:
                self._ask(client, waiting, outcomes)
        return outcomes.in_order()

    def _ask(self, client: OpenAI, waiting: dict[str, ChatRequest], outcomes: Outcomes) -> None:
        while waiting:
            with self._submitting():
                self._find_lost(client)
                refused = self._submit(client, list(waiting.values()))
            # Another process may have merged some since they were looked up.
            for digest, reply in self._cache.find_all(waiting.values()).items():
                outcomes.take(waiting.pop(digest), reply)
            mine = find_batches(self._cache, waiting.keys())
            if mine:
                self._wait_for_one(client, mine, waiting, outcomes)
            elif waiting and refused is not None:
                raise over_budget(refused, self._budget, len(waiting), self._cache)

    def _wait_for_one(
        self, client: OpenAI, batches: Sequence[Batch], waiting: dict[str, ChatRequest], outcomes: Outcomes
    ) -> None:
        """Polls until one of the batches has ended, and merges it."""
        poll_s = self._first_poll_s
        while True:
            for batch in batches:
                remote = self._try(lambda batch=batch: client.batches.retrieve(batch.batch_id), batch)  # type: ignore[misc]
                counts = remote.request_counts
                answered = f" {counts.completed:,} of {counts.total:,}" if counts else ""
                self.tally.state = f"batch {batch.batch_id} {remote.status}{answered}"
                outcomes.report()
                if remote.status in ENDED:
                    self._merge(client, batch, remote, waiting, outcomes)
                    return
            time.sleep(poll_s)
            poll_s = min(1.5 * poll_s, LONGEST_POLL_S)

    def _merge(
        self, client: OpenAI, batch: Batch, remote: RemoteBatch, waiting: dict[str, ChatRequest], outcomes: Outcomes
    ) -> None:
        found: dict[str, ChatReply | Failure] = {}
        num_unreadable = 0
        for file_id in (remote.error_file_id, remote.output_file_id):
            if file_id:
                text = self._try(lambda: client.files.content(file_id, timeout=TRANSFER_S).content, batch)  # noqa: B023
                read, unreadable = read_output(text.decode("utf-8", "replace"), self._endpoint)
                found |= read
                num_unreadable += unreadable
        ended, spent = merge_batch(self._cache, batch, found, self._missing(remote, num_unreadable))
        self.tally.spent += spent
        self.tally.state = ""
        for digest, answered in ended.items():
            if digest in waiting:
                outcomes.take(waiting.pop(digest), answered)
        errors = (remote.errors.data if remote.errors else None) or []
        if remote.status == "failed" and not found:
            said = "; ".join(f"{error.code}: {error.message}" for error in errors[:3]) or "it does not say why"
            raise TeacherError(
                f"{self._endpoint.base_url}: batch {batch.batch_id} of {len(ended):,} requests was refused "
                f"({self._endpoint.without_key(said)}). Nothing was charged; mend what it says and run again."
            )

    def _missing(self, remote: RemoteBatch, num_unreadable: int) -> Failure:
        """How a request ends that no line of a batch's files tells of."""
        if num_unreadable or remote.status == "completed":
            detail = (
                f"batch {remote.id} is {remote.status}; its files say nothing of it, {num_unreadable} lines are broken"
            )
            return Failure("malformed_reply", detail)
        return Failure("batch_unfinished", f"batch {remote.id} ended as {remote.status}")

    def _submit(self, client: OpenAI, requests: Sequence[ChatRequest]) -> BudgetSpent | None:
        """Hands over all that is in no batch yet and that the budget has room for; returns what there is none for."""
        for model in dict.fromkeys(request.model for request in requests):
            for part in self._parts([request for request in requests if request.model == model]):
                batch, refused = plan_batch(self._cache, part, self._budget)
                if batch is not None:
                    self._create(client, batch)
                if refused is not None:
                    return refused
        return None

    def _parts(self, requests: Sequence[ChatRequest]) -> Iterator[list[ChatRequest]]:
        """Requests in their order, as many at once as a file may hold."""
        part: list[ChatRequest] = []
        size = 0
        for request in requests:
            line_bytes = len(self._line(request))
            if part and (len(part) == self._most_requests or size + line_bytes > self._most_bytes):
                yield part
                part, size = [], 0
            part.append(request)
            size += line_bytes
        if part:
            yield part

    def _line(self, request: ChatRequest) -> bytes:
        values = {"custom_id": request.digest, "method": "POST", "url": PATH, "body": self._endpoint.arguments(request)}
        return (json.dumps(values) + "\n").encode()

    def _create(self, client: OpenAI, batch: Batch) -> None:
        """Hands a batch over. Where that fails it stays written down, and the next run looks for it."""
        lines = b"".join(self._line(request) for request in read_members(self._cache, batch.name))
        file = self._try(
            lambda: client.files.create(file=(f"{batch.name}.jsonl", lines), purpose="batch", timeout=TRANSFER_S), batch
        )
        num_before = 0

        def create() -> RemoteBatch:
            nonlocal num_before
            num_before += 1
            # An earlier attempt may have reached the endpoint although no answer came back.
            return (self._find(client, batch.name) if num_before > 1 else None) or client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={NAME: batch.name},
            )

        remote = self._try(create, batch)
        name_batch(self._cache, batch, remote.id)
        console.print(f"  batch {remote.id} of {batch.model}: handed over", markup=False, soft_wrap=True)

    def _find_lost(self, client: OpenAI) -> None:
        """Finds the batches that a killed process did not write down; one that the endpoint has not was never made."""
        for batch in read_batches(self._cache):
            if batch.batch_id:
                continue
            remote = self._try(lambda batch=batch: self._find(client, batch.name), batch)  # type: ignore[misc]
            if remote is not None:
                name_batch(self._cache, batch, remote.id)
            else:
                merge_batch(self._cache, batch, {}, Failure("batch_unfinished", "never made"))

    def _find(self, client: OpenAI, name: str) -> RemoteBatch | None:
        return next(
            (batch for batch in client.batches.list(limit=100) if (batch.metadata or {}).get(NAME) == name), None
        )

    def _try(self, call: Callable[[], Result], batch: Batch) -> Result:
        """A call's result, after some attempts where that can help. Raises TeacherError that says how to go on."""
        import openai

        for number in range(ATTEMPTS):
            try:
                return call()
            except openai.APIStatusError as error:
                detail = f"status {error.status_code}: {self._endpoint.without_key(error.response.text)[:500]}"
                if error.status_code not in (408, 409, 429) and error.status_code < 500:
                    raise TeacherError(self._advice(batch, detail)) from None
            except openai.APIConnectionError as error:
                detail = self._endpoint.without_key(str(error.__cause__ or error))
            if number < ATTEMPTS - 1:
                time.sleep(min(backoff_s(number), 4 * self._first_poll_s))
        raise TeacherError(self._advice(batch, detail))

    def _advice(self, batch: Batch, detail: str) -> str:
        name = batch.batch_id or batch.name
        return (
            f"{self._endpoint.base_url}: batch {name} of {batch.model!r} cannot be handed over, asked about or fetched "
            f"({detail}). It is written down in {self._cache.path}: mend what is wrong and run the same again, at the "
            "same endpoint, to go on with it."
        )

    @contextlib.contextmanager
    def _submitting(self) -> Iterator[None]:
        """One process at a time, so that a batch that is being handed over is not taken for a lost one."""
        path = self._cache.path
        with path.with_name(f"{path.name}.batches.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def read_output(text: str, endpoint: Endpoint) -> tuple[dict[str, ChatReply | Failure], int]:
    """Replies and failures by custom_id, from the lines of an output or error file; and how many lines are broken."""
    found: dict[str, ChatReply | Failure] = {}
    num_broken = 0
    # Not `splitlines`, which also breaks at line ends that JSON allows in a text.
    for line in filter(str.strip, text.split("\n")):
        try:
            values: dict[str, Any] = json.loads(line)
            digest, response, error = str(values["custom_id"]), values.get("response") or {}, values.get("error") or {}
            status, body = int(response.get("status_code") or 0), response.get("body") or {}
            code = error.get("code")
        except (ValueError, LookupError, AttributeError, TypeError):
            num_broken += 1
            continue
        said = endpoint.without_key(json.dumps(error or body, ensure_ascii=False))[:500]
        if status == 200:
            found[digest] = endpoint.read(json.dumps(body))
        elif code in ("batch_expired", "batch_cancelled"):
            found[digest] = Failure("batch_unfinished", said)
        elif status == 429:
            found[digest] = Failure("rate_limited", said)
        else:
            found[digest] = Failure("server_error" if status >= 500 else "rejected", f"status {status}: {said}")
    return found, num_broken
