"""Landlock: of the files, only those of a list; no TCP; no signals and no abstract sockets to the outside.

Facts: `linux/landlock.h`. What a version of the interface does not know is left out of what is asked of it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from hornbook.evaluate.sandbox.inside import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
"""What may be granted for something that is not a folder; with truncate (14) and ioctl on devices (15)."""
READ = EXECUTE | READ_FILE | READ_DIR
READ_WRITE_DEVICE = READ_FILE | WRITE_FILE | 1 << 14 | 1 << 15
_MAKE_DEVICES = 1 << 6 | 1 << 11
_VERSION = 1
_PATH_BENEATH = 1


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of the kernel's interface. Raises OSError where there is none."""
    return kernel.syscall("landlock", kernel.LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)


def everything() -> int:
    """All that a folder can grant in this version, but making devices."""
    rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(version(), 16)
    return (1 << rights) - 1 & ~_MAKE_DEVICES


def make_ruleset(allowed: Sequence[tuple[str, int]]) -> int:
    """A descriptor of a ruleset that allows (path, rights) and nothing else; paths that do not exist are left out."""
    known = version()
    handled = everything() | _MAKE_DEVICES
    attributes = _Attributes(handled, 3 if known >= 4 else 0, 3 if known >= 6 else 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes) if known >= 6 else 16 if known >= 4 else 8)
    ruleset = kernel.syscall("landlock", kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    for path, rights in allowed:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not os.path.isdir(path):
            rights &= _OF_FILES
        rule = _PathBeneath(rights & handled, descriptor)
        kernel.syscall(
            f"landlock {path}", kernel.LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)
        )
        os.close(descriptor)
    return ruleset


def restrict_step(ruleset: int) -> kernel.Step:
    """Puts the process that takes it, and its children, behind the ruleset for good; needs no_new_privs."""
    number = ctypes.c_long(kernel.LANDLOCK_RESTRICT_SELF)
    return kernel.step("landlock", "syscall", number, ruleset, ctypes.c_uint32(0))
