"""The judge's process: one program after another, in the order in which hornbook sends them."""

from __future__ import annotations

import functools
import os
import socket
import sys
import time

from hornbook.evaluate.sandbox.inside.judge import GIVEN, TESTS, compile_trusted, judge
from hornbook.evaluate.sandbox.inside.messages import how_it_ended, receive_message, send_message
from hornbook.evaluate.sandbox.inside.protocol import DONE, HANDED, HAS_GONE, LEFT
from hornbook.evaluate.sandbox.inside.tidy import is_tidy

MOST_PROGRAMS = 2000
"""Of one judge: nothing that its tests hold on to is held on to for ever."""


def judge_all(hornbook: socket.socket, zygote: socket.socket) -> None:
    """Judges programs until hornbook goes, or until tests have run that could leave something behind."""
    handed: tuple[int, int] | None = None
    before = -1
    for count in range(1, MOST_PROGRAMS + 1):
        try:
            request = receive_message(hornbook)
            started = time.monotonic()
            _, channel = handed or _receive_channel(zygote)
        except (EOFError, OSError):
            return
        if before >= 0:
            # Not earlier: a program's process that sees it closed wakes up once more before it is ended.
            os.close(before)
        handed, before = None, channel
        _reset_random()
        verdict, detail = judge(request, channel)
        if verdict == HAS_GONE:
            zygote.sendall(LEFT)
            handed = _receive_channel(zygote)
            verdict, detail = "crashed", how_it_ended(handed[0])
        seconds = time.monotonic() - started
        is_last = count == MOST_PROGRAMS or not _leaves_nothing(request)
        if handed is None and not is_last:
            zygote.sendall(DONE)
        send_message(hornbook, [verdict, detail, seconds, is_last])
        if is_last:
            return


def _leaves_nothing(request: dict[str, str]) -> bool:
    if request["judged"] == "together":
        return True
    return _is_tidy(request["given"], GIVEN) and _is_tidy(request["tests"], TESTS)


@functools.lru_cache(maxsize=512)
def _is_tidy(text: str, name: str) -> bool:
    try:
        return is_tidy(compile_trusted(text, name))
    except (SyntaxError, ValueError, RecursionError):
        return True


def _receive_channel(zygote: socket.socket) -> tuple[int, int]:
    data, descriptors, _, _ = socket.recv_fds(zygote, HANDED.size, 1)
    if not data:
        raise EOFError("the process that forks is gone")
    return HANDED.unpack(data)[0], descriptors[0]


def _reset_random() -> None:
    sys.modules["random"].seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
