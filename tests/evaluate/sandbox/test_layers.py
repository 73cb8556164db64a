"""With fewer layers: what is missing is said, what is left holds, and too little is refused."""

import dataclasses
import os
import socket
import subprocess
import sys

import pytest

from hornbook.errors import SandboxError
from hornbook.evaluate.sandbox import LAYERS, Layers, Limits, Program, Sandbox, Verdict, available_layers, pool, worker
from tests.evaluate.sandbox.adversarial import CHEATS, CRASHES, ESCAPES, LIMITS, PROGRAMS, TESTS, to_programs

RIGHT = Program("def add(a, b): return a + b", TESTS, "add")
# Without namespaces these are not kept from a program: other processes, links and folders are in sight, though closed.
NEEDS_NAMESPACES = {
    "reads_homes", "reads_what_hornbook_writes", "reads_the_data_set", "reads_proc", "signals_others", "becomes_root",
    "capabilities", "finds_the_next_one", "climbs_up", "other_devices", "leaves_files_everywhere", "writes_outside",
    "makes_devices",
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GRACE_S", 0.5)


def verdicts_with(names: list[str], layers: tuple[str, ...], **changes: object) -> dict[str, Verdict]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        programs = to_programs(names, port=server.getsockname()[1], secret=__file__)
        with Sandbox(LIMITS, _layers=layers, **changes) as sandbox:  # type: ignore[arg-type]
            found = sandbox.run_all([*programs, RIGHT], workers=1)
    assert found[-1].passed, found[-1]
    return dict(zip(names, found, strict=False))


def unexpected(verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    return {name: verdict for name, verdict in verdicts.items() if verdict.verdict not in PROGRAMS[name][1]}


def test_namespaces_alone_keep_a_program_in() -> None:
    names = [
        "reads_passwd", "reads_homes", "reads_proc", "reads_by_link", "signals_others", "tcp_to_loopback", "mount",
        "writes_outside", "chroot", "reads_the_data_set", "raises_its_limits", "fork_bomb", "many_large_files",
        "memory_in_many_processes", "kills_everything",
    ]  # fmt: skip
    assert unexpected(verdicts_with(names, ("namespaces",))) == {}


def test_landlock_and_seccomp_keep_a_program_in_where_there_are_no_namespaces() -> None:
    names = [name for name in ESCAPES if name not in NEEDS_NAMESPACES]
    assert unexpected(verdicts_with(names, ("landlock", "seccomp"))) == {}


def test_landlock_alone_closes_files_and_connections() -> None:
    names = ["reads_passwd", "reads_by_link", "tcp_to_loopback", "changes_the_standard_library", "runs_a_shell"]
    assert unexpected(verdicts_with(names, ("landlock",))) == {}


def test_no_program_writes_where_landlock_alone_looks_after_files() -> None:
    source = ESCAPES["writes_outside"][0]
    with Sandbox(LIMITS, _layers=("landlock", "seccomp")) as sandbox:
        (verdict,) = sandbox.run_all([Program(source, TESTS, "add")], workers=1)
    assert verdict.verdict == "wrong_answer"


def test_limits_alone_still_judge() -> None:
    names = [
        *(name for name in CHEATS if name != "imports_the_solutions"),
        *("infinite_loop", "sleeps", "memory", "huge_file", "descriptors", "leaves_a_daemon", "forks_a_lot"),
        *(name for name in CRASHES if name not in ("kills_everything", "kills_its_parent")),
    ]  # fmt: skip
    assert unexpected(verdicts_with(names, (), policy="rlimits")) == {}


def test_where_a_program_takes_down_what_runs_it_the_next_one_is_judged_all_the_same() -> None:
    killed = Program("import os\ndef add(a, b):\n    os.kill(os.getppid(), 9)\n    return 5", TESTS, "add")
    stopped = Program(
        "import os, time\ndef add(a, b):\n    os.kill(os.getppid(), 19)\n    time.sleep(60)", TESTS, "add"
    )
    with Sandbox(dataclasses.replace(LIMITS, timeout_s=0.5), policy="rlimits") as sandbox:
        found = sandbox.run_all([killed, RIGHT, stopped, RIGHT], workers=1)
    # What the two are called depends on which is faster, the signal or the answer.
    assert [verdict.passed for verdict in found] == [False, True, False, True], found


def test_the_policy_of_limits_asks_for_no_layer() -> None:
    source = "raise ValueError(open('/etc/passwd').readline() != '')"
    with Sandbox(Limits(), policy="rlimits") as sandbox:
        (verdict,) = sandbox.run_all([Program(source)], workers=1)
    assert verdict.detail == "ValueError: True"


def test_required_refuses_to_run_with_less_than_namespaces_or_landlock() -> None:
    with Sandbox(Limits(), _layers=("seccomp",)) as sandbox, pytest.raises(SandboxError) as caught:
        sandbox.run_all([RIGHT], workers=1)
    for part in ("namespaces: switched off", "landlock: switched off", "--sandbox rlimits"):
        assert part in str(caught.value)


def test_other_systems_say_what_they_do_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = available_layers()
    assert found.in_force == ()
    assert set(found.missing) == set(LAYERS)
    assert "darwin" in str(found)
    with Sandbox(Limits()) as sandbox, pytest.raises(SandboxError, match="darwin does not have it"):
        sandbox.run_all([RIGHT], workers=1)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SandboxError, match="Windows"):
        Sandbox(Limits(), policy="rlimits")


def test_what_is_missing_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    monkeypatch.setattr(pool, "_told", set())
    monkeypatch.setattr(pool.console, "print", lambda text, **_: said.append(text))
    for _ in range(2):
        with Sandbox(Limits(), _layers=("landlock", "seccomp")) as sandbox:
            assert sandbox.run_all([RIGHT], workers=1)[0].passed
    assert said == ["  sandbox: without namespaces (switched off)"]


WITHOUT_USER_NAMESPACES = """
import os
from hornbook.evaluate.sandbox import Limits, Program, Sandbox
from hornbook.evaluate.sandbox.inside import kernel

user, group = os.getuid(), os.getgid()
kernel.unshare(kernel.NEWUSER)
for name, text in (("setgroups", "deny"), ("gid_map", f"0 {group} 1"), ("uid_map", f"0 {user} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
with Sandbox(Limits()) as sandbox:
    (verdict,) = sandbox.run_all([Program("x = 1")], workers=1)
    layers = sandbox._workers[0].layers
print(verdict.passed, layers.in_force, layers.missing["namespaces"])
"""


def test_a_layer_that_the_kernel_refuses_is_named_and_done_without() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_USER_NAMESPACES], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True ('landlock', 'seccomp') [Errno 28] unshare: No space left on device\n", done.stderr
    assert "without namespaces ([Errno 28] unshare" in done.stderr


def test_layers_print_what_they_are() -> None:
    found = Layers(("landlock",), {"seccomp": "no such kernel"})
    assert str(found) == (
        "landlock: in force\nseccomp: missing (no such kernel); a program may make every system call that its user may"
    )
    assert str(Layers(())) == "limits alone"


def test_this_user_is_named_in_no_error_of_a_right_program() -> None:
    with Sandbox(Limits()) as sandbox:
        (verdict,) = sandbox.run_all([Program("import os\nassert os.getuid() != 0 and os.getpid() == 1")], workers=1)
    assert verdict.passed or os.getuid() != 0
