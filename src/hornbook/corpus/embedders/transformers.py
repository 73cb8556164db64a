"""The `transformers` embedder: the last hidden layer of any Hugging Face model that reads text from left to right."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.corpus.embedders.identity import digest_files
from hornbook.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from torch import Tensor

MODEL_FILES = (".json", ".safetensors", ".bin", ".txt", ".model", ".jinja")
"""Suffixes of the files that a model's folder is read from: configuration, weights, vocabularies."""
CONFIG = "config.json"
UNBOUNDED_CONTEXT = 1 << 20
"""Tokens in a window of a model whose configuration states no longest sequence."""


class TransformersStates:
    """The `HiddenStates` of a Hugging Face model, a folder or a name on the hub, in bf16 where the hardware has it."""

    def __init__(self, model: str, device: str) -> None:
        """Loads it. Raises InputError where a part is missing, MissingDependencyError without transformers."""
        _check_installed()
        from transformers import AutoModel, AutoTokenizer

        from hornbook.corpus.embedders.pooling import embedding_dtype
        from hornbook.model.artifact import resolve_device

        place, options = _place(model)
        self.device = resolve_device(device)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(place, **options)
            self._model, loading = AutoModel.from_pretrained(
                place, dtype=embedding_dtype(self.device), output_loading_info=True, **options
            )
        except Exception as error:  # transformers raises nothing more precise
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{model}: no model to embed with can be read ({type(error).__name__}: {reason})"
            ) from error
        _check_loaded(model, self._tokenizer, self._model, loading["missing_keys"])
        self._model.to(self.device).eval()
        self.width = int(self._model.config.hidden_size)
        # Some models count positions from 2, and only the tokenizer says so.
        stated = getattr(self._model.config, "max_position_embeddings", None) or UNBOUNDED_CONTEXT
        self.max_tokens = min(int(stated), int(self._tokenizer.model_max_length), UNBOUNDED_CONTEXT)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """As `HiddenStates.tokenize`."""
        # Not verbose, because long files go through the model in windows.
        encoded = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)
        tokens: list[list[int]] = encoded["input_ids"]
        return tokens

    def last_hidden(self, tokens_BT: Tensor, is_token_BT: Tensor) -> Tensor:
        """As `HiddenStates.last_hidden`."""
        hidden: Tensor = self._model(input_ids=tokens_BT, attention_mask=is_token_BT.long()).last_hidden_state
        return hidden


def model_identity(model: str) -> str:
    """Hex sha256 of the files in a folder, or `NAME@COMMIT` of a model on the hub, of which it fetches `config.json`.

    Raises InputError where neither is there, MissingDependencyError without transformers.
    """
    _check_installed()
    folder = Path(model).expanduser()
    if not folder.is_dir():
        name, _, _ = model.partition("@")
        return f"{name}@{_commit(model)}"
    files = sorted(path for path in folder.iterdir() if path.suffix in MODEL_FILES and path.is_file())
    if not any(path.name == CONFIG for path in files):
        raise InputError(f"{folder}: no {CONFIG}, so this is not a model's folder; set embedder_model to one")
    return digest_files(files)


def _check_installed() -> None:
    if importlib.util.find_spec("transformers") is None:
        raise MissingDependencyError("transformers", "The embedder 'transformers'", "transformers")


def _place(model: str) -> tuple[str, dict[str, str]]:
    """What to load, and at which commit: a name on the hub may get new files at any time."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder), {}
    name, _, _ = model.partition("@")
    return name, {"revision": _commit(model)}


def _commit(model: str) -> str:
    """The commit of NAME or NAME@REVISION on the hub; what was fetched before serves where the hub is out of reach."""
    # Here, because it loads an HTTP client that nothing else of a run needs.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    name, _, revision = model.partition("@")
    try:
        path = Path(hf_hub_download(name, CONFIG, revision=revision or None))
    except (OSError, ValueError, EntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{model}: no such folder, and the Hugging Face hub gives no model of the name "
            f"({type(error).__name__}: {reason}). "
            "Download it by hand and set embedder_model to its folder."
        ) from None
    # The cache keeps a file as snapshots/COMMIT/NAME.
    return path.parent.name


def _check_loaded(name: str, tokenizer: Any, model: Any, missing_keys: Iterable[str]) -> None:
    # Without its files transformers makes an empty one.
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise InputError(f"{name}: its tokenizer has no vocabulary; a whole model's folder is needed to embed with")
    # It would go on with random numbers in their place. A pooler is another output than the one that is used.
    absent = sorted(key for key in missing_keys if "pooler" not in key)
    if absent:
        raise InputError(f"{name}: {len(absent)} weights are missing, {absent[0]!r} among them")
    if getattr(model.config, "is_encoder_decoder", False):
        raise InputError(f"{name}: an encoder with a decoder; files are embedded with a model that has one of them")
