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
        return self._insert(_make_node(stage, variant, arguments))

    def vary(self, node: Node[Output], variant: str, **changes: object) -> Node[Output]:
        """A node like another one but for some arguments.

        It is called `variant.stage`, but where the graph has the same under another name, that one is returned: what
        has one identity is made once. Raises TypeError as `add` does.
        """
        varied = _make_node(node.stage, variant, {**node.inputs, **node.values, **changes})
        same = (known for known in self if known.fingerprint == varied.fingerprint)
        return next(same, None) or self._insert(varied)

    def _insert(self, node: Node[Output]) -> Node[Output]:
        if node.name in self._nodes:
            raise TypeError(f"two nodes are named {node.name!r}")
        self._nodes[node.name] = node
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


def _make_node(stage: Stage[..., Output], variant: str, arguments: Mapping[str, object]) -> Node[Output]:
    name = f"{variant}.{stage.name}" if variant else stage.name
    inputs = {key: value for key, value in arguments.items() if isinstance(value, Node)}
    values = {key: value for key, value in arguments.items() if key not in inputs}
    return Node(name, stage, inputs, values, _check_signature(name, stage, arguments))


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
