"""Calls between two processes that do not trust each other, over a stream socket.

Frames are JSON with a length of four bytes in front. While one side waits for a reply it answers the other's calls, so
that functions can be passed both ways. After a call, what the callee changed in its arguments is changed in the
caller's objects as well.
"""

from __future__ import annotations

import builtins
import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

from hornbook.evaluate.sandbox.inside.codec import (
    MAX_MESSAGE_BYTES,
    MalformedError,
    UncarriableError,
    from_json,
    to_json,
)
from hornbook.evaluate.sandbox.inside.protocol import BROKEN, HAS_GONE
from hornbook.evaluate.sandbox.inside.reader import Reader
from hornbook.evaluate.sandbox.inside.writer import Writer

# Bound here, because a program may replace what is in `os`.
_read, _write, _getpid, _exit = os.read, os.write, os.getpid, os._exit
_LENGTH = struct.Struct("<I")
_READ_BYTES = 4096
MAX_FRAME_BYTES = MAX_MESSAGE_BYTES + 2**16
MAX_ITEMS = 1_000_000
"""Of one iterator of the other side."""


class OverError(BaseException):
    """There is nothing more to be had from the other process. Not an Exception: no test is to take it for its own."""

    def __init__(self, verdict: str, detail: str) -> None:
        super().__init__(verdict, detail)
        self.verdict, self.detail = verdict, detail


class Peer:
    """One end of the channel. Every method raises OverError where the other side does not keep to the protocol."""

    def __init__(self, channel: int, *, is_program: bool = False) -> None:
        self._channel = channel
        self._pid = _getpid()
        self._exported: list[Any] = []
        self._unread = b""
        self._has_run = is_program
        """Whether the program is known to have run to its end, so that it can be called."""
        self.over: OverError | None = None
        """How it ended, once it has: whoever swallows the exception does not undo it."""

    def send(self, *frame: Any) -> None:
        """Sends a frame."""
        self._send_body(to_json(frame).encode())

    def send_program(self, code: bytes, entry_point: str) -> None:
        """Sends the first frame of all: a program's code, and the function that will be called."""
        name = entry_point.encode()
        self._send_body(_LENGTH.pack(len(name)) + name + code)

    def receive_program(self) -> tuple[bytes, str]:
        """Receives what `send_program` sent."""
        body = self._take(*_LENGTH.unpack(self._take(_LENGTH.size)))
        end = _LENGTH.size + _LENGTH.unpack_from(body)[0]
        return body[end:], body[_LENGTH.size : end].decode()

    def receive(self) -> list[Any]:
        """The next frame."""
        self._check_process()
        (size,) = _LENGTH.unpack(self._take(_LENGTH.size))
        if size > MAX_FRAME_BYTES:
            raise self.refuse()
        try:
            frame = from_json(self._take(size).decode())
        except (ValueError, RecursionError):
            raise self.refuse() from None
        if type(frame) is not list or not frame or type(frame[0]) is not str:
            raise self.refuse()
        return frame

    def wait_until_run(self) -> None:
        """Waits until the program has run to its end, where that is not known yet."""
        if self._has_run:
            return
        match self.receive():
            case ["ran"]:
                self._has_run = True
            case ["failed", str(detail)]:
                raise self.end("exception", detail)
            case ["broken", str(detail)]:
                raise self.end(BROKEN, detail)
            case _:
                raise self.refuse()

    def call(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Calls a function of the other side and gives its result, or raises what it raised."""
        return self.wait_for_reply(self.send_call(number, arguments, keywords))

    def send_call(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> list[Any]:
        """The first half of a call; gives the objects that both sides have then."""
        writer = Writer(self.export)
        try:
            message = writer.write((arguments, keywords))
        except UncarriableError as error:
            detail = f"an argument of type {error} cannot be carried to the program's process"
            raise self.end("wrong_answer", detail) from None
        self._send_body(f'["call",{number},{message}]'.encode())
        return writer.objects

    def wait_for_reply(self, known: list[Any]) -> Any:
        """The second half: the result, or what was raised. Answers the other side's calls meanwhile."""
        self.wait_until_run()
        while True:
            frame = self.receive()
            match frame:
                case ["returned", message]:
                    return self._read_message(Reader(self._import, known), message)
                case ["raised", str(name), str(base), message]:
                    arguments = self._read_message(Reader(self._import, known), message)
                    raise self._make_exception(name, base, arguments)
                case ["uncarried", str(what)]:
                    raise self.end("wrong_answer", what[:500])
                case _:
                    self.serve(frame)

    def serve(self, frame: list[Any]) -> None:
        """Answers a call of the other side."""
        match frame:
            case ["call", int(number), message] if 0 <= number < len(self._exported):
                self._answer(number, message)
            case ["next", int(number)] if 0 <= number < len(self._exported):
                self._answer_next(number)
            case _:
                raise self.refuse()

    def export(self, value: object) -> int:
        """Keeps a function or an iterator for the other side to call."""
        self._exported.append(value)
        return len(self._exported) - 1

    def stand_in(self, number: int, name: str) -> Callable[..., Any]:
        """A function that calls one of the other side."""

        def function(*arguments: Any, **keywords: Any) -> Any:
            return self.call(number, arguments, keywords)

        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"Calls {name} in the process of the program."
        return function

    def end(self, verdict: str, detail: str) -> OverError:
        """The exception to raise where there is nothing more to be had; the first one stays."""
        self.over = self.over or OverError(verdict, detail)
        return self.over

    def refuse(self) -> OverError:
        """The exception to raise where the other side wrote what no peer writes."""
        return self.end("crashed", "wrote to the channel of the verdict")

    def _import(self, kind: str, number: int) -> object:
        return self._iterate(number) if kind == "iterator" else self.stand_in(number, "function")

    def _iterate(self, number: int) -> Iterator[Any]:
        for _ in range(MAX_ITEMS):
            self._send_body(f'["next",{number}]'.encode())
            try:
                yield self.wait_for_reply([])
            except StopIteration:
                return
        raise self.end("wrong_answer", f"gave an iterator of more than {MAX_ITEMS} items")

    def _answer(self, number: int, message: Any) -> None:
        reader = Reader(self._import)
        arguments, keywords = self._read_message(reader, message)
        try:
            result = self._exported[number](*arguments, **keywords)
        except OverError:
            raise
        except BaseException as error:
            self._reply_exception(error, reader.objects, message[1])
            return
        self._reply('["returned"', result, reader.objects, message[1])

    def _answer_next(self, number: int) -> None:
        try:
            value = next(self._exported[number])
        except OverError:
            raise
        except BaseException as error:
            self._reply_exception(error, [], [])
            return
        self._reply('["returned"', value, [], [])

    def _reply_exception(self, error: BaseException, known: list[Any], before: list[Any]) -> None:
        kind = type(error)
        base = next(one.__name__ for one in kind.__mro__ if vars(builtins).get(one.__name__) is one)
        try:
            Writer(self.export).write(error.args)
            arguments: tuple[Any, ...] = error.args
        except Exception:
            arguments = (str(error),)
        self._reply(to_json(["raised", kind.__name__, base])[:-1], arguments, known, before)

    def _reply(self, head: str, value: Any, known: list[Any], before: list[Any]) -> None:
        try:
            message = Writer(self.export, known).write_changes(value, before)
        except UncarriableError as error:
            self.send(
                "uncarried", f"gave a value of type {error}, which cannot be carried out of the program's process"
            )
            return
        except Exception as error:
            self.send("uncarried", f"gave a value that cannot be read ({type(error).__name__})")
            return
        if len(message) > MAX_MESSAGE_BYTES:
            self.send("uncarried", f"gave a value of {len(message)} bytes; {MAX_MESSAGE_BYTES} can be carried")
            return
        self._send_body(f"{head},{message}]".encode())

    def _read_message(self, reader: Reader, message: Any) -> Any:
        try:
            return reader.read(message)
        except MalformedError:
            raise self.refuse() from None

    def _make_exception(self, name: str, base: str, arguments: Any) -> BaseException:
        """The builtin exception that was raised, or one of the same name and nearest builtin base."""
        kind = vars(builtins).get(base)
        if not (isinstance(kind, type) and issubclass(kind, BaseException) and type(arguments) is tuple):
            raise self.refuse()
        if name != base:
            kind = type(name, (kind,), {})
        try:
            made: BaseException = kind(*arguments)
        except Exception:
            # Its constructor wants other arguments than it keeps.
            made = type(name, (Exception,), {})(*arguments)
        return made

    def _check_process(self) -> None:
        # A child that a program forked comes back here too; there is one that calls and one that answers.
        if _getpid() != self._pid:
            _exit(1)

    def _send_body(self, body: bytes) -> None:
        self._check_process()
        data = _LENGTH.pack(len(body)) + body
        try:
            written = _write(self._channel, data)
            while written < len(data):
                written += _write(self._channel, data[written : written + 2**20])
        except OSError:
            # It may have said why before it went.
            self.wait_until_run()
            raise self.end(HAS_GONE, "") from None

    def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            try:
                piece = _read(self._channel, max(_READ_BYTES, size - len(self._unread)))
            except OSError:
                piece = b""
            if not piece:
                raise self.end(HAS_GONE, "")
            self._unread = self._unread + piece if self._unread else piece
        data, self._unread = self._unread[:size], self._unread[size:]
        return data
