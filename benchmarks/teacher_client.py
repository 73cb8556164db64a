"""What the teacher's client adds to an endpoint that answers at once: requests/s against a bare loop over the same SDK.

All sides ask the same requests, 64 at a time, of a server in a process of its own that does nothing but answer. `bare`
is the loop that anybody would write, and keeps nothing. `ours` looks every request up, enters its worst case in the
ledger, reads the reply strictly and commits it to the disk before it is used. `lean` keeps nothing either and uses the
SDK as ours does (its own parsing left out, 16 workers a connection pool), so that it says what our bookkeeping costs
by itself. The sides alternate in one run; a ratio is of the median rates, by the clock and of this process on a core,
which other work on the machine disturbs less: above 1 ours is the faster one, and the aim is 0.95 of bare.

python benchmarks/teacher_client.py --requests 500 --rounds 15
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from openai import AsyncOpenAI

from hornbook.teacher.budget import Budget
from hornbook.teacher.chat import ChatRequest, Message
from hornbook.teacher.endpoint import Endpoint
from hornbook.teacher.openai import WORKERS_PER_CLIENT, OpenAITeacher
from hornbook.teacher.replies import ReplyCache

CONCURRENCY = 64
TEXT = "```python\ndef total(numbers):\n    return sum(numbers)\n```\n" * 8
COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 150, "total_tokens": 450},
}


class Stub(asyncio.Protocol):
    """Answers every request with the same completion as soon as its last byte is there."""

    body = json.dumps(COMPLETION).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.read = transport, b""

    def data_received(self, data: bytes) -> None:
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            head = self.read[:end].lower()
            size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.read) < end + 4 + size:
                return
            self.read = self.read[end + 4 + size :]
            self.transport.write(self.answer)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def requests(count: int, round_: int) -> list[ChatRequest]:
    system = Message("system", "You write short Python exercises for students who are learning to program. " * 12)
    return [
        ChatRequest("m", (system, Message("user", f"Write exercise {round_}/{number}.")), max_tokens=400)
        for number in range(count)
    ]


def ask_bare(url: str, asked: list[ChatRequest]) -> None:
    async def run() -> None:
        waiting = iter(asked)

        async def work() -> None:
            for request in waiting:
                await client.chat.completions.create(**json.loads(request.canonical))

        async with AsyncOpenAI(api_key="none", base_url=url) as client:
            await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    asyncio.run(run())


def ask_lean(url: str, asked: list[ChatRequest]) -> None:
    endpoint = Endpoint(url, "NONE", 60.0, "")

    async def run() -> None:
        waiting = iter(asked)

        async def work(client: AsyncOpenAI) -> None:
            for request in waiting:
                await client.post("/chat/completions", cast_to=str, body=endpoint.arguments(request))

        async with contextlib.AsyncExitStack() as stack:
            starts = range(0, CONCURRENCY, WORKERS_PER_CLIENT)
            clients = [await stack.enter_async_context(endpoint.async_client()) for _ in starts]
            await asyncio.gather(*(work(clients[number // WORKERS_PER_CLIENT]) for number in range(CONCURRENCY)))

    asyncio.run(run())


def ask_ours(url: str, asked: list[ChatRequest], folder: Path) -> None:
    with ReplyCache(folder / f"{time.monotonic_ns()}.sqlite") as cache:
        teacher = OpenAITeacher(
            cache,
            base_url=url,
            api_key_env="NONE",
            concurrency=CONCURRENCY,
            timeout_s=60,
            deadline_s=300,
            budget=Budget(max_tokens=10**12),
        )
        outcomes = teacher.ask(asked, on_progress=lambda count: None)
        assert len(outcomes) == len(cache) == len(asked)


def timed(side: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of this process on a core."""
    started, on_core = time.perf_counter(), time.process_time()
    side()
    return time.perf_counter() - started, time.process_time() - on_core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="where the caches go, to measure another disk")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    times: dict[str, list[tuple[float, float]]] = {"bare": [], "lean": [], "ours": []}
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            ask_bare(url, requests(200, -1))
            ask_lean(url, requests(200, -1))
            ask_ours(url, requests(200, -1), Path(folder))
            for round_ in range(options.rounds):
                asked = requests(options.requests, round_)
                times["bare"].append(timed(lambda: ask_bare(url, asked)))  # noqa: B023
                times["lean"].append(timed(lambda: ask_lean(url, asked)))  # noqa: B023
                times["ours"].append(timed(lambda: ask_ours(url, asked, Path(folder))))  # noqa: B023
                walls = ", ".join(f"{side} {seconds[-1][0]:.2f} s" for side, seconds in times.items())
                print(f"round {round_}: {walls}, load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        server.kill()
        server.wait()
    walls, cores = ({side: statistics.median(t[i] for t in seconds) for side, seconds in times.items()} for i in (0, 1))
    for side in times:
        each_ms = 1e3 * cores[side] / options.requests
        print(f"{side}: {options.requests / walls[side]:,.0f} requests/s, {each_ms:.2f} ms each on a core")
    for side in ("bare", "lean"):
        print(
            f"ours / {side}: {walls[side] / walls['ours']:.3f} of its requests/s by the clock, "
            f"{cores[side] / cores['ours']:.3f} on a core"
        )


if __name__ == "__main__":
    main()
