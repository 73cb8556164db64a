"""From the hidden states of a language model to one row a file: the mean over its tokens, long files in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.run.precision import multiplies_bf16
from hornbook.run.progress import meter

TEXTS_PER_RUN = 64
"""Texts whose windows are sorted by length together; more waste less padding and hold more in memory."""
TOKENS_PER_BATCH = {"cuda": 65_536, "cpu": 8_192}
"""Padding included."""


class HiddenStates(Protocol):
    """A model as far as an embedding needs it. Shapes: B windows, T tokens, D the model's width."""

    device: torch.device
    width: int
    """D."""
    max_tokens: int
    """The longest window that the model takes."""

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, without markers of beginning or end."""
        ...

    def last_hidden(self, tokens_BT: Tensor, is_token_BT: Tensor) -> Tensor:
        """The last hidden layer, (B, T, D); padding is at the right and does not change the others' states."""
        ...


class MeanPooling:
    """An `Embedder` over a model's hidden states. It learns nothing."""

    def __init__(self, states: HiddenStates, window_tokens: int) -> None:
        self._states = states
        self._window_tokens = min(window_tokens, states.max_tokens)

    def fit(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """As `Embedder.fit`."""
        with meter("embedder", len(texts), "texts") as shown:
            runs = []
            for run in self.embed(texts):
                runs.append(run)
                shown.advance(len(run))
        return np.concatenate(runs)

    def embed(self, texts: Iterable[str]) -> Iterator[NDArray[np.float64]]:
        """As `Embedder.embed`. A text without a token is a row of zeros."""
        texts = iter(texts)
        while run := list(islice(texts, TEXTS_PER_RUN)):
            yield self._embed_run(run)

    @torch.inference_mode()
    def _embed_run(self, texts: Sequence[str]) -> NDArray[np.float64]:
        tokens = self._states.tokenize(texts)
        windows = [(row, part) for row, ids in enumerate(tokens) for part in split_evenly(ids, self._window_tokens)]
        # Windows of like length go together; ties stay in the order of the texts.
        windows.sort(key=lambda window: -len(window[1]))
        sums = np.zeros((len(texts), self._states.width))
        for batch in _batches(windows, TOKENS_PER_BATCH[self._states.device.type]):
            for (row, _), summed in zip(batch, self._sum_states([part for _, part in batch]), strict=True):
                sums[row] += summed
        sums /= np.array([[max(1, len(ids))] for ids in tokens])
        return sums

    def _sum_states(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """The hidden states of each window added up over its tokens, (windows, D)."""
        device, longest = self._states.device, max(map(len, windows))
        tokens_BT = torch.tensor([[*window, *[0] * (longest - len(window))] for window in windows], device=device)
        lengths_B1 = torch.tensor([[len(window)] for window in windows], device=device)
        is_token_BT = torch.arange(longest, device=device) < lengths_B1
        hidden_BTD = self._states.last_hidden(tokens_BT, is_token_BT).float()
        # Not a product with the mask: what stands at padding may be anything, and 0 times infinity is no number.
        summed_BD = torch.where(is_token_BT[:, :, None], hidden_BTD, 0.0).sum(dim=1)
        summed: NDArray[np.float64] = summed_BD.double().cpu().numpy()
        return summed


def split_evenly(tokens: Sequence[int], most: int) -> list[Sequence[int]]:
    """As few parts of at most `most` tokens as there can be, their lengths at most one apart; none of no tokens."""
    count = -(-len(tokens) // most)
    return [tokens[number * len(tokens) // count : (number + 1) * len(tokens) // count] for number in range(count)]


def embedding_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware multiplies it, else fp32."""
    return torch.bfloat16 if multiplies_bf16(device) else torch.float32


def _batches(
    windows: Sequence[tuple[int, Sequence[int]]], tokens_per_batch: int
) -> Iterator[Sequence[tuple[int, Sequence[int]]]]:
    """Runs of windows, longest first, that are padded to at most so many tokens; one window at least."""
    start = 0
    while start < len(windows):
        size = max(1, tokens_per_batch // len(windows[start][1]))
        yield windows[start : start + size]
        start += size
