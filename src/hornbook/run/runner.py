"""Runs a graph in a run folder: reuses what is there, says why the rest must run, and loses nothing."""

from __future__ import annotations

import errno
import inspect
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

from hornbook import __version__
from hornbook.errors import ArtifactError, HornbookError, RunFolderError, StageError
from hornbook.run.artifact import RESUME, Artifact, Facts, describe_files, write_manifest
from hornbook.run.fingerprint import changed_fields
from hornbook.run.folder import LATEST, RunFolder
from hornbook.run.graph import Graph, Node
from hornbook.run.machine import Machine
from hornbook.run.processes import load_ahead
from hornbook.run.progress import console
from hornbook.run.stage import Stage

VERSIONED_LIBRARIES = ("numpy", "pyarrow", "scikit-learn", "tokenizers", "torch")
LOST = ("Connection closed by peer", "Connection reset by peer")
"""How gloo says that another process is gone; that one, or torchrun, has said why."""
OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class PlannedNode:
    """What will happen to one node, and why."""

    node: Node[Any]
    state: Literal["cached", "resume", "run"]
    reasons: tuple[str, ...]
    last_wall_s: float | None
    """Seconds that this stage took the last time in this folder."""


def plan(graph: Graph, folder: RunFolder, targets: Sequence[Node[Any]] = ()) -> list[PlannedNode]:
    """What `execute` would do, without doing any of it."""
    planned: dict[str, PlannedNode] = {}
    for node in graph.ancestors(*targets) if targets else graph:
        earlier = folder.earlier_manifests(node)
        last_wall_s = float(earlier[0]["wall_s"]) if earlier else None
        try:
            manifest = folder.finished_manifest(node)
        except ArtifactError as error:
            planned[node.name] = PlannedNode(node, "run", (f"damaged: {error}",), last_wall_s)
            continue
        if manifest is not None:
            planned[node.name] = PlannedNode(node, "cached", (), float(manifest["wall_s"]))
            continue
        reasons = _reasons(node, earlier, planned)
        resumable = (folder.partial_folder(node) / RESUME).is_dir()
        planned[node.name] = PlannedNode(node, "resume" if resumable else "run", reasons, last_wall_s)
    return list(planned.values())


def _reasons(node: Node[Any], earlier: list[dict[str, Any]], planned: Mapping[str, PlannedNode]) -> tuple[str, ...]:
    if not earlier:
        return ("not made yet",)
    last = earlier[0]["identity"]
    reasons = changed_fields(last["values"], node.identity["values"])
    if last["version"] != node.stage.version:
        reasons.append(f"stage version {last['version']} -> {node.stage.version}")
    for name, upstream in node.inputs.items():
        if last["inputs"].get(name) != upstream.fingerprint:
            reasons.append(
                f"{upstream.name} {'is made anew' if planned[upstream.name].state != 'cached' else 'differs'}"
            )
    return tuple(reasons) or ("not made yet",)


def execute(
    graph: Graph,
    folder: RunFolder,
    machine: Machine,
    *,
    recipe_name: str,
    max_drop_fraction: float = 1.0,
    targets: Sequence[Node[Any]] = (),
) -> dict[str, Artifact]:
    """Runs what is not there yet and returns every artifact by node name.

    In a world of several processes this is the main one's part, and `follow` the others'.
    Raises StageError where a stage drops too much or leaves nothing, RunFolderError where the disk does not take
    the output. What was finished before stays.
    """
    finished: dict[str, Artifact] = {}
    with folder.locked(recipe_name):
        _check_space(folder.path)
        nodes = plan(graph, folder, targets)
        _load_ahead(nodes)
        for planned in nodes:
            node = planned.node
            if planned.state == "cached":
                finished[node.name] = node.output_type.load(folder.artifact_folder(node))
                console.print(f"[dim]= {node.name}: as before[/dim]")
                continue
            if folder.artifact_folder(node).exists():
                aside = folder.set_aside(node)
                console.print(f"[yellow]! {node.name}: {planned.reasons[0]}; kept as {aside}, made again[/yellow]")
            finished[node.name] = _run_node(node, folder, finished, machine, max_drop_fraction)
        if not targets:
            relative = {name: str(artifact.folder.relative_to(folder.path)) for name, artifact in finished.items()}
            folder.write_json(LATEST, relative)
    machine.world.broadcast(None)
    return finished


def _load_ahead(nodes: Sequence[PlannedNode]) -> None:
    modules = {planned.node.stage.loads for planned in nodes if planned.state != "cached"} - {""}
    if modules:
        load_ahead(sorted(modules))


@dataclass(frozen=True)
class _Call:
    """A distributed stage to run: where its name is found, and all its arguments but the machine."""

    module: str
    name: str
    arguments: Mapping[str, object]


def follow(machine: Machine) -> None:
    """What the other processes of a world do while the main one is in `execute`: they run its distributed stages along.

    They end when it does. An error of the user's is shown here, with the process that has it.
    """
    while True:
        try:
            call: _Call | None = machine.world.broadcast(None)
        except RuntimeError:
            sys.exit(1)  # The main process is gone, and has said why.
        if call is None:
            return
        stage: Stage[..., Artifact] = getattr(import_module(call.module), call.name)
        try:
            stage.function(**call.arguments, machine=machine)
        except RuntimeError as error:
            if not any(words in str(error) for words in LOST):
                raise
            sys.exit(1)
        except HornbookError as error:
            console.quiet = False
            console.print(f"hornbook, process {machine.world.rank}: {error}", markup=False, style="red", soft_wrap=True)
            sys.exit(2)


def _check_space(path: Path, needed_bytes: int = 100 << 20) -> None:
    free = shutil.disk_usage(path).free
    if free < needed_bytes:
        raise RunFolderError(f"{path}: {free >> 20} MB are free, at least {needed_bytes >> 20} are needed to start.")


def _run_node(
    node: Node[Any], folder: RunFolder, finished: Mapping[str, Artifact], machine: Machine, max_drop_fraction: float
) -> Artifact:
    console.print(f"> {node.name}")
    started = time.monotonic()
    try:
        out = folder.start(node, keep=RESUME)
        arguments: dict[str, object] = {name: finished[upstream.name] for name, upstream in node.inputs.items()}
        arguments |= node.values
        arguments["out"] = out
        if node.stage.distributed:
            machine.world.broadcast(_Call(node.stage.function.__module__, node.stage.name, dict(arguments)))
        if "machine" in inspect.signature(node.stage.function).parameters:
            arguments["machine"] = machine
        artifact: Artifact = node.stage.function(**arguments)
        wall_s = time.monotonic() - started
        _check_outcome(node, artifact.facts, out, max_drop_fraction)
        shutil.rmtree(out / RESUME, ignore_errors=True)
        write_manifest(out, _manifest(node, artifact.facts, out, wall_s))
        final = folder.finish(node)
    except OSError as error:
        if error.errno in OUT_OF_SPACE:
            raise RunFolderError(
                f"stage {node.name}: no space left on the disk of {folder.path}. Free some and run again: "
                "finished stages and checkpoints are kept."
            ) from error
        raise
    console.print(f"[green]+[/green] {node.name}: {outcome_line(artifact.facts)}, {wall_s:.1f} s")
    # Read back, so that a stage sees the same of its inputs whether they were made now or before.
    made: Artifact = node.output_type.load(final)
    return made


def outcome_line(facts: Facts) -> str:
    """Rows and drops of a stage in a few words."""
    rows = ", ".join(f"{count:,} {Path(name).stem}" for name, count in facts.rows.items()) or "done"
    dropped = sum(facts.drops.values())
    return f"{rows} ({dropped:,} left out)" if dropped else rows


def _check_outcome(node: Node[Any], facts: Facts, out: Path, max_drop_fraction: float) -> None:
    kept, dropped = sum(facts.rows.values()), sum(facts.drops.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(facts.drops.items(), key=lambda d: -d[1]))
    empty = [name for name, count in facts.rows.items() if count == 0]
    if empty:
        raise StageError(f"stage {node.name}: {empty[0]} has no rows left ({reasons or 'none came in'}); see {out}")
    if not node.stage.selects and facts.rows and dropped > max_drop_fraction * (kept + dropped):
        raise StageError(
            f"stage {node.name}: {dropped:,} of {kept + dropped:,} rows were dropped, more than max_drop_fraction "
            f"{max_drop_fraction} allows ({reasons}). What it wrote is in {out}; raise max_drop_fraction to accept it."
        )


def _manifest(node: Node[Any], facts: Facts, out: Path, wall_s: float) -> dict[str, Any]:
    return {
        "node": node.name,
        "fingerprint": node.fingerprint,
        "identity": node.identity,
        "files": describe_files(out),
        "rows": dict(facts.rows),
        "drops": dict(facts.drops),
        "metrics": dict(facts.metrics),
        "wall_s": round(wall_s, 3),
        "finished_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "versions": _versions(),
        "git_commit": _git_commit(),
    }


def _versions() -> dict[str, str]:
    versions = {"hornbook": __version__, "python": platform.python_version()}
    for library in VERSIONED_LIBRARIES:
        versions[library] = metadata.version(library)
    return versions


def _git_commit() -> str | None:
    """The commit of the checkout that hornbook runs from; None for an installed package."""
    package = Path(__file__).resolve().parent
    if "site-packages" in package.parts:
        return None
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=package,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
