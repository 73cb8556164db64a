import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from hornbook.errors import InputError
from hornbook.model.artifact import load_model, resolve_device, save_model
from tests.model.conftest import random_model, tiny_config


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path, random_model(tiny_config()), 3, None)
    return tmp_path


def test_a_saved_model_comes_back(folder):
    loaded, saved = load_model(folder), random_model(tiny_config())
    assert loaded.config == saved.config
    assert all(torch.equal(tensor, saved.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    assert not loaded.training


def test_saving_twice_gives_the_same_bytes(folder, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    save_model(again, random_model(tiny_config()), 3, None)
    for name in ("model.safetensors", "config.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_weights_cut_short_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or cut short"):
        load_model(folder)


def test_shapes_that_differ_are_named_with_both_values(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 120}))
    with pytest.raises(InputError, match=r"blocks\.0\.fc1_weight' has shape \(100, 48\).*needs \(120, 48\)"):
        load_model(folder)


def test_missing_and_unknown_tensors_are_named(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "extra": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="'extra' is not one"):
        load_model(folder)
    del tensors["lm_head_bias"]
    save_file(tensors, path)
    with pytest.raises(InputError, match="'lm_head_bias' is missing"):
        load_model(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"config\.json: cannot be read"),
        ("[]", "must hold a JSON object, not list"),
        ('{"vocab_size": 3}', "eos_token_id"),
        ('{"vocab_size": 3, "eos_token_id": 1, "hidden_size": "x"}', "hidden_size"),
    ],
)
def test_a_damaged_configuration_is_refused(folder, text, message):
    (folder / "config.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load_model(folder)


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(InputError, match="not a saved model"):
        load_model(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_missing_device_is_refused():
    with pytest.raises(InputError, match="no CUDA"):
        resolve_device("cuda")
    assert resolve_device("auto").type == "cpu"
