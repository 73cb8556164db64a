"""The warm process behind `hornbook.evaluate.sandbox`: forks a child per program and judges what it does.

Started as a script with a scrubbed environment; imports the standard library alone, so that a program finds nothing
of hornbook in its memory. Speaks frames of JSON with a length in front: requests on stdin, replies on stdout.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

JUDGE = Path(__file__).with_name("sandbox_judge.py")
MAX_DETAIL_CHARS = 500
MAX_REPORT_BYTES = 16_384
NONCE_BYTES = 16
CHECK_PROCESSES_S = 0.1
Judge = Callable[[str, str, str], tuple[str, str]]
"""(source, tests, entry point) to (verdict, detail)."""
TIMED_OUT = "still running when its time was up"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def serve() -> None:
    """Answers requests until stdin ends."""
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    libc = ctypes.CDLL(None, use_errno=True)
    # Processes that a program leaves behind become this process's children, so none is out of reach.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    setup = json.loads(_read_frame(requests) or b"{}")
    try:
        for name in setup["warm_imports"]:
            importlib.import_module(name)
    except ImportError as error:
        _write_frame(replies, {"ready": False, "error": str(error)})
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    judge = _load_judge()
    _write_frame(replies, {"ready": True})
    gc.collect()
    gc.freeze()
    while (request := _read_frame(requests)) is not None:
        _write_frame(replies, _run(json.loads(request), setup["limits"], libc, judge))
    # Requests end also when hornbook itself is killed; then nobody else removes the folder.
    shutil.rmtree(Path.cwd(), ignore_errors=True)


def _run(request: dict[str, str], limits: dict[str, float], libc: ctypes.CDLL, judge: Judge) -> dict[str, Any]:
    """Runs one program in a forked child and returns its verdict; nothing of it is alive afterwards."""
    work = Path.cwd() / "work"
    work.mkdir(exist_ok=True)
    nonce = os.urandom(NONCE_BYTES).hex().encode()
    read_end, write_end = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_the_child(request, limits, libc, judge, work, write_end, nonce)
    os.close(write_end)
    report, ended = _await(pid, read_end, started + limits["timeout_s"], int(limits["processes"]))
    seconds = time.monotonic() - started
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    _kill_what_is_left()
    report += _drain(read_end, MAX_REPORT_BYTES)
    os.close(read_end)
    shutil.rmtree(work, ignore_errors=True)
    verdict, detail = _read_report(report, nonce, ended, status)
    return {"verdict": verdict, "detail": _tidy(detail, work), "seconds": seconds}


def _await(pid: int, read_end: int, deadline: float, most_processes: int) -> tuple[bytes, str]:
    """What the child wrote until it ended or had to be stopped, and why: `` or the reason in words."""
    os.set_blocking(read_end, False)
    child = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(read_end, select.POLLIN)
    report = b""
    try:
        while (left_s := deadline - time.monotonic()) > 0:
            events = poll.poll(1000 * min(max(0.001, left_s), CHECK_PROCESSES_S))
            for descriptor, _ in events:
                if descriptor == child:
                    return report, ""
                chunk = _drain(read_end, MAX_REPORT_BYTES)
                report += chunk
                if not chunk:
                    poll.unregister(read_end)
            if len(report) >= MAX_REPORT_BYTES:
                return report, ""
            # For root, whose processes no limit counts.
            if not events and _group_size(pid) > most_processes:
                return report, f"started more than {most_processes} processes"
        return report, TIMED_OUT
    finally:
        os.close(child)


def _group_size(group: int) -> int:
    size = 0
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            size += entry.isdigit() and os.getpgid(int(entry)) == group
    return size


def _drain(descriptor: int, limit: int) -> bytes:
    try:
        return os.read(descriptor, limit)
    except BlockingIOError:
        return b""


def _kill_what_is_left() -> None:
    """Ends processes that left the program's session; they have become children of this process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            found, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if found == 0:
            with contextlib.suppress(OSError):
                for pid in children.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.001)


def _read_report(report: bytes, nonce: bytes, stopped: str, status: int) -> tuple[str, str]:
    if stopped:
        return ("timed_out" if stopped == TIMED_OUT else "crashed"), stopped
    head, _, detail = report.partition(b"\n")
    mark, _, verdict = head.partition(b" ")
    # One report with the secret and nothing before it; a second one behind it would be in `detail`.
    if mark == nonce and nonce not in detail:
        return verdict.decode(), detail.decode(errors="replace")
    if report:
        return "crashed", "wrote to the channel of the verdict"
    if os.WIFSIGNALED(status):
        return "crashed", f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return "crashed", f"left with exit code {os.WEXITSTATUS(status)} before its tests ended"


def _tidy(detail: str, work: Path) -> str:
    """Takes out what differs between two runs of the same program: addresses and the temporary folder."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", detail.replace(str(work), "."))[:MAX_DETAIL_CHARS]


def _be_the_child(
    request: dict[str, str],
    limits: dict[str, float],
    libc: ctypes.CDLL,
    judge: Judge,
    work: Path,
    report_to: int,
    nonce: bytes,
) -> None:
    # Bound before the program runs, because it may replace the functions in `os`.
    write, leave = os.write, os._exit
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        report_to = _keep_only(report_to)
        os.chdir(work)
        _set_limits(limits)
        random.seed(0)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(0)
        verdict, detail = judge(request["source"], request["tests"], request["entry_point"])
        write(report_to, b"%s %s\n%s" % (nonce, verdict.encode(), detail.encode("utf-8", "backslashreplace")))
    finally:
        # Neither exit handlers nor threads of the program get to run after the verdict.
        leave(1)


def _keep_only(descriptor: int) -> int:
    os.dup2(descriptor, 3)
    os.closerange(4, 1024)
    return 3


def _set_limits(limits: dict[str, float]) -> None:
    # Address space counts from what the warm process maps: torch alone maps gigabytes before a program starts.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory_bytes = pages * resource.getpagesize() + int(limits["memory_mb"] * 2**20)
    cpu_s = int(limits["timeout_s"]) + 2
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, int(limits["file_mb"] * 2**20)),
        (resource.RLIMIT_NOFILE, int(limits["open_files"])),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if os.getuid() != 0:
        # Linux counts a user's processes, not a program's, and does not count root's at all.
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        value = _processes_of_user() + int(limits["processes"])
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def _processes_of_user() -> int:
    count, user = 0, os.getuid()
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
    return count


def _load_judge() -> Judge:
    """The judge with a copy of the builtins, so that a program that changes them does not change the judge."""
    private: dict[str, Any] = {"__builtins__": dict(vars(builtins)), "__name__": JUDGE.stem}
    exec(compile(JUDGE.read_text(encoding="utf-8"), str(JUDGE), "exec"), private)
    return cast(Judge, private["judge"])


def _read_frame(descriptor: int) -> bytes | None:
    header = _read_exactly(descriptor, 4)
    return None if header is None else _read_exactly(descriptor, struct.unpack("<I", header)[0])


def _read_exactly(descriptor: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        chunk = os.read(descriptor, size - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def _write_frame(descriptor: int, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    data = memoryview(struct.pack("<I", len(body)) + body)
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    serve()
