"""The starter set: replies of a language model that ship with hornbook. `README.md` in this folder is their card."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable

from hornbook.errors import ArtifactError, TeacherError
from hornbook.recipe import ChatConfig
from hornbook.teacher.chat import ChatReply, ChatRequest
from hornbook.teacher.replies import ReplyCache

REPLIES = "replies.jsonl.xz"
MODEL = "qwen2.5-coder-1.5b-instruct"
NUM_EXERCISES, NUM_SECTIONS, NUM_BASELINE = 56_320, 4_096, 2_048
DESCRIPTION = (
    f"the starter set ({NUM_EXERCISES:,} requests for exercises, {NUM_SECTIONS:,} for textbook sections with "
    f"topics='list' and {NUM_BASELINE:,} for the baseline, seed 0, model {MODEL!r}, temperature and max_tokens at "
    "their defaults)"
)
RECEIVED_AT = "2026-11-23T00:00:00+00:00"
"""The day is known, the hour is not."""
DIGEST_CHARS = 12
"""Of a request's digest stand in the file: among 62,464 requests they are unique."""
FINISH_REASONS = {"s": "stop", "l": "length"}
ENDINGS = {reason: letter for letter, reason in FINISH_REASONS.items()}


def check_model(config: ChatConfig) -> None:
    """Raises TeacherError where a writer is asked for by another name than that of the model that wrote the set."""
    if config.model != MODEL:
        raise TeacherError(
            f"{config.section}.model is {config.model!r}, and the starter set was written by {MODEL!r}: set it to that"
        )


class StarterSet:
    """Copies recorded replies into a reply cache, as they are needed."""

    def __init__(self, cache: ReplyCache, file: Traversable | None = None) -> None:
        """`file` holds replies to other requests than the writer's."""
        self._cache = cache
        self._lines = read_lines(file)
        self._passed: dict[str, bytes] = {}
        """Lines that were read on the way to others."""

    def supply(self, requests: Sequence[ChatRequest]) -> None:
        """Commits the replies to those of the requests that the cache lacks, all of them together.

        Requests without a recorded reply are left as they are. Raises ArtifactError where the file is damaged.
        """
        kept = self._cache.find_all(requests)
        lacking = {request.digest[:DIGEST_CHARS]: request for request in requests if request.digest not in kept}
        found: list[tuple[ChatRequest, ChatReply]] = []
        for digest in [digest for digest in lacking if digest in self._passed]:
            found.append((lacking.pop(digest), _read(self._passed.pop(digest))))
        while lacking and (line := next(self._lines, None)) is not None:
            digest = line[2 : 2 + DIGEST_CHARS].decode()
            if digest in lacking:
                found.append((lacking.pop(digest), _read(line)))
            else:
                self._passed[digest] = line
        if found:
            self._cache.keep_all(found)


def read_lines(file: Traversable | None = None) -> Iterator[bytes]:
    """The lines of a file in order: `["<digest>", prompt tokens, tokens of the reply, "s" or "l", text]`.

    By default the writer's: exercises 0 to 56,319 come first, then sections 0 to 4,095, then the baseline's 0
    to 2,047. Raises ArtifactError where the file is damaged or is not there.
    """
    file = resources.files(__name__) / REPLIES if file is None else file
    try:
        with file.open("rb") as packed, lzma.open(packed) as lines:
            yield from lines
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise ArtifactError(f"{file}: cannot be read ({error}). Install hornbook again.") from error


def pack_line(request: ChatRequest, reply: ChatReply | None) -> str:
    """A reply as a line of such a file. Raises TeacherError where there is none or it has no ending of these two."""
    if reply is None or reply.finish_reason not in ENDINGS:
        ended = "no reply" if reply is None else f"a reply that ended with {reply.finish_reason!r}"
        raise TeacherError(f"{ended} to {request}. Ask for it first, or pack fewer.")
    digest, ending = request.digest[:DIGEST_CHARS], ENDINGS[reply.finish_reason]
    values = (digest, reply.prompt_tokens, reply.completion_tokens, ending, reply.text)
    return json.dumps(values, ensure_ascii=False) + "\n"


def _read(line: bytes) -> ChatReply:
    _, prompt_tokens, completion_tokens, ending, text = json.loads(line)
    return ChatReply(text, FINISH_REASONS[ending], prompt_tokens, completion_tokens, RECEIVED_AT)
