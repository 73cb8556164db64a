"""What the tests of data processes run in them; importable there."""

import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from hornbook.errors import ArtifactError
from hornbook.run.data_process import Report
from hornbook.run.engine import is_distributed, over_shards
from hornbook.run.workers import in_workers


def square(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ArtifactError("shard three: is damaged. Delete it.")
    return number


def divide(number: int) -> float:
    return 6 / number


def squares(report: Report, count: int) -> tuple[bool, list[int]]:
    report.start("squares", count)
    found = []
    for value in over_shards(square, list(range(count))):
        report.advance(num_bytes=10)
        found.append(value)
    return is_distributed(), found


def damaged(report: Report) -> list[int]:
    return list(over_shards(fail_at_three, list(range(8))))


def bug(report: Report) -> list[float]:
    return list(over_shards(divide, [2, 0]))


def die(report: Report, number: int) -> None:
    os.write(2, b"last words\n")
    os.kill(os.getpid(), number)


def leave(report: Report, code: int) -> None:
    os._exit(code)


def wait(report: Report, pids: Path) -> None:
    pids.write_text(f"{os.getpid()}")
    time.sleep(60)


def wait_beside(folder: str) -> None:
    Path(folder, f"{os.getpid()}").touch()
    time.sleep(60)


def outlive_the_forker(report: Report) -> str:
    """Kills what this process is a fork of, and goes on."""
    forker = os.getppid()
    assert "forkserver" in Path(f"/proc/{forker}/cmdline").read_text()
    os.kill(forker, signal.SIGKILL)
    return "whole"


def holds_off_interrupts() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def divmods_in_workers(count: int) -> list[tuple[int, int]]:
    return list(in_workers(divmod, [(number, 3) for number in range(count)], 2))


def lose_connection() -> None:
    raise ConnectionResetError("by the task")


def answer_and_crash(connection: Connection, log: str) -> None:
    connection.recv()
    connection.send(("result", "whole"))
    os.kill(os.getpid(), signal.SIGSEGV)
