"""The filter, run by a small interpreter of classic BPF: what it says on both architectures."""

import struct

import pytest

from hornbook.evaluate.sandbox.inside import seccomp
from hornbook.evaluate.sandbox.inside.seccomp import ABSENT, ALLOW, ARCHITECTURES, DENIED, DENY, KILL, Instruction

ALLOWED = {"read": (0, 63), "openat": (257, 56), "getpid": (39, 172), "execve": (59, 221), "futex": (202, 98)}
NEWUSER, NEWNS, SIGCHLD = 0x10000000, 0x00020000, 17


def verdict(program: list[Instruction], machine: str, number: int, *arguments: int) -> int:
    """What the filter returns for a call."""
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine], 0, *[*arguments, 0, 0, 0, 0, 0, 0][:6])
    place, word = 0, 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x20:
            (word,) = struct.unpack_from("<I", data, value)
        elif code == 0x05:
            place += value
        elif code == 0x06:
            return value
        else:
            met = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
            place += if_true if met else if_false


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def column(machine: str) -> int:
    return ["x86_64", "aarch64"].index(machine)


def test_what_is_denied_is_denied_and_what_programs_need_is_not(machine: str) -> None:
    program = seccomp.assemble(machine)
    for numbers in DENIED.values():
        if numbers[column(machine)] is not None:
            assert verdict(program, machine, numbers[column(machine)]) == DENY
    for numbers in ALLOWED.values():
        assert verdict(program, machine, numbers[column(machine)]) == ALLOW


def test_every_number_gets_what_the_table_says(machine: str) -> None:
    program = seccomp.assemble(machine)
    denied = {numbers[column(machine)] for numbers in DENIED.values()}
    looked_at = {56, 53, 157, 435} if machine == "x86_64" else {220, 199, 167, 435}
    for number in range(seccomp.LAST_KNOWN + 1):
        if number not in looked_at:
            assert verdict(program, machine, number) == (DENY if number in denied else ALLOW), number


def test_arguments_are_looked_at(machine: str) -> None:
    program = seccomp.assemble(machine)
    clone, socketpair, prctl = ((56, 53, 157), (220, 199, 167))[column(machine)]
    assert verdict(program, machine, clone, SIGCHLD) == ALLOW
    assert verdict(program, machine, clone, NEWUSER | SIGCHLD) == DENY
    assert verdict(program, machine, clone, NEWNS) == DENY
    assert verdict(program, machine, 435) == ABSENT
    assert verdict(program, machine, socketpair, 1) == ALLOW
    assert verdict(program, machine, socketpair, 2) == DENY
    assert verdict(program, machine, prctl, 1) == DENY
    assert verdict(program, machine, prctl, 15) == ALLOW


def test_what_is_not_known_yet_is_absent_and_other_architectures_end_the_program(machine: str) -> None:
    program = seccomp.assemble(machine)
    other = "aarch64" if machine == "x86_64" else "x86_64"
    assert verdict(program, machine, seccomp.LAST_KNOWN + 1) == ABSENT
    assert verdict(program, machine, 100_000) == ABSENT
    assert verdict(program, machine, seccomp.X32_BIT + 1) == KILL
    assert verdict(program, other, 0) == KILL


def test_without_namespaces_only_own_signals_are_allowed(machine: str) -> None:
    program = seccomp.assemble(machine, own_pid=1234)
    kill, tgkill, tkill, prlimit = ((62, 234, 200, 302), (129, 131, 130, 261))[column(machine)]
    for number in (kill, tgkill):
        assert verdict(program, machine, number, 1234) == ALLOW
        assert verdict(program, machine, number, 1235) == DENY
    assert verdict(program, machine, tkill, 1234) == DENY
    assert verdict(program, machine, prlimit) == DENY
    assert verdict(seccomp.assemble(machine), machine, kill, 1235) == ALLOW


def test_jumps_stay_inside(machine: str) -> None:
    program = seccomp.assemble(machine, own_pid=7)
    assert len(program) < 4096
    for place, (code, if_true, if_false, _) in enumerate(program):
        assert max(if_true, if_false) <= 255
        if code in (0x15, 0x35, 0x45):
            assert place + 1 + max(if_true, if_false) < len(program)
