"""System calls that Python does not offer, by way of libc. Linux on x86_64 and aarch64.

Numbers and constants are those of the kernel's headers (`asm/unistd_64.h`, `asm-generic/unistd.h`, `linux/sched.h`,
`linux/mount.h`, `linux/prctl.h`, `linux/capability.h`).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

IS_LINUX = sys.platform == "linux"
MACHINE = os.uname().machine if hasattr(os, "uname") else ""
IS_KNOWN = IS_LINUX and MACHINE in ("x86_64", "aarch64") and sys.maxsize > 2**32

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x2, 0x4, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
SIGKILL = 9
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38

_PIVOT_ROOT, _CAPSET, _SECCOMP = (155, 126, 317) if MACHINE == "x86_64" else (41, 91, 277)
_MOUNT_SETATTR, LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 442, 444, 445, 446
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID = 0x1, 0x2
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_SET_MODE_FILTER = 1

# PyDLL keeps the interpreter's lock: none of these calls waits for long, and giving the lock back and forth costs more.
_libc = ctypes.PyDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`: a seccomp filter."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class Step(NamedTuple):
    """A call made ready: what a forked child does must touch, and so copy, as few pages of memory as can be."""

    what: str
    function: Any
    arguments: tuple[Any, ...]


def take(steps: Iterable[Step]) -> None:
    """Makes the calls, in order. Raises OSError whose text begins with what was refused."""
    for what, function, arguments in steps:
        if function(*arguments) < 0:
            _refuse(what)


def _refuse(what: str) -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")


def call(what: str, name: str, *arguments: object) -> int:
    """Calls a function of libc. Raises OSError whose text begins with `what`."""
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        _refuse(what)
    return result


def syscall(what: str, number: int, *arguments: object) -> int:
    """Makes a system call by its number. Raises OSError whose text begins with `what`."""
    return call(what, "syscall", ctypes.c_long(number), *arguments)


def step(what: str, name: str, *arguments: object) -> Step:
    """A call of a function of libc, to be made later."""
    return Step(what, getattr(_libc, name), arguments)


def unshare(flags: int) -> None:
    """Moves this process (its later children for NEWPID) into new namespaces."""
    call("unshare", "unshare", flags)


def setns(descriptor: int, flags: int) -> None:
    """Moves this process (its later children for NEWPID) into a namespace that exists."""
    call("setns", "setns", descriptor, flags)


def prctl(option: int, value: int) -> None:
    """Changes a property of this process."""
    take([prctl_step(option, value)])


def prctl_step(option: int, value: int) -> Step:
    """The same, to be done later."""
    return step(f"prctl {option}", "prctl", option, value, 0, 0, 0)


def limit_step(kind: int, value: int) -> Step:
    """Lowers one of `resource`'s limits, soft and hard, later."""
    pair = (ctypes.c_uint64 * 2)(value, value)
    return step(f"setrlimit {kind}", "setrlimit", kind, ctypes.byref(pair))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mounts something; `kind` empty for a bind mount or a change of flags."""
    take([mount_step(source, target, kind, flags, options)])


def mount_step(source: str, target: str, kind: str, flags: int, options: str = "") -> Step:
    """The same, to be done later."""
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    return step(f"mount {target}", "mount", *arguments, ctypes.c_ulong(flags), options.encode() or None)


def unmount(target: str) -> None:
    """Takes a mount and what is mounted on it out of sight."""
    call(f"umount {target}", "umount2", os.fsencode(target), MNT_DETACH)


def bind_read_only(source: str, target: str) -> None:
    """Shows `source`, with all that is mounted in it, at `target`, read-only. Needs Linux 5.12."""
    mount(source, target, "", MS_BIND | MS_REC)
    make_read_only(target, _AT_RECURSIVE)


def make_read_only(target: str, flags: int = 0) -> None:
    """Makes a mount read-only; with AT_RECURSIVE, those in it as well. Needs Linux 5.12."""
    attributes = _MountAttributes(set=_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID)
    syscall(
        f"mount_setattr {target}",
        _MOUNT_SETATTR,
        _AT_FDCWD,
        os.fsencode(target),
        flags,
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )


def pivot_root_here() -> None:
    """Makes the working folder, a mount, the root, and takes the old root out of sight."""
    syscall("pivot_root", _PIVOT_ROOT, b".", b".")
    unmount(".")
    os.chdir("/")


def drop_capabilities_step() -> Step:
    """Gives up every capability of the process that takes it."""
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    return step("capset", "syscall", ctypes.c_long(_CAPSET), ctypes.byref(header), ctypes.byref(none))


def filter_step(program: FilterProgram) -> Step:
    """Puts the process that takes it, and its children, behind a seccomp filter for good; needs no_new_privs."""
    number = ctypes.c_long(_SECCOMP)
    return step("seccomp", "syscall", number, _SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(program))
