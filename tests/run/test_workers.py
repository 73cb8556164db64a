import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hornbook.errors import StageError
from hornbook.run.workers import TASKS_PER_WORKER, in_workers
from tests.alive import is_alive
from tests.run import data_work


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


def test_tasks_are_read_as_results_are_taken():
    read = []

    def tasks() -> Iterator[tuple[()]]:
        for number in range(1000):
            read.append(number)
            yield ()

    results = in_workers(os.getpid, tasks(), 2)
    taken = [next(results) for _ in range(30)]
    assert os.getpid() not in taken
    assert len(set(taken)) <= 2
    assert len(read) == 29 + 2 * TASKS_PER_WORKER
    results.close()
    # Nobody wants the rest, and what comes next is not disturbed by it.
    assert list(in_workers(divmod, [(9, 4)] * 20, 2)) == [(2, 1)] * 20
    assert len(read) == 29 + 2 * TASKS_PER_WORKER


def test_after_an_error_nobody_waits_for_what_has_begun():
    started = time.monotonic()
    with pytest.raises(TypeError):
        list(in_workers(time.sleep, [("long",), *[(60.0,)] * 8], 2))
    # The processes are new ones, in place of those that were asleep.
    assert list(in_workers(divmod, [(9, 4)], 2)) == [(2, 1)]
    assert time.monotonic() - started < 50


def test_a_worker_that_the_system_kills_is_named():
    with pytest.raises(StageError, match=r"killed while it ran _signal\.raise_signal; .* memory .*--workers 1"):
        list(in_workers(signal.raise_signal, [(signal.SIGKILL,)], 2))
    assert list(in_workers(divmod, [(9, 4)], 2)) == [(2, 1)]


def test_one_worker_is_this_process():
    assert list(in_workers(os.getpid, [()] * 3, 1)) == [os.getpid()] * 3


def test_no_worker_outlives_a_killed_run(tmp_path):
    program = (
        "from hornbook.run.workers import in_workers\n"
        "from tests.run import data_work\n"
        f"list(in_workers(data_work.wait_beside, [({str(tmp_path)!r},)] * 2, 2))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.getcwd()}) as started:
        deadline = time.monotonic() + 60
        while len(workers := [int(path.name) for path in tmp_path.iterdir()]) < 2:
            assert time.monotonic() < deadline, f"only {workers} have begun"
            time.sleep(0.05)
        os.kill(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < deadline, f"still there: {workers}"
        time.sleep(0.05)


def test_no_worker_is_left_when_the_results_are_in_or_nobody_wants_them():
    whole = set(in_workers(os.getpid, [()] * 32, 2))
    results = in_workers(os.getpid, [()] * 32, 2)
    begun = {next(results)}
    results.close()
    assert not any(is_alive(pid) for pid in whole | begun)


def test_it_ends_while_long_results_and_long_tasks_are_on_their_way():
    program = (
        "from hornbook.run.workers import in_workers\n"
        "for task in [(20_000_000,), (bytes(20_000_000),)] * 4:\n"
        "    results = in_workers(bytes, [task] * 20, 2)\n"
        "    next(results)\n"
        "    results.close()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_workers_of_a_worker_and_of_a_thread():
    expected = [divmod(number, 3) for number in range(4)]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(data_work.divmods_in_workers, [4, 4])) == [expected] * 2
    assert list(in_workers(data_work.divmods_in_workers, [(4,)] * 2, 2)) == [expected] * 2


def test_a_result_that_cannot_be_sent_and_an_error_of_a_connection_are_no_death():
    with pytest.raises(TypeError, match="cannot pickle"):
        list(in_workers(open, [(os.devnull,)], 2))
    with pytest.raises(ConnectionResetError, match="by the task"):
        list(in_workers(data_work.lose_connection, [()], 2))


def test_a_ctrl_c_of_the_terminal_is_left_to_the_one_that_waits():
    assert set(in_workers(data_work.holds_off_interrupts, [()] * 2, 2)) == {True}
    assert not data_work.holds_off_interrupts()
