"""Namespaces: a world of its own for the process that forks, and in it one for each program.

The outer one (user, mount, pid, network, ipc, uts) is made once: its root holds nothing but what `view` names, its
network has no interface that is up, and no process of the host is in it. A program then gets a pid and a mount
namespace of its own with an empty folder in memory, and a user namespace in which it is nobody. Works without any
privilege where the kernel lets users make user namespaces, and the same way for root. Needs Linux 5.12.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import NoReturn

from hornbook.evaluate.sandbox.inside import kernel, landlock, view
from hornbook.evaluate.sandbox.inside.protocol import FOLDER

SHELF = os.path.dirname(FOLDER)
NOBODY = 65534
MOST_FILES = 4096
_OUTER = kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
# Any folder will do, as long as nothing that is to be seen lies in it.
_PLACES = ("/mnt", "/media", "/srv", "/opt", "/tmp", "/var/tmp", "/home", "/run")


class World:
    """The outer namespaces; made by `enter` in the process that is in them."""

    landlock_rules = (
        ("/", landlock.READ),
        ("/dev", landlock.READ_WRITE_DEVICE | landlock.READ_DIR),
        # Not the folder itself, which is a new one for each program: rules hold for what is mounted beneath, too.
        (SHELF, -1),
    )

    def __init__(self, user: int, group: int) -> None:
        self._user, self._group = user, group
        self._own = os.pidfd_open(os.getpid())
        self.processes: int | None = None
        """A descriptor of a /proc of these namespaces; None where the kernel does not give one."""

    def fork(self) -> int:
        """Forks as the first process of a new pid namespace; when that ends, the kernel ends all others in it."""
        kernel.unshare(kernel.NEWPID)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid != 0:
                kernel.setns(self._own, kernel.NEWPID)
        return pid

    def isolate_steps(self, folder_bytes: int) -> list[kernel.Step]:
        """The rest of a program's own world, for the forked process: an empty folder, and a user without rights.

        The mount namespace belongs to the outer user namespace, so that a program could not change it even if it came
        by capabilities in its own.
        """
        options = f"size={folder_bytes},nr_inodes={MOST_FILES},mode=700,uid={self._user},gid={self._group}"
        return [
            kernel.step("unshare mount", "unshare", kernel.NEWNS),
            kernel.mount_step("tmpfs", FOLDER, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options),
            kernel.step(f"chdir {FOLDER}", "chdir", FOLDER.encode()),
            *self.leave_root_steps(),
            kernel.step("unshare user", "unshare", kernel.NEWUSER),
        ]

    def leave_root_steps(self) -> list[kernel.Step]:
        """Becomes the user that programs are; Linux does not count root's processes."""
        if (os.getuid(), os.getgid()) == (self._user, self._group):
            return []
        return [
            kernel.step("setresgid", "setresgid", self._group, self._group, self._group),
            kernel.step("setresuid", "setresuid", self._user, self._user, self._user),
        ]

    def close_proc(self) -> None:
        """Takes /proc and /sys out of sight, which only warm imports are to see."""
        if self._shows_own_processes:
            self.processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        for path in ("/proc", "/sys"):
            with contextlib.suppress(OSError):
                kernel.unmount(path)

    _shows_own_processes = False


def enter(readable: Sequence[str], links: Sequence[tuple[str, str]], hidden: Sequence[str]) -> World:
    """Makes the outer world and returns in a child that is its first process; the caller's process waits for it.

    Raises OSError, in the caller's process or in the child, with the step that the kernel refused.
    """
    user, group = _unshare_and_map()
    pid = os.fork()
    if pid != 0:
        _wait_for(pid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)
    world = World(user, group)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    root = next((place for place in _PLACES if _is_free(place, readable)), None)
    if root is None:
        raise OSError(f"none of {', '.join(_PLACES)} is there to mount on")
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=16m,nr_inodes=16k,mode=755")
    for path in readable:
        _make_place(path, root + path)
        kernel.bind_read_only(path, root + path)
    for link, target in links:
        if not os.path.lexists(root + link):
            os.makedirs(os.path.dirname(root + link), exist_ok=True)
            os.symlink(target, root + link)
    for path in hidden:
        if os.path.isdir(root + path):
            kernel.mount("tmpfs", root + path, "tmpfs", kernel.MS_RDONLY | kernel.MS_NOSUID, "size=4k,mode=555")
    _add_devices(root)
    world._shows_own_processes = _add_proc(root)
    os.makedirs(root + FOLDER)
    kernel.mount("tmpfs", root + FOLDER, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=64m,mode=700")
    # Where Python itself is installed beneath /tmp, a program that writes there by that name is refused.
    if not os.path.lexists(root + "/tmp"):
        os.symlink(FOLDER, root + "/tmp")
    kernel.make_read_only(root)
    os.chdir(root)
    kernel.pivot_root_here()
    return world


def _unshare_and_map() -> tuple[int, int]:
    """New namespaces in which this user keeps its number; for root, nobody's as well. Who a program will be."""
    user, group = os.getuid(), os.getgid()
    if user == 0 and _unshare_as_root():
        return NOBODY, NOBODY
    if user != 0:
        kernel.unshare(_OUTER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/gid_map", f"{group} {group} 1\n")
    _write("/proc/self/uid_map", f"{user} {user} 1\n")
    return user, group


def _unshare_as_root() -> bool:
    """New namespaces, with two numbers; that is only possible from outside, so a helper stays there. False: no map."""
    with contextlib.suppress(OSError):
        os.setgroups([])
    told, tell = os.pipe()
    own = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(tell)
        if not os.read(told, 1):
            # There are no namespaces to map anything in.
            os._exit(1)
        try:
            for kind in ("gid_map", "uid_map"):
                _write(f"/proc/{own}/{kind}", f"0 0 1\n{NOBODY} {NOBODY} 1\n")
        except OSError:
            os._exit(1)
        os._exit(0)
    kernel.unshare(_OUTER)
    os.write(tell, b"x")
    os.close(tell)
    os.close(told)
    _, status = os.waitpid(helper, 0)
    return status == 0


def _wait_for(pid: int) -> NoReturn:
    # Holds on to nothing, so that whoever reads from the child sees when it ends.
    os.closerange(0, 1024)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _is_free(place: str, readable: Sequence[str]) -> bool:
    return os.path.isdir(place) and not any(path.startswith(place + "/") or path == place for path in readable)


def _make_place(source: str, place: str) -> None:
    if os.path.isdir(source):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        _write(place, "")


def _add_devices(root: str) -> None:
    for path in view.DEVICES:
        if os.path.exists(path):
            _make_place(path, root + path)
            kernel.mount(path, root + path, "", kernel.MS_BIND)
    # Where libc keeps named semaphores and shared memory.
    os.symlink(FOLDER, root + "/dev/shm")


def _add_proc(root: str) -> bool:
    """/proc and /sys for warm imports, which look there for the number of cores; whether /proc is of this world."""
    for path in ("/proc", "/sys"):
        os.makedirs(root + path)
    with contextlib.suppress(OSError):
        kernel.mount("/sys", root + "/sys", "", kernel.MS_BIND | kernel.MS_REC)
    try:
        kernel.mount("proc", root + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    except OSError:
        with contextlib.suppress(OSError):
            kernel.mount("/proc", root + "/proc", "", kernel.MS_BIND | kernel.MS_REC)
        return False
    return True


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
