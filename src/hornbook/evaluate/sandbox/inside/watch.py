"""Looks at running programs: how many processes each has, and the memory that they hold together."""

from __future__ import annotations

import os
import resource
import time

_PAGE = resource.getpagesize() if hasattr(resource, "getpagesize") else 4096


class Watch:
    """Reads a /proc by its descriptor; it need not be in sight."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._own_pages = self._private_pages(os.getpid())

    def below(self, pid: int) -> list[int]:
        """A process and all that descend from it; of a pid namespace's first process, all in it."""
        found = [pid]
        for one in found:
            for thread in self._list(f"{one}/task"):
                found += map(int, self._read(f"{one}/task/{thread}/children").split())
        return found

    def of_session(self, leader: int) -> list[int]:
        """The processes of a session."""
        return [int(name) for name in self._list(".") if name.isdigit() and _session(int(name)) == leader]

    def wants_to_run(self, pid: int) -> bool:
        """Whether a process is at work or waits for a core, rather than for something to happen."""
        # After the name, which is in brackets and may hold anything.
        return self._read(f"{pid}/stat").rpartition(") ")[2][:1] in ("R", "D")

    def private_bytes(self, pids: list[int]) -> int:
        """Memory that these processes hold beyond what they share with this one, from which they were forked."""
        return _PAGE * sum(max(0, self._private_pages(pid) - self._own_pages) for pid in pids)

    def _private_pages(self, pid: int) -> int:
        fields = self._read(f"{pid}/statm").split()
        return int(fields[1]) - int(fields[2]) if fields else 0

    def _read(self, path: str) -> str:
        try:
            with open(os.open(path, os.O_RDONLY, dir_fd=self._processes), encoding="ascii") as file:
                return file.read()
        except OSError:
            return ""

    def _list(self, path: str) -> list[str]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._processes)
        except OSError:
            return []
        try:
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, without its children's; 0 where that cannot be told."""
    try:
        # The clock of a process, as `linux/posix-timers.h` numbers it.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
