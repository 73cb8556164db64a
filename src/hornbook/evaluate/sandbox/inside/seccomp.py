"""A seccomp filter, assembled by hand: system calls that no program needs get EPERM.

Facts: `linux/seccomp.h` (struct seccomp_data, return values), `linux/filter.h` (classic BPF), `linux/audit.h` (the
architectures), `asm/unistd_64.h` and `asm-generic/unistd.h` (the numbers, complete up to Linux 5.17).

Denied are calls that reach other processes, change mounts, namespaces, the clock or the kernel, make sockets, keep
memory or messages outside of any limit, or have a history of holes and no use here. Calls newer than `LAST_KNOWN` do
not exist for a program.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Mapping
from typing import NamedTuple

from hornbook.evaluate.sandbox.inside import kernel

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY = 0x00050000 | errno.EPERM
ABSENT = 0x00050000 | errno.ENOSYS
"""What an older kernel answers: libc then takes another way (clone for clone3)."""

# Classic BPF: load a word, jump if equal, if greater or equal, if any bit is set, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# struct seccomp_data: the number, the architecture, the instruction pointer, six arguments of 64 bits.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LAST_KNOWN = 450
X32_BIT = 0x40000000
NAMESPACE_FLAGS = 0x7E020000
"""Of clone: new mount, cgroup, uts, ipc, user, pid and network namespaces. (New time namespaces need clone3.)"""
PR_SET_PDEATHSIG, AF_UNIX = 1, 1

# Name: (x86_64, aarch64).
DENIED: Mapping[str, tuple[int | None, int | None]] = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Mounts and roots.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # Namespaces; clone is looked at below.
    "unshare": (272, 97),
    "setns": (308, 268),
    # The kernel itself.
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "lookup_dcookie": (212, 18),
    "syslog": (103, 116),
    "acct": (163, 89),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "nfsservctl": (180, 42),
    "vhangup": (153, 58),
    "personality": (135, 92),
    "seccomp": (317, 277),
    # Asynchronous input and output.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_destroy": (207, 1),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "vmsplice": (278, 75),
    # Keys.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Clock and names.
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # Sockets; socketpair is looked at below.
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # What outlives a process, or holds memory that no limit counts.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
_LOOKED_AT = {"clone": (56, 220), "socketpair": (53, 199), "prctl": (157, 167)}
_CLONE3 = 435
# Where no pid namespace keeps other processes out of sight: signals to itself alone.
_TO_A_PROCESS = {"kill": (62, 129), "tgkill": (234, 131)}
_TO_ANY = {
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
}


class Instruction(NamedTuple):
    """One instruction of classic BPF; the jumps count instructions to leave out."""

    code: int
    if_true: int
    if_false: int
    value: int


def assemble(machine: str, *, own_pid: int = 0) -> list[Instruction]:
    """The filter for an architecture. With `own_pid`, also signals and settings of any other process are denied."""
    column = 0 if machine == "x86_64" else 1
    actions: dict[int, list[Instruction]] = {}
    for numbers in [*DENIED.values(), *(_TO_ANY.values() if own_pid else ())]:
        number = numbers[column]
        if number is not None:
            actions[number] = _return(DENY)
    actions[_CLONE3] = _return(ABSENT)
    actions[_LOOKED_AT["clone"][column]] = _if_argument(0, _ANY_BIT, NAMESPACE_FLAGS, DENY, ALLOW)
    actions[_LOOKED_AT["socketpair"][column]] = _if_argument(0, _EQUAL, AF_UNIX, ALLOW, DENY)
    # Without its parent a program is to die.
    actions[_LOOKED_AT["prctl"][column]] = _if_argument(0, _EQUAL, PR_SET_PDEATHSIG, DENY, ALLOW)
    if own_pid:
        for numbers in _TO_A_PROCESS.values():
            actions[numbers[column]] = _if_argument(0, _EQUAL, own_pid, ALLOW, DENY)
    return [
        Instruction(_LOAD, 0, 0, _ARCHITECTURE_AT),
        # Another architecture's numbers mean other calls, so nothing else can be said about them.
        Instruction(_EQUAL, 1, 0, ARCHITECTURES[machine]),
        *_return(KILL),
        Instruction(_LOAD, 0, 0, _NUMBER_AT),
        *_search(_ranges(actions)),
    ]


def encode(instructions: list[Instruction]) -> kernel.FilterProgram:
    """The filter as the kernel takes it."""
    memory = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    program = kernel.FilterProgram(len(instructions), ctypes.addressof(memory))
    # Lives as long as what points to it.
    program.memory = memory
    return program


def _return(value: int) -> list[Instruction]:
    return [Instruction(_RETURN, 0, 0, value)]


def _if_argument(index: int, test: int, value: int, then: int, otherwise: int) -> list[Instruction]:
    # The low word: all of these arguments are of 32 bits, or (clone) have their flags there. Little-endian.
    return [
        Instruction(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index),
        Instruction(test, 0, 1, value),
        *_return(then),
        *_return(otherwise),
    ]


def _ranges(actions: Mapping[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """(first number, what to do from there on), in the order of the numbers."""
    numbered = [(number, actions.get(number, _return(ALLOW))) for number in range(LAST_KNOWN + 1)]
    numbered += [(LAST_KNOWN + 1, _return(ABSENT)), (X32_BIT, _return(KILL))]
    return [entry for place, entry in enumerate(numbered) if place == 0 or entry[1] != numbered[place - 1][1]]


def _search(ranges: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """A binary search: the kernel runs the filter once for every number when it is installed, so length costs time."""
    if len(ranges) == 1:
        return ranges[0][1]
    half = len(ranges) // 2
    below, above = _search(ranges[:half]), _search(ranges[half:])
    if len(below) <= 255:
        return [Instruction(_AT_LEAST, len(below), 0, ranges[half][0]), *below, *above]
    # A conditional jump reaches 255 instructions; an unconditional one further.
    return [Instruction(_AT_LEAST, 0, 1, ranges[half][0]), Instruction(0x05, 0, 0, len(below)), *below, *above]
