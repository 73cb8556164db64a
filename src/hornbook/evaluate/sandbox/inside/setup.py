"""Puts up the walls around the process that forks, imports what programs will import, and then serves."""

from __future__ import annotations

import contextlib
import gc
import importlib
import marshal
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from hornbook.evaluate.sandbox.inside import kernel, landlock, namespaces, view
from hornbook.evaluate.sandbox.inside.child import CHANNEL, Walls, mapped_bytes
from hornbook.evaluate.sandbox.inside.messages import receive_message, send_message
from hornbook.evaluate.sandbox.inside.peer import Peer
from hornbook.evaluate.sandbox.inside.protocol import FOLDER
from hornbook.evaluate.sandbox.inside.watch import Watch
from hornbook.evaluate.sandbox.inside.zygote import Zygote

COMMON = ("typing", "math", "re", "collections", "itertools", "functools", "heapq", "bisect", "string", "copy")
"""Imported ahead, because so many programs and tests do; `random` apart, see below."""
REHEARSED = "from typing import List\ndef f(x: List[int], y: object) -> object:\n    return x\n"


class _SetupError(Exception):
    """The process cannot fork programs as it was asked to: `what` is for hornbook to act on."""

    def __init__(self, what: str, why: object) -> None:
        super().__init__(what, str(why))


def serve(descriptor: int) -> None:
    """Answers on the control socket until it is closed."""
    os.dup2(descriptor, CHANNEL, inheritable=False)
    control = socket.socket(fileno=CHANNEL)
    if descriptor != CHANNEL:
        os.close(descriptor)
    try:
        setup = receive_message(control)
        zygote, missing = _make_zygote(control, setup)
    except _SetupError as error:
        send_message(control, dict([error.args]))
        return
    send_message(control, {"missing": missing})
    zygote.serve()


def _make_zygote(control: socket.socket, setup: dict[str, Any]) -> tuple[Zygote, dict[str, str]]:
    """The process ready to fork, and the layers that the kernel refused, with why."""
    _point_to_nowhere()
    readable = view.readable_paths(setup["places"])
    world = _enter_world(setup, readable)
    home = FOLDER if world is not None else setup["folder"]
    os.environ.update({"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home})
    _import(setup["warm_imports"])
    mapped, proc = mapped_bytes(), None
    if world is not None:
        world.close_proc()
        proc = world.processes
    elif kernel.IS_LINUX:
        # Processes that a program leaves behind become this process's children, so none is out of reach.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    rules = world.landlock_rules if world is not None else _rules(readable, setup["hidden"], setup["folder"])
    walls, missing = _put_up_walls(setup, mapped, world, rules)
    walls.limit_this_process()
    watch = Watch(proc) if proc is not None else None
    _rehearse()
    return Zygote(control, walls, watch, setup["folder"]), missing


def _enter_world(setup: dict[str, Any], readable: list[str]) -> namespaces.World | None:
    if "namespaces" not in setup["layers"]:
        return None
    try:
        return namespaces.enter(readable, view.links_on(readable), setup["hidden"])
    except OSError as error:
        # Half of it may be in force, so another process has to do without.
        raise _SetupError("refused", error) from None


def _put_up_walls(
    setup: dict[str, Any], mapped: int, world: namespaces.World | None, rules: Sequence[tuple[str, int]]
) -> tuple[Walls, dict[str, str]]:
    """The walls, tried on a child, without the layers that were refused then."""
    layers = [layer for layer in ("landlock", "seccomp") if layer in setup["layers"]]
    missing: dict[str, str] = {}
    while True:
        try:
            ruleset = landlock.make_ruleset(rules) if "landlock" in layers else None
            if "seccomp" in layers and not kernel.IS_KNOWN:
                raise OSError(f"seccomp: no filter for {sys.platform} on {kernel.MACHINE}")
            walls = Walls(setup["limits"], mapped, world, ruleset, "seccomp" in layers)
            _try(walls, setup["folder"])
        except OSError as error:
            refused = next((layer for layer in layers if layer in str(error)), None)
            if refused is None:
                raise _SetupError("refused" if world is not None else "failed", error) from None
            layers.remove(refused)
            missing[refused] = str(error)
        else:
            return walls, missing


def _import(names: list[str]) -> None:
    for name in COMMON:
        importlib.import_module(name)
    # `random` has itself seeded anew in every fork, which costs a sixth of one, and here it is to be the same always.
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    import random

    os.register_at_fork = register
    try:
        for name in names:
            importlib.import_module(name)
    except Exception as error:
        raise _SetupError("not_imported", f"{type(error).__name__}: {error}") from None
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _rules(readable: list[str], hidden: list[str], folder: str) -> list[tuple[str, int]]:
    rules = [(path, landlock.READ) for path in view.without(readable, hidden)]
    rules += [(path, landlock.READ_WRITE_DEVICE) for path in view.DEVICES]
    return [*rules, (folder, -1)]


def _try(walls: Walls, folder: str) -> None:
    """Shuts a child in, as every program will be. Raises OSError with what the kernel or the installation refused."""
    told, tell = os.pipe()
    pid = walls.fork()
    if pid == 0:
        try:
            os.dup2(tell, CHANNEL)
            walls.limit_this_process()
            walls.shut_program_in(folder)
            with open(os.__file__, "rb") as file:
                file.read(1)
            os._exit(0)
        except OSError as error:
            os.write(CHANNEL, str(error).encode())
        finally:
            os._exit(1)
    os.close(tell)
    with open(told, encoding="utf-8") as file:
        problem = file.read()
    _, status = os.waitpid(pid, 0)
    if problem or status:
        raise OSError(problem or f"a process that shut itself in ended with status {status}")


def _rehearse() -> None:
    """Does once what every child would do for the first time; the first compilation alone takes a millisecond."""
    near, far = socket.socketpair()
    judge, program = Peer(near.fileno()), Peer(far.fileno(), is_program=True)
    judge.send_program(marshal.dumps(compile(REHEARSED, "<rehearsed>", "exec")), "f")
    code, name = program.receive_program()
    scope: dict[str, Any] = {}
    exec(marshal.loads(code), scope)
    program.export(scope[name])
    program.send("ran")
    for arguments in ((1, "a"), ([1.5, "b"], {"c": (None, True)})):
        known = judge.send_call(0, arguments, {})
        program.serve(program.receive())
        assert judge.wait_for_reply(known) == arguments[0]
    near.close()
    far.close()
    gc.collect()
    gc.freeze()


def _point_to_nowhere() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    # Whatever this process was started from: a signal to the terminal's programs is none of theirs.
    with contextlib.suppress(OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
