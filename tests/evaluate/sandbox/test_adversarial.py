"""No adversarial program scores, each gets its verdict, and the host is as it was; as this user and as another."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hornbook.evaluate.sandbox import Program, Sandbox, Verdict, available_layers
from tests.evaluate.sandbox import adversarial
from tests.evaluate.sandbox.adversarial import CHEATS, FAMILIES, LIMITS, PROGRAMS, judge, to_programs
from tests.evaluate.sandbox.adversarial.verdicts import MARKER

NOBODY = 65534
ORDINARY = [pytest.param("ordinary", marks=pytest.mark.slow)] if os.getuid() == 0 else []
USERS = ["this", *ORDINARY]
LEFT_IN = ("/tmp", "/var/tmp", "/dev/shm", str(Path.home()), os.getcwd(), "/", tempfile.gettempdir())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder that every user may enter and write to."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("user", USERS)
def test_no_program_scores_and_the_host_is_as_it_was(user: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = folder / "being-written"
    secret.write_text("secret")
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    descendants_before, orphans_before = descendants(), orphans()
    with socket.create_server(("127.0.0.1", 0)) as server:
        programs = to_programs(PROGRAMS, port=server.getsockname()[1], secret=str(secret))
        *found, right = judge(programs) if user == "this" else judge_as(NOBODY, programs, folder)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    verdicts = dict(zip(PROGRAMS, found, strict=True))
    assert [name for name, verdict in verdicts.items() if verdict.passed] == []
    unexpected = {name: verdict for name, verdict in verdicts.items() if verdict.verdict not in PROGRAMS[name][1]}
    assert unexpected == {}
    assert right.passed, right

    assert descendants() == descendants_before
    assert orphans() <= orphans_before
    assert [path.name for path in folder.iterdir()] == [secret.name]
    assert secret.read_text() == "secret"
    assert [place for place in LEFT_IN if os.path.exists(os.path.join(place, MARKER))] == []
    assert MARKER not in Path("/proc/net/unix").read_text()


def judge_as(user: int, programs: list[Program], folder: Path) -> list[Verdict]:
    given = json.dumps([dataclasses.asdict(program) for program in programs])
    script = [sys.executable, "-m", adversarial.__name__, str(user), str(folder)]
    root = Path(__file__).parents[3]
    done = subprocess.run(script, cwd=root, input=given, capture_output=True, text=True, timeout=120)
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
