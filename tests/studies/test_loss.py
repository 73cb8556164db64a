import math

import pytest
import torch

from hornbook.studies.loss import bits_per_byte, document_nats, overlapping_windows
from tests.model.conftest import random_model, tiny_config


@pytest.mark.parametrize("length", [1, 2, 7, 64])
@pytest.mark.parametrize("num_targets", [0, 1, 2, 6, 7, 8, 63, 64, 65, 200])
def test_windows_score_each_target_once_with_half_a_window_before_it(num_targets, length):
    scored = []
    for window in overlapping_windows(num_targets, length):
        assert 0 < window.end - window.start <= length
        assert window.start <= window.first_scored < window.end
        context = window.first_scored - window.start
        assert context >= min(length // 2, window.first_scored)
        scored += range(window.first_scored, window.end)
    assert scored == list(range(num_targets))


def brute_force(model, ids: list[int]) -> float:
    """-ln p token by token, each from all that is before it."""
    total = 0.0
    for place in range(1, len(ids)):
        logits = model(torch.tensor([ids[:place]]))[0, -1].double()
        total -= float(torch.log_softmax(logits, dim=-1)[ids[place]])
    return total


@torch.no_grad()
def test_a_document_that_fits_is_scored_from_all_that_is_before_each_token():
    model = random_model(tiny_config())
    ids = torch.randint(0, 97, (40,), generator=torch.Generator().manual_seed(3)).tolist()
    assert document_nats(model, ids, length=64) == pytest.approx(brute_force(model, ids), rel=1e-5)


@torch.no_grad()
def test_a_longer_document_is_scored_window_by_window():
    model = random_model(tiny_config())
    ids = torch.randint(0, 97, (75,), generator=torch.Generator().manual_seed(4)).tolist()
    length, expected = 16, 0.0
    for window in overlapping_windows(74, length):
        inputs = ids[window.start : window.end]
        for target in range(window.first_scored, window.end):
            logits = model(torch.tensor([inputs[: target - window.start + 1]]))[0, -1].double()
            expected -= float(torch.log_softmax(logits, dim=-1)[ids[target + 1]])
    assert document_nats(model, ids, length) == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(brute_force(model, ids), rel=1e-5)


def test_the_stage_measures_every_document_and_its_bytes(ablated):
    text = list(ablated.made["ablate.hold_out_code"].read())
    arm = ablated.study.arms[0]
    losses, model = ablated.made[arm.losses.name], ablated.made[arm.model.name]
    rows = list(losses.read())
    assert [(row.part, row.origin, row.path, row.num_bytes) for row in rows] == [
        (one.part, one.origin, one.path, len(one.text.encode())) for one in text
    ]
    tokenizer, phi = model.tokenizer(), model.load_model("cpu")
    row, document = min(zip(rows, text, strict=True), key=lambda pair: pair[0].num_tokens)
    ids = tokenizer.encode(document.text, add_special_tokens=False).ids
    assert row.num_tokens == len(ids)
    nats = document_nats(phi, [model.description().eos_token_id, *ids], 64)
    assert row.bits == pytest.approx(nats / math.log(2))


def test_bits_per_byte_weighs_documents_by_their_length(ablated):
    rows = list(ablated.made[ablated.study.arms[0].losses.name].read())
    for part, value in bits_per_byte(rows).items():
        chosen = [row for row in rows if row.part == part]
        assert value == pytest.approx(sum(row.bits for row in chosen) / sum(row.num_bytes for row in chosen))
        # Four steps of training are hardly better than a guess among 300 tokens.
        assert 1 < value < 9
