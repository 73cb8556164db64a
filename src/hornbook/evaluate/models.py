"""Models to score that no run holds: a saved model of hornbook's, or a folder in the layout of microsoft/phi-1."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from hornbook.errors import InputError
from hornbook.model.artifact import CONFIG, TOKENIZER, load_model, load_tokenizer, read_description, resolve_device

if TYPE_CHECKING:
    from hornbook.model.phi import Phi


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk in either layout; its weights are read when it is asked to complete."""

    folder: Path
    is_hugging_face: bool

    def load_model(self, device: str = "auto") -> Phi:
        """The model in fp32, ready to generate. Raises InputError where its weights are missing or do not fit."""
        if not self.is_hugging_face:
            return load_model(self.folder, device)
        from hornbook.model.convert import load_hugging_face

        return load_hugging_face(self.folder)[0].to(resolve_device(device))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, reading `<|endoftext|>` in a text as plain characters."""
        return load_tokenizer(self.folder / TOKENIZER)


def open_model(folder: Path) -> ModelFolder:
    """The model in a folder. Raises InputError that names what is missing: configuration, tokenizer or weights."""
    from hornbook.model.convert import read_hugging_face_config

    if folder.is_file():
        raise InputError(f"{folder}: is a file, not a model's folder; completions to score go after --samples")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a run's folder or a model's")
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"{folder}: no {CONFIG}, so this is neither a model (in hornbook's or Hugging Face's layout) nor a run"
        )
    if not (folder / TOKENIZER).is_file():
        raise InputError(
            f"{folder}: no {TOKENIZER}; a model cannot be scored without the tokenizer it was trained with"
        )
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{folder}: no weights; a file named *.safetensors is needed")
    model = ModelFolder(folder, _is_hugging_face(folder / CONFIG))
    read_hugging_face_config(folder) if model.is_hugging_face else read_description(folder)
    model.tokenizer()
    return model


def _is_hugging_face(config_file: Path) -> bool:
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{config_file}: cannot be read: {error}") from None
    return isinstance(config, dict) and ("model_type" in config or "architectures" in config)
