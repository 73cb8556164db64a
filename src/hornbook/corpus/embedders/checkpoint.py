"""The `checkpoint` embedder: the last hidden layer of a model that hornbook trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hornbook.corpus.embedders.identity import digest_files
from hornbook.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class CheckpointStates:
    """The `HiddenStates` of a saved model: what its output layer sees, in bf16 where the hardware has it."""

    def __init__(self, folder: str, device: str) -> None:
        """Loads it. Raises InputError as `hornbook.model.artifact.load_model` does."""
        from hornbook.corpus.embedders.pooling import embedding_dtype
        from hornbook.model.artifact import TOKENIZER, load_model, load_tokenizer

        place = Path(folder).expanduser()
        self._model = load_model(place, device)
        self._tokenizer = load_tokenizer(place / TOKENIZER)
        self.device = self._model.cos.device
        self._model.compute_dtype = embedding_dtype(self.device)
        self.width = self._model.config.hidden_size
        self.max_tokens = self._model.config.max_position_embeddings

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """As `HiddenStates.tokenize`."""
        return [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def last_hidden(self, tokens_BT: Tensor, is_token_BT: Tensor) -> Tensor:
        """As `HiddenStates.last_hidden`; attention looks only to the left, so that padding needs no mask."""
        return self._model.hidden(tokens_BT)


def checkpoint_identity(folder: str) -> str:
    """Hex sha256 of the model's files. Raises InputError where one of them is missing."""
    from hornbook.model.artifact import CONFIG, TOKENIZER, WEIGHTS

    place = Path(folder).expanduser()
    files = [place / name for name in (CONFIG, WEIGHTS, TOKENIZER)]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise InputError(
            f"{place}: no {missing[0]}; embedder_model must be the folder of a model that hornbook trained, "
            "such as runs/nano/finetune/..."
        )
    return digest_files(files)
