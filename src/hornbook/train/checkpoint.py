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
from hornbook.run.distributed import World
from hornbook.run.progress import console
from hornbook.train.parallel import collect, share_like

if TYPE_CHECKING:
    from typing_extensions import Buffer

KEPT = 2
PATTERN = "step-*.safetensors"
DAMAGE = (OSError, SafetensorError, ValueError, KeyError)
"""What reading a file that is cut short or was changed can raise."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read back."""

    step: int
    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]
    """What the loop stored beside its tensors."""


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: Mapping[str, Tensor],
    identity: Mapping[str, Any],
    progress: Mapping[str, Any],
    keep: int | None = None,
) -> list[int]:
    """Writes the checkpoint of a step and deletes all but the last two and that of step `keep`; the steps that remain.

    Raises TrainingError where the disk does not take it; earlier checkpoints are intact then.
    """
    metadata = {
        "step": str(step),
        "identity": json.dumps(identity, sort_keys=True),
        "progress": json.dumps(progress, sort_keys=True),
    }
    write_tensors(_path_of(folder, step), tensors, metadata, f"checkpoint of step {step}")
    discard_after(folder, step)
    for old in sorted(folder.glob(PATTERN))[:-KEPT]:
        if _step_of(old) != keep:
            old.unlink()
    return sorted(map(_step_of, folder.glob(PATTERN)))


def discard_after(folder: Path, step: int) -> None:
    """Deletes the checkpoints of later steps: a run that is at `step` now has given them up."""
    for path in folder.glob(PATTERN):
        if _step_of(path) > step:
            path.unlink()
    sync_folder(folder)


def _path_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.safetensors"


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix("step-").removesuffix(".safetensors"))


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], what: str) -> None:
    """Writes a file that is there whole, with a checksum, or not at all.

    Raises TrainingError, beginning with `what`, where the disk does not take it.
    """
    host = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    folder, partial = path.parent, path.with_name(f"{path.name}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(host, partial, metadata={**metadata, "crc32": str(_checksum(host))})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(path)
        sync_folder(folder)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        why = "no space left on the disk" if is_full else str(error)
        raise TrainingError(
            f"{what}: {path} cannot be written: {why}. Earlier checkpoints are kept; "
            "make room and run again to go on from the last one."
        ) from error


def load_latest(
    folder: Path, identity: Mapping[str, Any], up_to: int | None = None, world: World | None = None
) -> Checkpoint | None:
    """The newest checkpoint that is whole, or None where there is none; says which were damaged.

    With `up_to` it is of that step or an earlier one. The main process of a world chooses, and all read the same.
    Raises TrainingError where one is of another run, naming the first difference.
    """
    world = world or World()
    found = _newest_whole(folder, identity, up_to) if world.is_main else None
    step = world.broadcast(found.step if found else None)
    return found if world.is_main or step is None else _read(_path_of(folder, step))[0]


def _newest_whole(folder: Path, identity: Mapping[str, Any], up_to: int | None) -> Checkpoint | None:
    for path in sorted(folder.glob(PATTERN), reverse=True):
        if up_to is not None and _step_of(path) > up_to:
            continue
        try:
            checkpoint, stored = _read(path)
        except DAMAGE as error:
            console.print(
                f"[yellow]! checkpoint {path.name} is damaged ({error}): going back to the one before[/yellow]"
            )
            continue
        _check_identity(path, stored, identity)
        return checkpoint
    return None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file by `write_tensors`. Raises one of DAMAGE where it is not what was written."""
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    if _checksum(tensors) != int(metadata["crc32"]):
        raise ValueError("its checksum does not fit")
    return tensors, metadata


def _read(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    tensors, metadata = read_tensors(path)
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


def pack_state(model: nn.Module, optimizers: list[Optimizer], is_main: bool = True) -> dict[str, Tensor]:
    """Weights and optimizer state as named tensors: `model.NAME`, `optimizer.NUMBER.PARAMETER.NAME`.

    They are whole, so that a run can go on with another number of processes, and the main process alone gets them.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{number}.{parameter}.{name}"] = torch.as_tensor(value)
    return collect(tensors.items(), is_main)


def unpack_state(checkpoint: Checkpoint, model: nn.Module, optimizers: list[Optimizer]) -> None:
    """Puts the tensors of `pack_state` back, each process its share. Raises TrainingError where a shape differs."""
    weights = model.state_dict()
    stored = {n.removeprefix("model."): t for n, t in checkpoint.tensors.items() if n.startswith("model.")}
    for name, tensor in weights.items():
        found = tuple(stored[name].shape) if name in stored else None
        if found != tuple(tensor.shape):
            raise TrainingError(
                f"checkpoint of step {checkpoint.step}: tensor {name!r} has shape {found}, the model needs "
                f"{tuple(tensor.shape)}"
            )
    for name, tensor in weights.items():
        tensor.copy_(share_like(stored[name], tensor))
    for number, optimizer in enumerate(optimizers):
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in checkpoint.tensors.items():
            if key.startswith(f"optimizer.{number}."):
                _, _, index, name = key.split(".")
                parameter = parameters[int(index)]
                # All but the number of steps taken is of the parameter's shape.
                own = share_like(tensor, parameter) if tensor.shape == parameter.shape else tensor
                state.setdefault(int(index), {})[name] = own
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
