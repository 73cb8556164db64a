"""The sandbox: gives programs to the processes that fork, and reads the verdicts."""

from __future__ import annotations

import contextlib
import re
import select
import selectors
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, cast

import psutil

from hornbook.errors import SandboxError
from hornbook.evaluate.sandbox.inside import protocol
from hornbook.evaluate.sandbox.inside.messages import how_it_ended, receive_message
from hornbook.evaluate.sandbox.layers import Layers, asked_layers
from hornbook.evaluate.sandbox.verdicts import Limits, Program, Verdict, VerdictName
from hornbook.evaluate.sandbox.worker import Judge, News, Worker
from hornbook.run.machine import Policy
from hornbook.run.progress import console

MOST_SLOW_AT_ONCE = 6
"""For each worker: programs that run for longer than a moment share the cores with those that follow."""
MOST_DEATHS_AT_REST = 3
_told: set[str] = set()
"""What was said on the console about missing layers; once is enough."""


class Sandbox:
    """Warm processes that run programs. A context manager: leaving it ends the processes and removes their folders."""

    def __init__(
        self,
        limits: Limits,
        *,
        policy: Policy = "required",
        warm_imports: Sequence[str] = (),
        hash_seed: int = 0,
        _layers: Sequence[str] | None = None,
    ) -> None:
        """Modules in `warm_imports` are imported once per worker, before any program's time starts.

        `hash_seed` is what the order of a set of strings depends on, in every program.
        Raises SandboxError at the first program where the machine has less than the policy wants.
        """
        self.limits, self.policy, self.warm_imports = limits, policy, tuple(warm_imports)
        self._hash_seed = hash_seed
        self._asked = asked_layers(policy, _layers)
        self._workers: list[Worker] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._workers:
            self._workers.pop().close()

    def run_all(
        self, programs: Sequence[Program], *, workers: int, on_progress: Callable[[int], None] | None = None
    ) -> list[Verdict]:
        """Verdicts in the order of the programs. `on_progress` gets 1 for each finished program.

        Raises SandboxError where the machine has less than the policy wants, or cannot make what it did before.
        """
        self._start(min(max(1, workers), len(programs)))
        batch = _Batch(
            programs,
            self.limits,
            self._workers[: max(1, workers)],
            self._replace,
            on_progress or (lambda _: None),
        )
        return batch.run()

    def _start(self, count: int) -> None:
        self._count = max(self._count, count)
        new = [self._make_worker() for _ in range(count - len(self._workers))]
        self._workers += new
        for worker in new:
            layers = worker.wait_until_ready()
            try:
                layers.check(self.policy)
            except SandboxError:
                self.__exit__(None, None, None)
                raise
            _tell(layers)

    def _make_worker(self) -> Worker:
        self._asked.check(self.policy)
        free_mb = psutil.virtual_memory().available // 2**20
        # What runs at once may need its memory at once.
        room = int(free_mb // 2 // (self._count * max(1, self.limits.memory_mb))) - 1
        slow_at_once = max(0, min(MOST_SLOW_AT_ONCE, room))
        return Worker(self.limits, self.warm_imports, self._asked, slow_at_once=slow_at_once, hash_seed=self._hash_seed)

    def _replace(self, worker: Worker) -> Worker:
        place = self._workers.index(worker)
        worker.close()
        self._workers[place] = self._make_worker()
        self._workers[place].wait_until_ready()
        return self._workers[place]


class _Batch:
    """Programs on their way through the workers."""

    def __init__(
        self,
        programs: Sequence[Program],
        limits: Limits,
        workers: list[Worker],
        replace: Callable[[Worker], Worker],
        on_progress: Callable[[int], None],
    ) -> None:
        self._programs, self._limits, self._workers = programs, limits, workers
        self._replace, self._on_progress = replace, on_progress
        self._verdicts: list[Verdict | None] = [None] * len(programs)
        self._waiting = list(reversed(range(len(programs))))
        self._left = len(programs)
        self._broken_off: set[int] = set()
        """Programs that were at work in a worker that broke down once."""
        self._deaths_at_rest = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> list[Verdict]:
        """All verdicts."""
        with self._selector:
            for worker in self._workers:
                self._listen_to(worker)
            while self._left:
                soonest = min([worker.look() for worker in self._workers])
                for key, _ in self._selector.select(max(0.0, soonest - time.monotonic())):
                    worker, judge = key.data
                    if judge is None:
                        self._take_news(worker)
                    elif judge.number in worker.judges:
                        self._take_verdict(worker, judge)
                for worker in list(self._workers):
                    if worker.hangs:
                        self._start_over(worker, "stopped the process that ran it")
                    self._feed(worker)
        return cast(list[Verdict], self._verdicts)

    def _listen_to(self, worker: Worker) -> None:
        self._selector.register(worker.control, selectors.EVENT_READ, (worker, None))
        for judge in worker.judges.values():
            self._selector.register(judge.line, selectors.EVENT_READ, (worker, judge))
        self._feed(worker)

    def _feed(self, worker: Worker) -> None:
        while self._waiting and (judge := worker.find_room()) is not None:
            number = self._waiting.pop()
            worker.give(judge, number, self._programs[number])

    def _take_verdict(self, worker: Worker, judge: Judge) -> None:
        try:
            verdict, detail, seconds, judge.is_ending = receive_message(judge.line)
        except (OSError, EOFError):
            # What became of it is in the news.
            self._selector.unregister(judge.line)
            judge.is_ending = True
            return
        if verdict == protocol.BROKEN:
            raise SandboxError(f"a program could not be shut in: {detail}")
        number, judge.program = judge.program, None
        assert number is not None
        self._settle(number, verdict, detail, seconds)
        self._feed(worker)

    def _take_news(self, worker: Worker) -> None:
        news = worker.take_news()
        if news is None:
            self._start_over(worker, "killed the process that ran it")
        elif isinstance(news, Judge):
            self._selector.register(news.line, selectors.EVENT_READ, (worker, news))
        else:
            self._bury(worker, news)

    def _bury(self, worker: Worker, news: News) -> None:
        judge = news.judge
        # It may have been done just before it was ended.
        if not judge.is_ending and select.select([judge.line], [], [], 0)[0]:
            self._take_verdict(worker, judge)
        with contextlib.suppress(KeyError):
            self._selector.unregister(judge.line)
        judge.line.close()
        if judge.program is not None:
            self._settle(judge.program, *_explain(news, self._limits), time.monotonic() - judge.since)

    def _settle(self, number: int, name: VerdictName, detail: str, seconds: float) -> None:
        self._verdicts[number] = Verdict(name == "passed", name, _tidy(detail), seconds)
        self._left -= 1
        self._on_progress(1)

    def _start_over(self, worker: Worker, blame: str) -> None:
        """Replaces a worker that is gone or hangs. A program that was at work in it twice has done it.

        Once is no proof: one that ran before may have killed it with its last breath, or one beside it.
        """
        self._selector.unregister(worker.control)
        busy = [judge for judge in worker.judges.values() if judge.program is not None]
        self._deaths_at_rest += not busy
        if self._deaths_at_rest > MOST_DEATHS_AT_REST:
            raise SandboxError("the process that runs programs ends again and again without one")
        for judge in worker.judges.values():
            with contextlib.suppress(KeyError):
                self._selector.unregister(judge.line)
        for judge in busy:
            assert judge.program is not None
            if judge.program in self._broken_off:
                self._settle(judge.program, "crashed", blame, time.monotonic() - judge.since)
            else:
                self._broken_off.add(judge.program)
                self._waiting.append(judge.program)
        place = self._workers.index(worker)
        self._workers[place] = self._replace(worker)
        self._listen_to(self._workers[place])


def _explain(news: News, limits: Limits) -> tuple[VerdictName, str]:
    """What a program did whose judge was ended."""
    match news.why:
        case protocol.TIMED_OUT:
            return "timed_out", "still running when its time was up"
        case protocol.TOO_MANY_PROCESSES:
            return "crashed", f"started more than {limits.processes} processes"
        case protocol.TOO_MUCH_MEMORY:
            return "crashed", f"used more than {limits.memory_mb} MB in all its processes"
    return "crashed", f"the process of its tests was {how_it_ended(news.status)}"


def _tidy(detail: str) -> str:
    """Takes out what differs between two runs of the same program, and what no file of text can hold."""
    detail = re.sub(r"0x[0-9a-f]{6,}", "0x...", detail.replace(protocol.FOLDER, "."))
    detail = re.sub(r"/\S*/hornbook-sandbox-\w+/work-\d+", ".", detail)
    return detail.encode("utf-8", "backslashreplace").decode()[: protocol.MAX_DETAIL_CHARS]


def _tell(layers: Layers) -> None:
    for layer, why in layers.missing.items():
        if layer not in _told:
            _told.add(layer)
            console.print(f"  sandbox: without {layer} ({why})", markup=False)
