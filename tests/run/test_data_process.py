import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hornbook.errors import ArtifactError, InputError, MissingDependencyError, StageError
from hornbook.run import engine
from hornbook.run.data_process import in_data_process
from hornbook.run.machine import Machine
from tests.alive import is_alive

from . import data_work

MACHINE = Machine(workers=2)


def test_results_come_in_the_order_of_the_shards_and_progress_is_passed_on(monkeypatch, capsys):
    monkeypatch.setattr("hornbook.run.progress.SECONDS_BETWEEN_LINES", 0.0)
    assert in_data_process("squares", MACHINE, data_work.squares, 6) == (False, [0, 1, 4, 9, 16, 25])
    shown = capsys.readouterr().err
    assert "squares: 1/6 files" in shown
    assert "squares: 6/6 files" in shown


def test_an_error_of_a_shard_is_the_same_here_and_a_bug_shows_where_it_was():
    with pytest.raises(ArtifactError, match=r"^shard three: is damaged\. Delete it\.$") as raised:
        in_data_process("damaged", MACHINE, data_work.damaged)
    assert not hasattr(raised.value, "__notes__")
    with pytest.raises(ZeroDivisionError) as bug:
        in_data_process("bug", MACHINE, data_work.bug)
    assert "in divide" in bug.value.__notes__[0]


@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (data_work.die, signal.SIGSEGV, r"stage s: its process was ended by SIGSEGV\. Run again.*last words"),
        (data_work.die, signal.SIGKILL, r"was ended by SIGKILL \(the machine's memory may be full\)"),
        (data_work.leave, 3, r"stage s: its process left with code 3\. Run again: the shards that are done are kept"),
    ],
)
def test_a_process_that_dies_is_a_stage_error(function, argument, message):
    with pytest.raises(StageError, match=f"(?s){message}"):
        in_data_process("s", MACHINE, function, int(argument))


def test_what_is_whole_stands_where_the_process_that_forks_was_killed():
    assert in_data_process("s", MACHINE, data_work.outlive_the_forker) == "whole"
    assert in_data_process("s", MACHINE, data_work.squares, 2) == (False, [0, 1])


def test_a_process_that_ends_badly_after_its_last_word_is_a_stage_error(monkeypatch):
    """Which `serve` does not do: here it says so itself, in place of an engine that crashes at the end."""
    monkeypatch.setattr("hornbook.run.data_process.serve", data_work.answer_and_crash)
    with pytest.raises(StageError, match="stage s: its process was ended by SIGSEGV"):
        in_data_process("s", MACHINE, data_work.squares, 2)


def test_ctrl_c_ends_the_process_too(tmp_path):
    pids = tmp_path / "pid"

    def interrupt() -> None:
        _wait_for(pids)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        in_data_process("s", MACHINE, data_work.wait, pids)
    thread.join()
    assert not is_alive(int(pids.read_text()))


def test_the_process_ends_with_the_one_that_started_it(tmp_path):
    pids = tmp_path / "pid"
    program = (
        "from pathlib import Path\n"
        "from hornbook.run.data_process import in_data_process\n"
        "from hornbook.run.machine import Machine\n"
        "from tests.run import data_work\n"
        f"in_data_process('s', Machine(workers=1), data_work.wait, Path({str(pids)!r}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.getcwd()}) as started:
        _wait_for(pids)
        os.kill(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_alive(int(pids.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("word", ["spark", "Ray", "ray://", "ray://host", "ray://host:port", "http://host:1"])
def test_an_unknown_engine_is_refused(word):
    with pytest.raises(InputError, match=r"--engine .*: choose native, ray or ray://HOST:PORT"):
        engine.check_engine(word)


def test_ray_that_is_not_installed_names_the_command(monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert engine.check_engine("native") == "native"
    with pytest.raises(MissingDependencyError, match=r"--engine ray needs the package 'ray'.*hornbook\[ray\]"):
        engine.check_engine("ray")


@pytest.mark.slow
def test_ray_runs_the_same_work_with_the_same_errors():
    machine = Machine(workers=2, engine="ray")
    assert in_data_process("squares", machine, data_work.squares, 8) == (True, [n * n for n in range(8)])
    with pytest.raises(ArtifactError, match=r"^shard three: is damaged\. Delete it\.$"):
        in_data_process("damaged", machine, data_work.damaged)


@pytest.mark.slow
def test_a_cluster_that_does_not_answer():
    with pytest.raises(InputError, match=r"--engine ray://127\.0\.0\.1:9: no Ray cluster answers"):
        in_data_process("squares", Machine(workers=1, engine="ray://127.0.0.1:9"), data_work.squares, 1)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.05)
