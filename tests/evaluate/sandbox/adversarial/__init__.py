"""Programs that try to score without being right, to get out, to use up the machine, or to take something down.

Each is wrong, or right only where its attack worked, so none may pass. Run as a module, as root, this judges them all
as another user and prints the verdicts: `python -m tests.evaluate.sandbox.adversarial USER FOLDER`.
"""

import os
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from hornbook.evaluate.sandbox import Limits, Program, Sandbox, Verdict
from hornbook.evaluate.sandbox.inside import kernel
from tests.evaluate.sandbox.adversarial.cheat import CHEATS
from tests.evaluate.sandbox.adversarial.crash import CRASHES
from tests.evaluate.sandbox.adversarial.escape import ESCAPES
from tests.evaluate.sandbox.adversarial.exhaust import EXHAUSTING

TESTS = """
def check(candidate):
    assert candidate(2, 3) == 5
    assert candidate(-1, 1) == 0
"""
LIMITS = Limits(timeout_s=1.5, memory_mb=128, file_mb=4, open_files=32, processes=16)

FAMILIES = {"cheat": CHEATS, "escape": ESCAPES, "exhaust": EXHAUSTING, "crash": CRASHES}
PROGRAMS = {name: entry for family in FAMILIES.values() for name, entry in family.items()}


def to_programs(names: Iterable[str], *, port: int, secret: str) -> list[Program]:
    """The programs by name; `port` is one that something listens on, `secret` a file that is there."""
    programs = []
    for name in names:
        source = textwrap.dedent(PROGRAMS[name][0]).replace("{port}", str(port)).replace("{secret!r}", repr(secret))
        programs.append(Program(source, TESTS, "add"))
    return programs


def judge(programs: Sequence[Program]) -> list[Verdict]:
    """All verdicts, and after them one on a program that is right."""
    right = Program("def add(a, b): return a + b", TESTS, "add")
    with Sandbox(LIMITS) as sandbox:
        return [*sandbox.run_all(programs, workers=2), *sandbox.run_all([right], workers=1)]


def become(user: int, *needed: str) -> None:
    """Makes this process an ordinary user's, who may enter the folders that lead to what he needs."""
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    paths = [Path(os.path.realpath(path)) for path in needed]
    for path in paths:
        for folder in reversed(path.parents):
            if folder.stat().st_mode & 0o001:
                continue
            # Seen through a folder of the same name that everybody may enter; on the host nothing changes.
            below = {other.relative_to(folder).parts[0] for other in paths if folder in other.parents}
            shown = {folder / name: tempfile.mkdtemp() for name in below}
            for place, stash in shown.items():
                kernel.mount(str(place), stash, "", kernel.MS_BIND | kernel.MS_REC)
            kernel.mount("tmpfs", str(folder), "tmpfs", 0, "mode=755")
            for place, stash in shown.items():
                place.mkdir()
                kernel.mount(stash, str(place), "", kernel.MS_BIND | kernel.MS_REC)
                kernel.unmount(stash)
                os.rmdir(stash)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
