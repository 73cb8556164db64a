"""Packs the replies of a run into a file of the starter set's form: how the set that ships was made, and is made again.

python -m hornbook.synthesize.pack_starter runs/x/replies.sqlite out.jsonl.xz --exercises 9 --sections 9 --baseline 9
"""

from __future__ import annotations

import argparse
import lzma
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from hornbook.errors import TeacherError
from hornbook.recipe import ChatConfig, WriterConfig
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, section_request
from hornbook.teacher.chat import ChatRequest
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.starter import MODEL, pack_line

AT_ONCE = 1000


def pack_starter(
    replies: Path, out: Path, config: ChatConfig, *, seed: int, exercises: int, sections: int, baseline: int
) -> int:
    """Writes the replies to the first requests for exercises, for sections and for the baseline, in this order.

    Returns how many those are.
    Raises TeacherError where the cache has no reply to one of them or it ended in another way than `stop` or `length`.
    """
    requests = _requests(config, seed, exercises, sections, baseline)
    count = 0
    with (
        ReplyCache(replies, must_exist=True) as cache,
        lzma.open(out, "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file,
    ):
        while some := list(islice(requests, AT_ONCE)):
            kept = cache.find_all(some)
            for request in some:
                try:
                    file.write(pack_line(request, kept.get(request.digest)))
                except TeacherError as error:
                    raise TeacherError(f"{replies}: {error}") from None
            count += len(some)
    return count


def _requests(config: ChatConfig, seed: int, exercises: int, sections: int, baseline: int) -> Iterator[ChatRequest]:
    yield from (exercise_request(config, seed, index) for index in range(exercises))
    yield from (section_request(config, seed, index) for index in range(sections))
    yield from (plain_exercise_request(config, seed, index) for index in range(baseline))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Packs the replies of a run into a file of the starter set's form.")
    parser.add_argument("replies", type=Path, help="a run's replies.sqlite")
    parser.add_argument("out", type=Path, help="the file to write, .jsonl.xz")
    parser.add_argument("--exercises", type=int, required=True, help="so many requests, from the first on")
    parser.add_argument("--sections", type=int, required=True)
    parser.add_argument("--baseline", type=int, default=0, help="requests for exercises without a constraint")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    config = WriterConfig(model=given.model)
    count = pack_starter(
        given.replies,
        given.out,
        config,
        seed=given.seed,
        exercises=given.exercises,
        sections=given.sections,
        baseline=given.baseline,
    )
    print(f"{given.out}: {count:,} replies, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
