"""Mean pooling over a model that is one line, so that every number can be told beforehand."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from hornbook.corpus.embedders import pooling
from hornbook.corpus.embedders.pooling import MeanPooling, embedding_dtype, split_evenly


class Letters:
    """Each letter is a token; its state is its number and its position in the window. Padding is infinite."""

    device = torch.device("cpu")
    width = 2

    def __init__(self, max_tokens: int = 100) -> None:
        self.max_tokens = max_tokens
        self.shapes: list[tuple[int, int]] = []

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) - ord("a") for letter in text] for text in texts]

    def last_hidden(self, tokens_BT: Tensor, is_token_BT: Tensor) -> Tensor:
        self.shapes.append(tuple(tokens_BT.shape))
        positions_BT = torch.arange(tokens_BT.shape[1]).expand_as(tokens_BT)
        states_BTD = torch.stack([tokens_BT, positions_BT], dim=-1).float()
        return states_BTD.masked_fill(~is_token_BT[:, :, None], float("inf"))


def embed(texts: Sequence[str], states: Letters, window: int = 100) -> np.ndarray:
    return np.concatenate(list(MeanPooling(states, window).embed(texts)))


def test_the_mean_over_the_tokens_whatever_the_padding() -> None:
    states = Letters()
    rows = embed(["a", "abcd", "", "bb"], states)
    assert rows.tolist() == [[0.0, 0.0], [1.5, 1.5], [0.0, 0.0], [1.0, 0.5]]
    assert states.shapes == [(3, 4)]


def test_windows_weigh_by_their_tokens() -> None:
    # Five tokens in windows of at most 2: lengths 1, 2, 2, positions 0 | 0 1 | 0 1.
    states = Letters()
    assert embed(["abcde"], states, window=2).tolist() == [[2.0, 0.4]]
    assert states.shapes == [(3, 2)]


def test_a_window_is_never_longer_than_the_model_takes() -> None:
    states = Letters(max_tokens=3)
    embed(["abcdefg"], states, window=100)
    assert states.shapes == [(3, 3)]


def test_batches_hold_so_many_tokens_and_windows_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["abcd" * 3, "a", "ab", "abcd" * 2, "abcdefghijkl"]
    states = Letters()
    whole = embed(texts, states)
    monkeypatch.setitem(pooling.TOKENS_PER_BATCH, "cpu", 24)
    states.shapes.clear()
    assert embed(texts, states).tolist() == whole.tolist()
    assert states.shapes == [(2, 12), (3, 8)]
    monkeypatch.setitem(pooling.TOKENS_PER_BATCH, "cpu", 1)
    states.shapes.clear()
    assert embed(texts, states).tolist() == whole.tolist()
    assert states.shapes == [(1, 12), (1, 12), (1, 8), (1, 2), (1, 1)]


def test_runs_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "TEXTS_PER_RUN", 2)
    pooled = MeanPooling(Letters(), 100)
    runs = list(pooled.embed(iter(["a", "b", "c", "d", "e"])))
    assert [run[:, 0].tolist() for run in runs] == [[0, 1], [2, 3], [4]]
    assert pooled.fit(["a", "b", "c"])[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("count", "most"), [(1, 5), (5, 5), (6, 5), (11, 5), (7, 3), (100, 1)])
def test_parts_are_as_few_and_as_even_as_can_be(count: int, most: int) -> None:
    parts = split_evenly(list(range(count)), most)
    assert [token for part in parts for token in part] == list(range(count))
    lengths = [len(part) for part in parts]
    assert len(parts) == -(-count // most)
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1


def test_no_tokens_are_no_part() -> None:
    assert split_evenly([], 5) == []


def test_bf16_where_the_cpu_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_avx, has_amx, dtype in [(1, 0, torch.bfloat16), (0, 1, torch.bfloat16), (0, 0, torch.float32)]:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda value=has_avx: bool(value))
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda value=has_amx: bool(value))
        assert embedding_dtype(torch.device("cpu")) == dtype
