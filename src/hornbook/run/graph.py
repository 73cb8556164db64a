"""The stage graph: nodes that know their inputs and their identity. Constructing it runs nothing."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from hornbook.run.artifact import Artifact
from hornbook.run.fingerprint import canonical, fingerprint
from hornbook.run.stage import Stage

Output = TypeVar("Output", bound=Artifact)

EXECUTION_PARAMETERS = frozenset({"out", "machine"})
"""What the runner fills in: neither an input nor part of the identity."""


@dataclass(frozen=True, eq=False)
class Node(Generic[Output]):
    """One stage at its place in the graph. `output_type` is what it leaves behind."""

    name: str
    stage: Stage[..., Output]
    inputs: Mapping[str, Node[Any]]
    values: Mapping[str, object]
    output_type: type[Output]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the output, as canonical values; inputs by their fingerprints."""
        return {
            "stage": self.stage.name,
            "version": self.stage.version,
            "values": {name: canonical(value) for name, value in self.values.items()},
            "inputs": {name: node.fingerprint for name, node in self.inputs.items()},
        }

    @cached_property
    def fingerprint(self) -> str:
        """Hex sha256 of the identity."""
        return fingerprint(self.identity)


class Graph:
    """Nodes in an order in which they can run."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node[Any]] = {}

    def add(self, stage: Stage[..., Output], *, variant: str = "", **arguments: object) -> Node[Output]:
        """Adds a stage; arguments that are nodes are its inputs, all others belong to its identity.

        The node is named after the stage, and `variant.stage` where one stage has several places in the graph.
        Raises TypeError where an argument is missing, unknown, or an artifact of another type than the stage takes.
        """
        name = f"{variant}.{stage.name}" if variant else stage.name
        if name in self._nodes:
            raise TypeError(f"two nodes are named {name!r}")
        inputs = {key: value for key, value in arguments.items() if isinstance(value, Node)}
        values = {key: value for key, value in arguments.items() if key not in inputs}
        node = Node(name, stage, inputs, values, _check_signature(name, stage, arguments))
        self._nodes[name] = node
        return node

    def __iter__(self) -> Iterator[Node[Any]]:
        return iter(self._nodes.values())

    def __getitem__(self, name: str) -> Node[Any]:
        return self._nodes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def ancestors(self, *targets: Node[Any]) -> list[Node[Any]]:
        """The targets and everything they need, in an order in which they can run."""
        needed: set[str] = set()
        waiting = list(targets)
        while waiting:
            node = waiting.pop()
            if node.name not in needed:
                needed.add(node.name)
                waiting.extend(node.inputs.values())
        return [node for node in self if node.name in needed]


def _check_signature(name: str, stage: Stage[..., Output], arguments: Mapping[str, object]) -> type[Output]:
    hints = typing.get_type_hints(stage.function)
    parameters = inspect.signature(stage.function).parameters
    required = {key for key, parameter in parameters.items() if parameter.default is inspect.Parameter.empty}
    missing = required - arguments.keys() - EXECUTION_PARAMETERS
    unknown = arguments.keys() - parameters.keys()
    if missing or unknown:
        raise TypeError(f"node {name!r}: missing arguments {sorted(missing)}, unknown arguments {sorted(unknown)}")
    for key, value in arguments.items():
        if isinstance(value, Node) and not issubclass(value.output_type, hints[key]):
            raise TypeError(f"node {name!r}: {key} takes {hints[key].__name__}, not {value.output_type.__name__}")
    output: type[Output] = hints["return"]
    return output
