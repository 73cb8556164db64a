"""A chat completions endpoint on loopback that answers as a test tells it to: a real server, real sockets."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What goes back for one request."""

    text: str | None = "fine"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    """Instead of a completion with `text`."""
    delay_s: float = 0.0
    drop: str = ""
    """`connection`: closes it without a word; `body`: closes it in the middle of the body."""
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: dict[str, int] | None = field(default_factory=lambda: {"prompt_tokens": 11, "completion_tokens": 7})


def completion(answer: Answer) -> str:
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": answer.finish_reason,
                    "message": {"role": "assistant", "content": answer.text, "refusal": answer.refusal},
                }
            ],
            "usage": answer.usage and {**answer.usage, "total_tokens": sum(answer.usage.values())},
        }
    )


Script = Callable[[dict[str, Any], int], Answer]
"""From the request and how often the same one was asked before to the answer."""


class Endpoint:
    """The server and what it saw."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.num_asked: Counter[str] = Counter()
        """How often each request was asked, by its JSON."""
        self.num_answered = 0
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """A client that goes away in the middle is what some tests are about."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            key = json.dumps(request, sort_keys=True)
            before = self.num_asked[key]
            self.num_asked[key] += 1
            self.asked.append(request)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self.script(request, before)
            self.closing.wait(answer.delay_s)
        finally:
            with self.lock:
                self.in_flight -= 1
        if answer.drop == "connection":
            handler.close_connection = True
            return
        body = (completion(answer) if answer.body is None else answer.body).encode()
        handler.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if answer.drop == "body":
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(body)
        handler.wfile.flush()
        with self.lock:
            self.num_answered += 1


@contextmanager
def endpoint(script: Script | None = None) -> Iterator[Endpoint]:
    """A running endpoint; answers `fine` to everything where no script is given."""
    made = Endpoint(script or (lambda request, before: Answer()))
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.closing.set()
        made.server.shutdown()
        thread.join()
        made.server.server_close()
