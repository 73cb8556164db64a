import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hornbook.run.workers import in_workers
from tests.alive import is_alive


def test_results_come_in_the_order_of_the_tasks():
    assert list(in_workers(divmod, ((n, 7) for n in range(50)), 2)) == [divmod(n, 7) for n in range(50)]


def test_an_error_in_a_task_and_an_error_in_reading_tasks_both_surface():
    with pytest.raises(ZeroDivisionError):
        list(in_workers(divmod, [(1, 1), (1, 0)], 2))

    def broken() -> Iterator[tuple[int, int]]:
        yield (1, 1)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(in_workers(divmod, broken(), 2))


def test_no_worker_outlives_a_killed_run():
    program = (
        "import os, time\n"
        "from hornbook.run.workers import in_workers\n"
        "print(*set(in_workers(os.getpid, [()] * 32, 2)), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        workers = [int(pid) for pid in started.stdout.readline().split()]
        assert workers
        os.kill(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < deadline, f"still there: {workers}"
        time.sleep(0.2)
