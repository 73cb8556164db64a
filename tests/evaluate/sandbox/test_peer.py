"""What the judge's end makes of what the other end writes."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hornbook.evaluate.sandbox.inside.codec import to_json
from hornbook.evaluate.sandbox.inside.peer import MAX_FRAME_BYTES, OverError, Peer
from hornbook.evaluate.sandbox.inside.protocol import HAS_GONE

KNOWN_AND_A_TUPLE = [[3], [None, None, None, ["tuple", "k"]]]
"""The first three nodes are those of a call without arguments."""
FORGED = ("crashed", "wrote to the channel of the verdict")


def frame(*parts: Any) -> bytes:
    body = to_json(list(parts)).encode()
    return struct.pack("<I", len(body)) + body


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    yield near, far
    near.close()
    far.close()


def call(ends: tuple[socket.socket, socket.socket], written: bytes, *arguments: Any) -> Any:
    """What a call gives where the other end has written this, and says nothing more."""
    near, far = ends
    writing = threading.Thread(target=write_all, args=(far, written))
    writing.start()
    try:
        return Peer(near.fileno()).stand_in(0, "f")(*arguments)
    finally:
        near.close()
        writing.join()


def write_all(far: socket.socket, written: bytes) -> None:
    try:
        far.sendall(written)
        far.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        (b"", (HAS_GONE, "")),
        (frame("ran"), (HAS_GONE, "")),
        (frame("ran")[:-1], (HAS_GONE, "")),
        (frame("failed", "NameError: x"), ("exception", "NameError: x")),
        (frame("broken", "unshare"), ("broken", "unshare")),
        (frame("failed", 5), FORGED),
        (frame("returned", [1, []]), FORGED),
        (frame("passed"), FORGED),
        (b"passed\n" * 100, FORGED),
        (frame("ran") + frame("ran"), FORGED),
        (frame("ran") + frame("ended"), FORGED),
        (frame("ran") + frame("returned"), FORGED),
        (frame("ran") + frame("returned", 5), FORGED),
        (frame("ran") + frame("returned", [[7], []]), FORGED),
        (frame("ran") + frame("returned", [1, []], "more"), FORGED),
        (frame("ran") + frame("raised", "X", "int", [[0], [["tuple"]]]), FORGED),
        (frame("ran") + frame("raised", "X", "ValueError", [5, []]), FORGED),
        (frame("ran") + frame("raised", "X", "no such name", [[0], [["tuple"]]]), FORGED),
        (frame("ran") + frame("call", 0, [[0], [["tuple"]]]), FORGED),
        (frame("ran") + frame("call", -1, [[0], [["tuple"]]]), FORGED),
        (frame("ran") + frame("next", 0), FORGED),
        (frame("ran") + frame("uncarried", "gave a value of type X"), ("wrong_answer", "gave a value of type X")),
        (frame("ran") + frame(5), FORGED),
        (frame("ran") + frame(), FORGED),
        (frame("ran") + struct.pack("<I", MAX_FRAME_BYTES + 1), FORGED),
        (frame("ran") + struct.pack("<I", 2) + b"\xff\xff", FORGED),
        (frame("ran") + struct.pack("<I", 200_000) + b"[" * 100_000 + b"]" * 100_000, FORGED),
    ],
)
def test_a_call_ends_with_what_the_other_side_did(
    ends: tuple[socket.socket, socket.socket], written: bytes, outcome: tuple[str, str]
) -> None:
    with pytest.raises(OverError) as caught:
        call(ends, written)
    assert (caught.value.verdict, caught.value.detail) == outcome


def test_a_reply_is_the_result(ends: tuple[socket.socket, socket.socket]) -> None:
    assert call(ends, frame("ran") + frame("returned", [5, []])) == 5


def test_an_exception_is_raised_as_what_it_is(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(KeyError, match="k") as caught:
        call(ends, frame("ran") + frame("raised", "Own", "KeyError", KNOWN_AND_A_TUPLE))
    assert type(caught.value).__name__ == "Own"


def test_an_exception_whose_constructor_wants_more_keeps_its_name(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(Exception, match="k") as caught:
        call(ends, frame("ran") + frame("raised", "UnicodeDecodeError", "UnicodeDecodeError", KNOWN_AND_A_TUPLE))
    assert type(caught.value).__name__ == "UnicodeDecodeError"


def test_an_argument_that_cannot_be_carried_is_named(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(OverError, match="an argument of type object cannot be carried"):
        call(ends, frame("ran"), object())


def test_the_end_stays_the_end(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    far.sendall(frame("ran") + frame("nonsense") + frame("returned", [5, []]))
    peer = Peer(near.fileno())
    function = peer.stand_in(0, "f")
    with pytest.raises(OverError):
        function()
    assert function() == 5
    assert peer.over is not None
    assert peer.over.detail == FORGED[1]


def test_a_forked_child_does_not_answer(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    peer = Peer(far.fileno(), is_program=True)
    pid = os.fork()
    if pid == 0:
        peer.send("returned", [5, []])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    far.close()
    assert near.recv(100) == b""


def test_both_sides_may_call_each_other(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends

    def answer() -> None:
        peer = Peer(far.fileno(), is_program=True)
        peer.export(lambda f, n: f(n) + 1)
        peer.send("ran")
        peer.serve(peer.receive())

    other = threading.Thread(target=answer)
    other.start()
    seen = []
    found = Peer(near.fileno()).stand_in(0, "f")(lambda n: seen.append(n) or n * 10, 4)  # type: ignore[func-returns-value]
    other.join()
    assert (found, seen) == (41, [4])
