"""OpenAI's files and batches on loopback: what is handed over is answered after a few polls, as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.teacher.endpoint import Answer, completion

Script = Callable[[dict[str, Any]], Answer | None]
"""From the body of a request to its answer; None where the batch ends before it."""


class BatchEndpoint:
    """The server, what it was given, and what it made of it."""

    def __init__(self, script: Script, *, polls: int = 1, status: str = "completed") -> None:
        self.script, self.polls, self.status = script, polls, status
        self.errors: list[dict[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.num_polls = 0
        self.faults: list[tuple[str, int]] = []
        """(step, status) to answer with instead, once each."""
        self.on_step: Callable[[str], None] = lambda step: None
        """Called with `file`, `filed`, `batch`, `batched`, `poll`, `list` or `content` before or after a step."""
        self.steps: list[str] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    outer.post(self, body)

            def do_GET(self) -> None:
                with outer.lock:
                    outer.get(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that is killed is what some tests are about."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def step(self, handler: BaseHTTPRequestHandler, name: str) -> bool:
        """Whether the step is answered with a fault."""
        self.steps.append(name)
        self.on_step(name)
        for fault in self.faults:
            if fault[0] == name:
                self.faults.remove(fault)
                self.send(handler, {"error": {"message": "no"}}, fault[1])
                return True
        return False

    def post(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.path == "/v1/files":
            if self.step(handler, "file"):
                return
            header = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
            parts = {part.get_param("name", header="content-disposition"): part for part in _parts(header + body)}
            assert parts["purpose"].get_payload() == "batch"
            file_id = f"file-{len(self.files)}"
            self.files[file_id] = parts["file"].get_payload(decode=True)
            if not self.step(handler, "filed"):
                self.send(handler, _file(file_id, len(self.files[file_id])))
            return
        assert handler.path == "/v1/batches"
        if self.step(handler, "batch"):
            return
        values = json.loads(body)
        assert (values["endpoint"], values["completion_window"]) == ("/v1/chat/completions", "24h")
        lines = self.files[values["input_file_id"]].splitlines()
        batch = {
            "id": f"batch-{len(self.batches)}",
            "object": "batch",
            "endpoint": values["endpoint"],
            "completion_window": "24h",
            "created_at": 0,
            "status": "validating",
            "input_file_id": values["input_file_id"],
            "metadata": values["metadata"],
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "polls": 0,
        }
        self.batches[batch["id"]] = batch
        if not self.step(handler, "batched"):
            self.send(handler, batch)

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        if path == "/v1/batches":
            if self.step(handler, "list"):
                return
            # Newest first, one a page.
            query = parse_qs(urlsplit(handler.path).query)
            found = list(reversed(self.batches.values()))
            if "after" in query:
                found = found[[batch["id"] for batch in found].index(query["after"][0]) + 1 :]
            self.send(handler, {"object": "list", "data": found[:1], "has_more": len(found) > 1})
        elif path.endswith("/content"):
            if not self.step(handler, "content"):
                self.send_bytes(handler, self.files[path.split("/")[-2]])
        elif path.rsplit("/", 1)[1] not in self.batches:
            self.send(handler, {"error": {"message": "no such batch"}}, 404)
        elif not self.step(handler, "poll"):
            batch = self.batches[path.rsplit("/", 1)[1]]
            batch["polls"] += 1
            batch["status"] = "in_progress"
            if batch["polls"] > self.polls and "ended" not in batch:
                self.end(batch)
            self.send(handler, batch if "ended" not in batch else batch | {"status": batch["ended"]})

    def end(self, batch: dict[str, Any]) -> None:
        """Answers the requests of a batch into its output and error files."""
        batch["ended"] = self.status
        lines: dict[str, list[str]] = {"output": [], "error": []}
        asked = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        # An endpoint promises no order.
        for line in reversed(asked if self.status != "failed" else []):
            assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
            answer = self.script(line["body"])
            if answer is None:
                error = {"code": f"batch_{self.status}", "message": "not in time"}
                lines["error"].append(json.dumps({"custom_id": line["custom_id"], "response": None, "error": error}))
                continue
            body = json.loads(completion(answer)) if answer.body is None else answer.body
            response = {"status_code": answer.status, "request_id": "r", "body": body}
            name = "output" if answer.status == 200 else "error"
            values = {"custom_id": line["custom_id"], "response": response, "error": None}
            lines[name].append(json.dumps(values, ensure_ascii=False))
        for name, texts in lines.items():
            if texts:
                batch[f"{name}_file_id"] = f"{batch['id']}-{name}"
                self.files[f"{batch['id']}-{name}"] = ("\n".join(texts) + "\n").encode()
        batch["errors"] = {"object": "list", "data": self.errors} if self.errors else None
        batch["request_counts"]["completed"] = len(lines["output"])

    def send(self, handler: BaseHTTPRequestHandler, values: dict[str, Any], status: int = 200) -> None:
        self.send_bytes(handler, json.dumps(values).encode(), status)

    def send_bytes(self, handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def handed_over(self) -> list[dict[str, Any]]:
        """Every line of every batch that was made."""
        return [
            json.loads(line)
            for batch in self.batches.values()
            for line in self.files[batch["input_file_id"]].splitlines()
        ]


def _parts(message: bytes) -> list[Any]:
    return list(message_from_bytes(message).get_payload())


def _file(file_id: str, size: int) -> dict[str, Any]:
    values = {"id": file_id, "object": "file", "bytes": size, "created_at": 0, "filename": "x.jsonl"}
    return values | {"purpose": "batch", "status": "processed"}


@contextmanager
def batch_endpoint(script: Script | None = None, **options: Any) -> Iterator[BatchEndpoint]:
    """A running endpoint; answers `answer N` to `question N` where no script is given."""
    made = BatchEndpoint(
        script or (lambda body: Answer(body["messages"][0]["content"].replace("question", "answer"))), **options
    )
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
