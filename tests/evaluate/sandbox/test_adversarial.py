"""No adversarial program scores, each gets its verdict, and the host is as it was; as this user and as another."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from hornbook.evaluate.sandbox import Program, Sandbox, Verdict, available_layers
from tests.evaluate.sandbox import adversarial
from tests.evaluate.sandbox.adversarial import CHEATS, FAMILIES, LIMITS, MARKER, PROGRAMS, judge, to_programs

NOBODY = 65534
USERS = ["this", "ordinary"] if os.getuid() == 0 else ["this"]
LEFT_IN = ("/tmp", "/var/tmp", "/dev/shm", str(Path.home()), os.getcwd(), "/", tempfile.gettempdir())


@pytest.fixture(scope="module", params=USERS)
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """Verdicts by name, judged as one of the users; afterwards the host is looked at."""
    folder = tmp_path_factory.mktemp("host")
    for one in (folder, *list(folder.parents)[:2]):
        one.chmod(0o777)
    secret = folder / "being-written"
    secret.write_text("secret")
    names = [name for name in PROGRAMS]
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", "s3cret")
        patch.setattr(tempfile, "tempdir", str(folder))
        programs = to_programs(names, port=server.getsockname()[1], secret=str(secret))
        before, orphans_before = descendants(), orphans()
        found = judge(programs) if request.param == "this" else judge_as(NOBODY, programs, folder)
        assert descendants() == before
        assert orphans() <= orphans_before
        assert [path.name for path in folder.iterdir()] == [secret.name]
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert secret.read_text() == "secret"
    assert [place for place in LEFT_IN if os.path.exists(os.path.join(place, MARKER))] == []
    assert MARKER not in Path("/proc/net/unix").read_text()
    return dict(zip([*names, "right"], found, strict=True))


def judge_as(user: int, programs: list[Program], folder: Path) -> list[Verdict]:
    given = json.dumps([dataclasses.asdict(program) for program in programs])
    script = [sys.executable, adversarial.__file__, str(user), str(folder)]
    done = subprocess.run(script, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [Verdict(**fields) for fields in json.loads(done.stdout)]


def descendants() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def orphans() -> set[int]:
    """Processes of a sandbox that nobody looks after."""
    found = set()
    for process in psutil.process_iter(["ppid", "cmdline"]):
        if process.info["ppid"] == 1 and any(
            "sandbox/inside/start.py" in word for word in process.info["cmdline"] or ()
        ):
            found.add(process.pid)
    return found


def test_the_machine_has_what_the_suite_is_about() -> None:
    assert available_layers().in_force == ("namespaces", "landlock", "seccomp")


def test_the_suite_is_large_enough() -> None:
    assert len(PROGRAMS) == sum(len(family) for family in FAMILIES.values())
    assert len(PROGRAMS) >= 60
    assert min(len(family) for family in FAMILIES.values()) >= 15


@pytest.mark.parametrize("family", FAMILIES)
def test_each_program_gets_its_verdict(verdicts: dict[str, Verdict], family: str) -> None:
    unexpected = {
        name: verdicts[name]
        for name, (_, expected) in FAMILIES[family].items()
        if verdicts[name].verdict not in expected
    }
    assert unexpected == {}
    assert not any(verdicts[name].passed for name in FAMILIES[family])


def test_a_right_program_passes_after_all_of_them(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["right"].passed, verdicts["right"]


# Judged in one process with their tests, these see the tests; the others are judged as they are apart.
SEES_THE_TESTS = {"looks_for_the_tests", "walks_the_frames"}


def test_cheats_do_not_score_beside_their_tests_either() -> None:
    names = [name for name in CHEATS if name not in SEES_THE_TESTS]
    programs = [
        dataclasses.replace(program, judged="together") for program in to_programs(names, port=9, secret="/nowhere")
    ]
    with Sandbox(LIMITS) as sandbox:
        verdicts = dict(zip(names, sandbox.run_all(programs, workers=2), strict=True))
    assert [name for name, verdict in verdicts.items() if verdict.passed] == []


def test_a_secret_in_the_frames_does_not_score_beside_its_tests() -> None:
    source = """
import os, struct, sys
def add(a, b):
    frame, words = sys._getframe(), set()
    while frame is not None:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            inside = list(vars(value).values()) if hasattr(value, '__dict__') else []
            words |= {word for word in [value, *inside] if isinstance(word, str)}
        frame = frame.f_back
    for word in words:
        if len(word) == 32:
            body = ('["passed","%s"]' % word).encode()
            os.write(3, struct.pack('<I', len(body)) + body)
    return 0
"""
    with Sandbox(LIMITS) as sandbox:
        (verdict,) = sandbox.run_all([Program(source, adversarial.TESTS, "add", judged="together")], workers=1)
    assert not verdict.passed, verdict
