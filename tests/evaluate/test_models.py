import json
import shutil
from pathlib import Path

import pytest
import torch

from hornbook.errors import InputError
from hornbook.evaluate.models import open_model
from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.convert import export_hugging_face
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.tokens.tokenizer import train_bpe


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_bpe(["def one():\n    return 1\n"] * 20, 320)
    tokenizer.save(str(folder / "made.json"))
    config = ModelConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        rotary_dims=4,
    )
    end = tokenizer.token_to_id("<|endoftext|>")
    save_model(folder, Phi(config, tokenizer.get_vocab_size()), end, folder / "made.json")
    return folder


@pytest.fixture
def theirs(ours: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    export_hugging_face(ModelArtifact(ours), folder)
    return folder


def test_both_layouts_hold_the_same_model(ours: Path, theirs: Path) -> None:
    first, second = open_model(ours), open_model(theirs)
    assert (first.is_hugging_face, second.is_hugging_face) == (False, True)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(first.load_model("cpu")(ids), second.load_model("cpu")(ids))
    text = "def two():\n    return 2"
    assert first.tokenizer().encode(text).ids == second.tokenizer().encode(text).ids


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("tokenizer.json", "no tokenizer.json; a model cannot be scored without the tokenizer"),
        ("config.json", "no config.json, so this is neither a model"),
        ("model.safetensors", "no weights; a file named *.safetensors is needed"),
    ],
)
def test_what_a_folder_lacks_is_named(theirs: Path, missing: str, message: str) -> None:
    (theirs / missing).unlink()
    with pytest.raises(InputError) as caught:
        open_model(theirs)
    assert str(caught.value).startswith(f"{theirs}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{broken", "cannot be read"),
        ("config.json", json.dumps({"model_type": "llama"}), "model_type is 'llama'"),
        ("config.json", json.dumps({"hidden_size": 3}), "vocab_size must be a whole number"),
        ("tokenizer.json", "{}", "cannot be read as a tokenizer"),
    ],
)
def test_what_cannot_be_used_is_named(theirs: Path, name: str, content: str, message: str) -> None:
    (theirs / name).write_text(content)
    with pytest.raises(InputError, match=message):
        open_model(theirs)


def test_damaged_weights_are_named_when_they_are_read(theirs: Path) -> None:
    (theirs / "model.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match=r"model\.safetensors: damaged"):
        open_model(theirs).load_model("cpu")


def test_what_is_no_folder_is_named(tmp_path: Path, ours: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_model(tmp_path / "nowhere")
    shutil.copy(ours / "config.json", tmp_path / "samples.jsonl")
    with pytest.raises(InputError, match="completions to score go after --samples"):
        open_model(tmp_path / "samples.jsonl")
