"""A model on disk: `model.safetensors` (fp32), `config.json` (architecture, vocabulary, end of text), `tokenizer.json`.

The tensors have hornbook's names; `hornbook.model.convert` gives them Hugging Face's.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from hornbook.errors import InputError
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.run.artifact import Artifact

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
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {device!r}: this machine or this build of PyTorch has no CUDA. Use cpu or auto.")
    return torch.device(device)


def save_model(folder: Path, model: Phi, eos_token_id: int, tokenizer_file: Path | None) -> None:
    """Writes the model's files into an existing folder; `tokenizer_file` is copied as it is."""
    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    description = {**model.config.model_dump(), "vocab_size": model.vocab_size, "eos_token_id": eos_token_id}
    (folder / CONFIG).write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if tokenizer_file is not None:
        shutil.copyfile(tokenizer_file, folder / TOKENIZER)


def load_model(folder: Path, device: str = "cpu") -> Phi:
    """The model that `save_model` wrote. Raises InputError where a file is missing, damaged or does not fit."""
    description = read_description(folder)
    model = Phi(description.config, description.vocab_size)
    load_weights(model, read_tensors(folder / WEIGHTS), folder / WEIGHTS)
    return model.to(resolve_device(device)).eval()


def read_description(folder: Path) -> ModelDescription:
    """Reads `config.json`."""
    path = folder / CONFIG
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        vocab_size, eos_token_id = int(fields.pop("vocab_size")), int(fields.pop("eos_token_id"))
        return ModelDescription(ModelConfig.model_validate(fields), vocab_size, eos_token_id)
    except FileNotFoundError:
        raise InputError(f"{folder}: no {CONFIG}, so this is not a saved model") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = str(error.errors()[0]["loc"]) if isinstance(error, ValidationError) else repr(error)
        raise InputError(f"{path}: cannot be read as a model's configuration: {detail}") from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises InputError where it is missing or damaged."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None


def load_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer as training uses it: nothing in a text is a marker. Raises InputError where it cannot be read."""
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
