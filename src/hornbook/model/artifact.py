"""A model on disk: `model.safetensors` (fp32), `config.json` (architecture, vocabulary, end of text), `tokenizer.json`.

The tensors have hornbook's names; `hornbook.model.convert` gives them Hugging Face's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from safetensors import SafetensorError
from tokenizers import Tokenizer

from hornbook.errors import InputError
from hornbook.recipe import ModelConfig, did_you_mean
from hornbook.run.artifact import Artifact

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hornbook.model.phi import Phi

END_OF_TEXT = "<|endoftext|>"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class ModelDescription:
    """What `config.json` says."""

    config: ModelConfig
    vocab_size: int
    eos_token_id: int


class ModelArtifact(Artifact):
    """A trained model with its tokenizer."""

    def load_model(self, device: str = "auto") -> Phi:
        """The model in fp32, ready to generate, on `cpu`, `cuda` or (`auto`) the best there is."""
        return load_model(self.folder, device)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the model was trained with, reading `<|endoftext|>` in a text as plain characters."""
        return load_tokenizer(self.folder / TOKENIZER)

    def description(self) -> ModelDescription:
        """Architecture, vocabulary size and end of text."""
        return read_description(self.folder)


def resolve_device(device: str) -> torch.device:
    """`cpu` or `cuda`; `auto` is cuda where there is one. Raises InputError where the device is missing."""
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {device!r}: this machine or this build of PyTorch has no CUDA. Use cpu or auto.")
    return torch.device(device)


def save_model(folder: Path, model: Phi, eos_token_id: int, tokenizer_file: Path | None) -> None:
    """Writes the model's files into an existing folder; `tokenizer_file` is copied as it is."""
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    description = {**model.config.model_dump(), "vocab_size": model.vocab_size, "eos_token_id": eos_token_id}
    (folder / CONFIG).write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if tokenizer_file is not None:
        shutil.copyfile(tokenizer_file, folder / TOKENIZER)


def load_model(folder: Path, device: str = "cpu") -> Phi:
    """The model that `save_model` wrote. Raises InputError where a file is missing, damaged or does not fit."""
    from hornbook.model.phi import Phi

    description = read_description(folder)
    model = Phi(description.config, description.vocab_size)
    load_weights(model, read_tensors(folder / WEIGHTS), folder / WEIGHTS)
    return model.to(resolve_device(device)).eval()


def read_description(folder: Path) -> ModelDescription:
    """Reads `config.json`. Raises InputError naming the first field that cannot be used, and its value."""
    path = folder / CONFIG
    if not path.is_file():
        raise InputError(f"{folder}: no {CONFIG}, so this is not a saved model")
    fields = read_json_object(path)
    vocab_size = whole_number(fields, "vocab_size", path, least=1)
    eos_token_id = whole_number(fields, "eos_token_id", path, least=0)
    shape = {name: value for name, value in fields.items() if name not in ("vocab_size", "eos_token_id")}
    return ModelDescription(check_model_config(shape, path), vocab_size, eos_token_id)


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises InputError where it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: must hold a JSON object, not {type(found).__name__}")
    return found


def whole_number(fields: Mapping[str, Any], name: str, path: Path, *, least: int) -> int:
    """A field of a configuration. Raises InputError where it is missing, no whole number, or too small."""
    value = fields.get(name)
    if type(value) is not int or value < least:
        raise InputError(f"{path}: {name} must be a whole number of at least {least}, not {value!r}")
    return value


def check_model_config(shape: Mapping[str, Any], path: Path) -> ModelConfig:
    """The architecture that a configuration's fields state. Raises InputError naming the first that does not fit."""
    try:
        return ModelConfig.model_validate(shape)
    except ValidationError as error:
        problem = error.errors()[0]
    name, message = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = list(ModelConfig.model_fields)
        message = f"unknown field {name!r} with the value {problem['input']!r}{did_you_mean(name, known)}"
    elif problem["type"] == "missing":
        message = f"field {name!r} is missing"
    elif name:
        message = f"{name}: {message}, not {problem['input']!r}"
    raise InputError(f"{path}: {message}")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises InputError where it is missing or damaged."""
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None


def load_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer as training uses it: nothing in a text is a marker. Raises InputError where it cannot be read."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; a model is of no use without the tokenizer it was trained with")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more precise
        raise InputError(f"{path}: cannot be read as a tokenizer: {error}") from None
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_weights(model: Phi, tensors: dict[str, Tensor], source: Path) -> None:
    """Copies tensors into a model. Raises InputError naming the first tensor that is missing, unknown or misshapen."""
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise InputError(f"{source}: tensor {name!r} is missing")
        if tensors[name].shape != tensor.shape:
            raise InputError(
                f"{source}: tensor {name!r} has shape {tuple(tensors[name].shape)}, "
                f"the model's configuration needs {tuple(tensor.shape)}"
            )
    unknown = sorted(set(tensors) - set(expected))
    if unknown:
        raise InputError(f"{source}: tensor {unknown[0]!r} is not one of this architecture")
    model.load_state_dict(tensors)
