"""Messages on a stream socket, JSON with its length in four bytes in front; and the words in them."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<I")


def send_message(to: socket.socket, message: Any) -> None:
    """Sends a message."""
    body = json.dumps(message).encode()
    to.sendall(_LENGTH.pack(len(body)) + body)


def receive_message(source: socket.socket) -> Any:
    """Receives a message. Raises EOFError where the other end is closed."""
    (size,) = _LENGTH.unpack(_receive_exactly(source, _LENGTH.size))
    return json.loads(_receive_exactly(source, size))


def _receive_exactly(source: socket.socket, size: int) -> bytes:
    data = source.recv(size)
    while len(data) < size:
        piece = source.recv(size - len(data))
        if not piece:
            raise EOFError("the other end was closed")
        data += piece
    return data


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"left with exit code {os.WEXITSTATUS(status)} before its tests ended"
