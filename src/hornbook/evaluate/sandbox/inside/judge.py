"""The judge: runs the tests where no line of the program runs, and gives the verdict.

Judged apart, `check` gets a stand-in that calls the program in its own process. Judged together, the tests are handed
over to the program's process and this one waits for what it says.
"""

from __future__ import annotations

import functools
import marshal
import os
import types
from typing import Any

from hornbook.evaluate.sandbox.inside.peer import OverError, Peer
from hornbook.evaluate.sandbox.inside.protocol import MAX_DETAIL_CHARS

PROGRAM, GIVEN, TESTS = "<program>", "<given>", "<tests>"
NONCE_BYTES = 16

Outcome = tuple[str, str]
"""The verdict and its detail."""


def judge(request: dict[str, str], channel: int) -> Outcome:
    """The outcome for one program, whose process is at the other end of the channel.

    Besides verdicts there are `protocol.HAS_GONE` and `protocol.BROKEN`.
    """
    try:
        # Compiled here, where no page of memory has to be copied for it; nothing of it runs here.
        program = compile(request["source"], PROGRAM, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return "syntax_error", describe(error)
    peer = Peer(channel)
    try:
        peer.send_program(marshal.dumps(program), request["entry_point"])
        if request["judged"] == "together" or not request["entry_point"]:
            return _judge_together(request, peer)
        return _judge_apart(request, peer)
    except OverError as over:
        return over.verdict, over.detail


def _judge_apart(request: dict[str, str], peer: Peer) -> Outcome:
    scope: dict[str, Any] = {"__name__": "tests", "PROGRAM_SOURCE": request["source"]}
    entry_point = request["entry_point"]
    try:
        # While the program runs up to its end.
        exec(compile_trusted(request["given"], GIVEN), scope)
        stand_in = scope[entry_point] = peer.stand_in(0, entry_point)
        exec(compile_trusted(request["tests"], TESTS), scope)
        scope["check"](stand_in)
        peer.wait_until_run()
    except BaseException as error:
        outcome = explain(error, request["tests"])
    else:
        outcome = "passed", ""
    # A test that swallows every exception does not undo that the program's process went.
    return (peer.over.verdict, peer.over.detail) if peer.over is not None else outcome


def _judge_together(request: dict[str, str], peer: Peer) -> Outcome:
    peer.wait_until_run()
    peer.send("test", request["source"], request["given"], request["tests"])
    match peer.receive():
        case ["failed", str(verdict), str(detail)] if verdict in ("wrong_answer", "exception"):
            return verdict, detail
        case ["ended"]:
            # Only now is there a secret: nothing that ran before could find it.
            nonce = os.urandom(NONCE_BYTES).hex()
            peer.send("prove", nonce)
            if peer.receive() == ["passed", nonce]:
                return "passed", ""
    raise peer.refuse()


@functools.lru_cache(maxsize=512)
def compile_trusted(text: str, name: str) -> types.CodeType:
    """The code of tests, which often come again. Raises what `compile` does."""
    return compile(text, name, "exec", dont_inherit=True, optimize=0)


def explain(error: BaseException, tests: str) -> Outcome:
    """The outcome where the tests ended with an exception."""
    trace, last = error.__traceback__, None
    while trace is not None:
        trace, last = trace.tb_next, trace
    place = last.tb_frame.f_code.co_filename if last is not None else ""
    if isinstance(error, AssertionError) and last is not None and place == TESTS:
        lines = tests.splitlines()
        line = lines[last.tb_lineno - 1].strip() if last.tb_lineno <= len(lines) else ""
        # A test's own message says more than its line.
        return "wrong_answer", describe(error).partition(": ")[2] or line
    return "exception", describe(error)


def describe(error: BaseException) -> str:
    """An exception in one line."""
    try:
        text = str(error)
    except Exception:
        # An int of too many digits among its arguments, say.
        text = "(its message cannot be shown)"
    return f"{type(error).__name__}: {text[:MAX_DETAIL_CHARS]}"
