"""Checkpoints: all that a run needs to go on exactly, in one file that is whole or is not used.

A file holds weights, optimizer state, the step, and the lengths of the metric files at that step; data order and
randomness are pure functions of the step. It is written under another name, synced and renamed. The last two stay.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from hornbook.errors import TrainingError
from hornbook.run.artifact import sync_folder
from hornbook.run.progress import console

if TYPE_CHECKING:
    from typing_extensions import Buffer

KEPT = 2
PATTERN = "step-*.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """What was read back."""

    step: int
    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]
    """What the loop stored beside its tensors."""


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], identity: Mapping[str, Any], progress: Mapping[str, Any]
) -> None:
    """Writes the checkpoint of a step and deletes all but the last two.

    Raises TrainingError where the disk does not take it; earlier checkpoints are intact then.
    """
    host = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    metadata = {
        "step": str(step),
        "identity": json.dumps(identity, sort_keys=True),
        "progress": json.dumps(progress, sort_keys=True),
        "crc32": str(_checksum(host)),
    }
    path = folder / f"step-{step:08d}.safetensors"
    partial = folder / f"{path.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(host, partial, metadata=metadata)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(path)
        sync_folder(folder)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        what = "no space left on the disk" if is_full else str(error)
        raise TrainingError(
            f"checkpoint of step {step}: {path} cannot be written: {what}. Earlier checkpoints are kept; "
            "make room and run again to go on from the last one."
        ) from error
    for old in sorted(folder.glob(PATTERN))[:-KEPT]:
        old.unlink()


def load_latest(folder: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint that is whole, or None where there is none; says which were damaged.

    Raises TrainingError where one is of another run, naming the first difference.
    """
    for path in sorted(folder.glob(PATTERN), reverse=True):
        try:
            checkpoint, stored = _read(path)
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            console.print(
                f"[yellow]! checkpoint {path.name} is damaged ({error}): going back to the one before[/yellow]"
            )
            continue
        _check_identity(path, stored, identity)
        return checkpoint
    return None


def _read(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    if _checksum(tensors) != int(metadata["crc32"]):
        raise ValueError("its checksum does not fit")
    checkpoint = Checkpoint(int(metadata["step"]), tensors, json.loads(metadata["progress"]))
    return checkpoint, json.loads(metadata["identity"])


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    checksum = 0
    for name, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(name.encode(), checksum)
        checksum = zlib.crc32(cast("Buffer", tensor.flatten().view(torch.uint8).numpy()), checksum)
    return checksum


def _check_identity(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))
    for field in sorted({*stored, *wanted}):
        if stored.get(field) != wanted.get(field):
            raise TrainingError(
                f"checkpoint {path} is of another run: {field} is {stored.get(field)!r} there and "
                f"{wanted.get(field)!r} here. Delete {path.parent} to start anew."
            )


def pack_state(model: nn.Module, optimizers: list[Optimizer]) -> dict[str, Tensor]:
    """Weights and optimizer state as named tensors: `model.NAME`, `optimizer.NUMBER.PARAMETER.NAME`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{number}.{parameter}.{name}"] = torch.as_tensor(value)
    return tensors


def unpack_state(checkpoint: Checkpoint, model: nn.Module, optimizers: list[Optimizer]) -> None:
    """Puts the tensors of `pack_state` back. Raises TrainingError where a shape differs."""
    weights = model.state_dict()
    stored = {n.removeprefix("model."): t for n, t in checkpoint.tensors.items() if n.startswith("model.")}
    for name, tensor in weights.items():
        found = tuple(stored[name].shape) if name in stored else None
        if found != tuple(tensor.shape):
            raise TrainingError(
                f"checkpoint of step {checkpoint.step}: tensor {name!r} has shape {found}, the model needs "
                f"{tuple(tensor.shape)}"
            )
    model.load_state_dict(stored)
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in checkpoint.tensors.items():
            if key.startswith(f"optimizer.{number}."):
                _, _, parameter, name = key.split(".")
                state.setdefault(int(parameter), {})[name] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
