"""Which of the kernel's means to shut a program in this machine has, found by trying."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from hornbook.errors import SandboxError
from hornbook.run.machine import Policy

LAYERS = ("namespaces", "landlock", "seccomp")
_WITHOUT = {
    "namespaces": "a program may see that there are other processes, and its folder is on disk",
    "landlock": "only namespaces keep files out of a program's sight",
    "seccomp": "a program may make every system call that its user may",
}


@dataclass(frozen=True)
class Layers:
    """What shuts programs in, besides limits. Printed, it says so in words."""

    in_force: tuple[str, ...]
    """Of `LAYERS`."""
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Why, for each that was asked for and is not in force."""

    def __str__(self) -> str:
        lines = [f"{layer}: in force" for layer in self.in_force]
        lines += [f"{layer}: missing ({why}); {_WITHOUT[layer]}" for layer, why in self.missing.items()]
        return "\n".join(lines) or "limits alone"

    def without(self, missing: Mapping[str, str]) -> Layers:
        """The same with these not in force."""
        in_force = tuple(layer for layer in self.in_force if layer not in missing)
        return Layers(in_force, {**self.missing, **missing})

    def check(self, policy: Policy) -> None:
        """Raises SandboxError where a program must not run with so little."""
        if policy == "required" and not {"namespaces", "landlock"} & set(self.in_force):
            why = "; ".join(f"{layer}: {reason}" for layer, reason in self.missing.items())
            raise SandboxError(
                "the sandbox needs namespaces or Landlock, to run what a model wrote, and this machine gives neither "
                f"({why}). --sandbox rlimits runs programs with limits alone: they can then read your files and use "
                "the network"
            )


def asked_layers(policy: Policy, layers: Sequence[str] | None) -> Layers:
    """What to try for. `layers` are those to keep to, for tests of the rest.

    Raises SandboxError on Windows, where there is nothing at all to run programs with.
    """
    if sys.platform == "win32":
        raise SandboxError("the sandbox needs fork, which Windows does not have: run hornbook on Linux, or under WSL")
    if policy == "rlimits":
        return Layers(())
    if sys.platform != "linux":
        why = f"{sys.platform} does not have it"
        return Layers((), {layer: why for layer in LAYERS})
    wanted = LAYERS if layers is None else tuple(layers)
    return Layers(wanted, {layer: "switched off" for layer in LAYERS if layer not in wanted})


def available_layers() -> Layers:
    """What this machine has, found by starting a process that shuts a child in."""
    # Only here: the worker needs this module.
    from hornbook.evaluate.sandbox.verdicts import Limits
    from hornbook.evaluate.sandbox.worker import Worker

    asked = asked_layers("required", None)
    if not asked.in_force:
        return asked
    worker = Worker(Limits(), (), asked, slow_at_once=0)
    try:
        return worker.wait_until_ready()
    finally:
        worker.close()
