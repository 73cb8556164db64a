"""Puts up the walls around the process that forks, imports what programs will import, and then serves."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from typing import Any

from hornbook.evaluate.sandbox.inside import codec, kernel, landlock, namespaces, view
from hornbook.evaluate.sandbox.inside.child import CHANNEL, Walls, mapped_bytes
from hornbook.evaluate.sandbox.inside.messages import receive_message, send_message
from hornbook.evaluate.sandbox.inside.reader import Reader
from hornbook.evaluate.sandbox.inside.watch import Watch
from hornbook.evaluate.sandbox.inside.writer import Writer
from hornbook.evaluate.sandbox.inside.zygote import Zygote

COMMON = ("typing", "math", "re", "collections", "itertools", "functools", "heapq", "bisect", "string", "copy")
"""Imported ahead, because so many programs and tests do; `random` apart, see below."""


def serve(descriptor: int) -> None:
    """Answers on the control socket until it is closed."""
    os.dup2(descriptor, CHANNEL, inheritable=False)
    os.close(descriptor) if descriptor != CHANNEL else None
    control = socket.socket(fileno=CHANNEL)
    setup = receive_message(control)
    _point_to_nowhere()
    asked = setup["layers"]
    missing: dict[str, str] = {}
    world = None
    readable = view.readable_paths(setup["places"])
    try:
        if "namespaces" in asked:
            world = namespaces.enter(readable, view.links_on(readable), setup["hidden"])
    except OSError as error:
        # Half of it may be in force, so another process has to do without.
        send_message(control, {"refused": str(error)})
        return
    home = namespaces.FOLDER if world is not None else setup["folder"]
    os.environ.update({"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home})
    try:
        _import(setup["warm_imports"])
    except ImportError as error:
        send_message(control, {"not_imported": str(error)})
        return
    mapped = mapped_bytes()
    proc = None
    if world is not None:
        world.close_proc()
        proc = world.processes
    elif kernel.IS_LINUX:
        # Processes that a program leaves behind become this process's children, so none is out of reach.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    rules = world.landlock_rules if world is not None else _rules(readable, setup["hidden"], setup["folder"])
    layers = [layer for layer in ("landlock", "seccomp") if layer in asked]
    while True:
        try:
            ruleset = landlock.make_ruleset(rules) if "landlock" in layers else None
            if "seccomp" in layers and not kernel.IS_KNOWN:
                raise OSError(f"seccomp: no filter for {sys.platform} on {kernel.MACHINE}")
            walls = Walls(setup["limits"], mapped, world, ruleset, "seccomp" in layers)
            _try(walls, setup["folder"])
            break
        except OSError as error:
            refused = next((layer for layer in layers if layer in str(error)), None)
            if refused is None:
                send_message(control, {"refused" if world is not None else "failed": str(error)})
                return
            layers.remove(refused)
            missing[refused] = str(error)
    walls.limit_this_process()
    watch = Watch(proc) if proc is not None else None
    _warm_up()
    send_message(control, {"missing": missing})
    Zygote(control, walls, watch, setup["folder"]).serve()


def _import(names: list[str]) -> None:
    for name in COMMON:
        importlib.import_module(name)
    # `random` has itself seeded anew in every fork, which costs a sixth of one, and here it is to be the same always.
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    import random

    os.register_at_fork = register
    for name in names:
        importlib.import_module(name)
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


def _warm_up() -> None:
    """Does once what every child would do for the first time: the first compilation alone takes a millisecond."""
    scope: dict[str, Any] = {}
    exec(compile("def f(x: int) -> int:\n    return x\nassert f(1) == 1\n", "<warm>", "exec"), scope)
    writer = Writer(lambda _: 0)
    value: Any = (([1, 2.5, "x"], {"a": (1, None)}, {3}), {})
    message = codec.from_json(writer.write(value))
    reader = Reader(lambda *_: None)
    assert reader.read(message) == value
    Writer(lambda _: 0, reader.objects).write_changes(1, message[1])
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
