import errno

import pytest
import torch
from safetensors import SafetensorError

from hornbook.errors import TrainingError
from hornbook.model.phi import Phi
from hornbook.train import checkpoint as checkpoint_module
from hornbook.train.checkpoint import discard_after, load_latest, pack_state, save_checkpoint, unpack_state
from hornbook.train.optimizer import make_optimizers
from tests.train.corpus import TINY_MODEL, tiny_training

IDENTITY = {"pretrain.steps": 12, "pretrain.mixture": {"code": 0.5}, "vocab_size": 64}


def save(folder, step, **changes):
    tensors = {"model.a": torch.full((3, 4), float(step)), "optimizer.0.0.step": torch.tensor(step)}
    save_checkpoint(folder, step, tensors, IDENTITY | changes, {"note": [step, None, 0.1]})


def test_the_newest_comes_back_and_two_are_kept(tmp_path):
    assert load_latest(tmp_path, IDENTITY) is None
    for step in (3, 6, 9, 12):
        save(tmp_path, step)
    found = load_latest(tmp_path, IDENTITY)
    assert found.step == 12
    assert torch.equal(found.tensors["model.a"], torch.full((3, 4), 12.0))
    assert found.progress == {"note": [12, None, 0.1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-00000009.safetensors",
        "step-00000012.safetensors",
    ]


def save_keeping(folder, step, keep):
    return save_checkpoint(folder, step, {"model.a": torch.zeros(2)}, IDENTITY, {}, keep)


def test_one_more_is_kept_where_it_is_asked_for(tmp_path):
    assert [save_keeping(tmp_path, step, 6) for step in (3, 6, 7, 8, 9)][-2:] == [[6, 7, 8], [6, 8, 9]]
    assert save_keeping(tmp_path, 12, 12) == [9, 12]


def test_going_back_gives_later_ones_up(tmp_path):
    for step in (6, 7, 8):
        save_keeping(tmp_path, step, 6)
    assert load_latest(tmp_path, IDENTITY, up_to=6).step == 6
    assert load_latest(tmp_path, IDENTITY, up_to=5) is None
    assert save_keeping(tmp_path, 6, 6) == [6]
    discard_after(tmp_path, 3)
    assert load_latest(tmp_path, IDENTITY) is None


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path, damage, capsys):
    save(tmp_path, 3)
    save(tmp_path, 6)
    path = tmp_path / "step-00000006.safetensors"
    content = path.read_bytes()
    damaged = {"truncated": content[:-5], "flipped": content[:-1] + bytes([content[-1] ^ 1]), "empty": b""}
    path.write_bytes(damaged[damage])
    assert load_latest(tmp_path, IDENTITY).step == 3
    assert "step-00000006.safetensors is damaged" in " ".join(capsys.readouterr().err.split())


def test_a_half_written_one_is_not_seen(tmp_path):
    save(tmp_path, 3)
    (tmp_path / "step-00000006.safetensors.partial").write_bytes(b"half")
    assert load_latest(tmp_path, IDENTITY).step == 3


def test_one_of_another_recipe_is_refused_with_the_field_and_both_values(tmp_path):
    save(tmp_path, 3)
    with pytest.raises(TrainingError, match=r"pretrain\.steps is 12 there and 15 here"):
        load_latest(tmp_path, IDENTITY | {"pretrain.steps": 15})
    with pytest.raises(TrainingError, match=r"vocab_size is 64 there and None here"):
        load_latest(tmp_path, {key: value for key, value in IDENTITY.items() if key != "vocab_size"})


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_leaves_the_previous_one(tmp_path, monkeypatch, error):
    save(tmp_path, 3)

    def fail(tensors, path, metadata):
        path.write_bytes(b"some of it")
        raise error

    monkeypatch.setattr(checkpoint_module, "save_file", fail)
    with pytest.raises(TrainingError, match=r"checkpoint of step 6: .*no space left on the disk"):
        save(tmp_path, 6)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003.safetensors"]
    assert load_latest(tmp_path, IDENTITY).step == 3


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_state_packed_and_unpacked_steps_the_same(tmp_path, optimizer):
    config = tiny_training(optimizer=optimizer)

    def step(model, optimizers, seed):
        torch.manual_seed(seed)
        model(torch.randint(64, (2, 8))).square().mean().backward()
        for each in optimizers:
            each.step()
            each.zero_grad()

    def fresh(seed):
        model = Phi(TINY_MODEL, 64, seed).eval()
        return model, make_optimizers(model, config)

    model, optimizers = fresh(0)
    for seed in range(3):
        step(model, optimizers, seed)
    save_checkpoint(tmp_path, 3, pack_state(model, optimizers), IDENTITY, {})
    other, its_optimizers = fresh(9)
    unpack_state(load_latest(tmp_path, IDENTITY), other, its_optimizers)
    for pair in ((model, optimizers), (other, its_optimizers)):
        step(*pair, seed=7)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_shape_that_differs_is_named(tmp_path):
    model = Phi(TINY_MODEL, 64)
    save_checkpoint(tmp_path, 3, pack_state(model, []), IDENTITY, {})
    wider = Phi(TINY_MODEL.model_copy(update={"intermediate_size": 80}), 64)
    with pytest.raises(TrainingError, match=r"fc1_weight' has shape \(64, 32\), the model needs \(80, 32\)"):
        unpack_state(load_latest(tmp_path, IDENTITY), wider, [])
