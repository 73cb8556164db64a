"""What a forked process does before anything else: it shuts itself in."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping

from hornbook.evaluate.sandbox.inside import kernel, landlock, seccomp
from hornbook.evaluate.sandbox.inside.namespaces import World

MEGABYTE = 2**20
CHANNEL = 3
"""The descriptor that a program's process speaks to its judge through; the only one besides /dev/null."""


class Walls:
    """What shuts programs in, made ready once in the process that forks them."""

    def __init__(
        self,
        limits: Mapping[str, float],
        mapped_bytes: int,
        world: World | None,
        ruleset: int | None,
        uses_seccomp: bool,
    ) -> None:
        """`mapped_bytes`: what warm imports have mapped is not the program's. `ruleset`: of Landlock."""
        self.limits, self.world, self._uses_seccomp = limits, world, uses_seccomp
        self._for_all = _for_all(limits, mapped_bytes)
        self._for_programs = [*(world.isolate_steps(int(limits["file_mb"] * MEGABYTE)) if world is not None else [])]
        # After the new user namespace, which has limits of its own from those in force when it is made.
        self._for_programs += [
            _limit(resource.RLIMIT_CPU, int(limits["timeout_s"]) + 2),
            _limit(resource.RLIMIT_NOFILE, int(limits["open_files"])),
        ]
        self._for_judges: list[kernel.Step] = []
        if world is not None:
            self._for_programs.append(_limit(resource.RLIMIT_NPROC, int(limits["processes"])))
            self._for_judges += [*world.leave_root_steps(), kernel.drop_capabilities_step()]
        if kernel.IS_LINUX:
            with_parent = kernel.prctl_step(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)
            self._for_programs.append(with_parent)
            # Where a program has the same user, it is not to look into this memory.
            self._for_judges += [with_parent, kernel.prctl_step(kernel.PR_SET_DUMPABLE, 0)]
        if ruleset is not None:
            self._for_programs.append(landlock.restrict_step(ruleset))
        if world is not None:
            self._for_programs.append(kernel.drop_capabilities_step())
            if uses_seccomp:
                program = seccomp.encode(seccomp.assemble(kernel.MACHINE))
                self._for_programs.append(kernel.filter_step(program))

    def limit_this_process(self) -> None:
        """Limits that the process which forks may have as well, and so hands down."""
        kernel.take(self._for_all)

    def fork(self) -> int:
        """Forks a process for a program."""
        return self.world.fork() if self.world is not None else os.fork()

    def shut_program_in(self, folder: str) -> None:
        """Called in the forked process; `folder` is its working folder where it has no namespaces.

        Raises OSError with the step that was refused; CHANNEL stays open in any case.
        """
        if self.world is None:
            self._do_without_world(folder)
        kernel.take(self._for_programs)
        if self._uses_seccomp and self.world is None:
            program = seccomp.encode(seccomp.assemble(kernel.MACHINE, own_pid=os.getpid()))
            kernel.take([kernel.filter_step(program)])
        os.closerange(CHANNEL + 1, 2**16)

    def _do_without_world(self, folder: str) -> None:
        os.setsid()
        os.chdir(folder)
        os.environ["HOME"] = os.environ["TMPDIR"] = folder
        if "tempfile" in sys.modules:
            vars(sys.modules["tempfile"])["tempdir"] = folder
        if os.getuid() != 0:
            # Linux counts a user's processes, not a program's, and does not count root's at all.
            kernel.take([_limit(resource.RLIMIT_NPROC, _processes_of_user() + int(self.limits["processes"]))])

    def shut_judge_in(self) -> None:
        """Called in the forked process of a judge, which is trusted but reads what programs write."""
        kernel.take(self._for_judges)


def mapped_bytes() -> int:
    """The address space that this process has mapped."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _for_all(limits: Mapping[str, float], mapped: int) -> list[kernel.Step]:
    steps = [
        _limit(resource.RLIMIT_FSIZE, int(limits["file_mb"] * MEGABYTE)),
        _limit(resource.RLIMIT_CORE, 0),
    ]
    if kernel.IS_LINUX:
        steps.append(_limit(resource.RLIMIT_AS, mapped + int(limits["memory_mb"] * MEGABYTE)))
        steps.append(kernel.prctl_step(kernel.PR_SET_NO_NEW_PRIVS, 1))
    return steps


def _limit(kind: int, value: int) -> kernel.Step:
    _, hard = resource.getrlimit(kind)
    return kernel.limit_step(kind, value if hard == resource.RLIM_INFINITY else min(value, hard))


def _processes_of_user() -> int:
    count, user = 0, os.getuid()
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
