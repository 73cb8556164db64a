"""Bad input to the model, training and generation: one line that names the field and both values, and exit code 2."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hornbook.errors import HornbookError, InputError, TrainingError
from hornbook.model.artifact import ModelArtifact, load_model, save_model
from hornbook.model.convert import export_hugging_face, load_hugging_face
from hornbook.model.generate import GenerationConfig, generate
from hornbook.model.phi import Phi
from hornbook.run.machine import Machine
from hornbook.tokens.tokenizer import train_bpe
from hornbook.train.checkpoint import Checkpoint, pack_state, unpack_state
from hornbook.train.loop import train
from tests.command import called
from tests.model.conftest import tiny_config
from tests.train.corpus import TINY_MODEL, VOCAB_SIZE, counting_documents, tiny_training, write_corpus

VOCABULARY = 268

PROBLEM = {
    "task_id": "x/0",
    "prompt": 'def one():\n    """One."""\n',
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def check_message(error: str, *parts: str) -> None:
    """One line, with all of the parts."""
    assert len(error.strip().splitlines()) == 1, error
    for part in parts:
        assert part in error


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("model.hiden_size=64", ["no field 'model.hiden_size'", "Did you mean 'model.hidden_size'?"]),
        ("model.num_attention_heads=5", ["hidden_size 192", "num_attention_heads 5"]),
        ("model.rotary_dims=34", ["rotary_dims 34", "head size 32", "hidden_size 192"]),
        ("model.rotary_dims=7", ["rotary_dims 7 must be even"]),
        ("model.num_hidden_layers=0", ["model.num_hidden_layers", "greater than 0", "(got 0)"]),
        ("small_model.hidden_size=wide", ["small_model.hidden_size", "valid integer", "(got 'wide')"]),
        ("pretrain.sequence_length=513", ["pretrain.sequence_length 513", "model.max_position_embeddings 512"]),
        ("pretrain.warmup_steps=9999", ["warmup_steps 9999 must be less than steps 2250"]),
        ("pretrain.precision=int4", ["pretrain.precision", "'bf16'", "(got 'int4')"]),
        ("tokenizer.path=nowhere", ["nowhere/tokenizer.json: no such file"]),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_a_setting_that_does_not_fit(verb, setting, parts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, error = called(monkeypatch, capsys, verb, "nano", "--set", setting)
    assert code == 2
    check_message(error, *parts)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_with_a_key_that_is_not_known(tmp_path, monkeypatch, capsys):
    path = tmp_path / "mine.toml"
    path.write_text('extends = "nano"\n[pretrain]\nlearning_rat = 0.1\n')
    code, _, error = called(monkeypatch, capsys, "run", str(path))
    assert code == 2
    check_message(error, "mine.toml", "unknown field 'pretrain.learning_rat'", "Did you mean 'pretrain.learning_rate'?")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The same tiny model in hornbook's layout and in Hugging Face's, and a file of problems."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = train_bpe(["def one():\n    return 1\n"] * 3, VOCABULARY)
    assert tokenizer.get_vocab_size() == VOCABULARY
    tokenizer.save(str(folder / "made.json"))
    (folder / "ours").mkdir()
    save_model(folder / "ours", Phi(tiny_config(), tokenizer.get_vocab_size()), 0, folder / "made.json")
    (folder / "theirs").mkdir()
    export_hugging_face(ModelArtifact(folder / "ours"), folder / "theirs")
    (folder / "problems.jsonl").write_text(json.dumps(PROBLEM) + "\n")
    return folder


def change_config(folder, **changes):
    path = folder / "config.json"
    fields = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in fields.items() if value is not ...}))


def change_tensor(folder, name, tensor):
    path = folder / "model.safetensors"
    tensors = load_file(path) | {name: tensor}
    save_file({key: value for key, value in tensors.items() if value is not None}, path)


def cut_short(folder, name="model.safetensors", share=0.5):
    path = folder / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


FOLDERS = {  # the layout, what is done to the folder, and what the message must have
    "unknown key": ("ours", lambda f: change_config(f, hiden_size=64), ["config.json", "'hiden_size'", "64"]),
    "missing key": ("ours", lambda f: change_config(f, hidden_size=...), ["config.json", "'hidden_size' is missing"]),
    "heads": ("ours", lambda f: change_config(f, num_attention_heads=5), ["hidden_size 48", "num_attention_heads 5"]),
    "rotary size": ("ours", lambda f: change_config(f, rotary_dims=18), ["rotary_dims 18", "head size 16"]),
    "wrong type": ("ours", lambda f: change_config(f, hidden_size="wide"), ["hidden_size", "integer", "'wide'"]),
    "vocabulary": ("ours", lambda f: change_config(f, vocab_size="300"), ["vocab_size", "'300'"]),
    "no vocabulary": ("ours", lambda f: change_config(f, vocab_size=...), ["vocab_size", "None"]),
    "end of text": ("ours", lambda f: change_config(f, eos_token_id=-1), ["eos_token_id", "-1"]),
    "no JSON": ("ours", lambda f: (f / "config.json").write_text("{"), ["config.json: cannot be read"]),
    "a list": ("ours", lambda f: (f / "config.json").write_text("[]"), ["config.json: must hold a JSON object"]),
    "no tokenizer": ("ours", lambda f: (f / "tokenizer.json").unlink(), ["no tokenizer.json"]),
    "tokenizer cut short": ("ours", lambda f: cut_short(f, "tokenizer.json"), ["tokenizer.json", "cannot be read"]),
    "no weights": ("ours", lambda f: (f / "model.safetensors").unlink(), ["no weights"]),
    "other architecture": (
        "theirs",
        lambda f: change_config(f, model_type="llama"),
        ["model_type is 'llama'", "'phi'"],
    ),
    "their heads": (
        "theirs",
        lambda f: change_config(f, num_attention_heads=5, num_key_value_heads=5),
        ["hidden_size 48", "num_attention_heads 5"],
    ),
    "no heads": ("theirs", lambda f: change_config(f, num_attention_heads=0), ["num_attention_heads", "not 0"]),
    "their rotary share": (
        "theirs",
        lambda f: change_config(f, rope_parameters={"rope_theta": 1e4, "partial_rotary_factor": 1.5}),
        ["partial_rotary_factor", "at most 1, not 1.5"],
    ),
    "their odd rotary size": (
        "theirs",
        lambda f: change_config(f, rope_parameters={"rope_theta": 1e4, "partial_rotary_factor": 0.2}),
        ["rotary_dims 3 must be even", "head size 16"],
    ),
}
WEIGHTS = {  # the same for what is found when the weights are read
    "shape": (
        "ours",
        lambda f: change_config(f, intermediate_size=120),
        ["'blocks.0.fc1_weight'", "(100, 48)", "(120, 48)"],
    ),
    "cut short": ("ours", cut_short, ["model.safetensors: damaged or cut short"]),
    "empty file": ("ours", lambda f: cut_short(f, share=0), ["model.safetensors: damaged or cut short"]),
    "missing tensor": ("ours", lambda f: change_tensor(f, "lm_head_bias", None), ["'lm_head_bias' is missing"]),
    "unknown tensor": ("ours", lambda f: change_tensor(f, "extra", torch.ones(1)), ["'extra' is not one of"]),
    "their shape": (
        "theirs",
        lambda f: change_tensor(f, "model.layers.1.mlp.fc2.bias", torch.ones(7)),
        ["'blocks.1.fc2_bias'", "(7,)", "(48,)"],
    ),
    "their vocabulary": ("theirs", lambda f: change_config(f, vocab_size=260), [f"({VOCABULARY}, 48)", "(260, 48)"]),
    "their cut short": ("theirs", cut_short, ["model.safetensors: damaged or cut short"]),
    "their index": (
        "theirs",
        lambda f: (f / "model.safetensors.index.json").write_text("{"),
        ["model.safetensors.index.json: cannot be read as JSON"],
    ),
    "their index without a map": (
        "theirs",
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": [1]}'),
        ["weight_map must name a file for each tensor", "[1]"],
    ),
    "their missing shard": (
        "theirs",
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"x": "part-2.safetensors"}}'),
        ["part-2.safetensors: no such file"],
    ),
}


@pytest.fixture
def damaged(models, tmp_path):
    """Copies a model's folder and damages it."""

    def damage(layout, change):
        folder = tmp_path / "model"
        shutil.copytree(models / layout, folder)
        change(folder)
        return folder

    return damage


@pytest.mark.parametrize("case", FOLDERS)
def test_a_models_folder_that_cannot_be_used(case, models, damaged, tmp_path, monkeypatch, capsys):
    layout, change, parts = FOLDERS[case]
    folder = damaged(layout, change)
    target = ["--problems", str(models / "problems.jsonl"), "--out", str(tmp_path / "scores")]
    code, _, error = called(monkeypatch, capsys, "evaluate", str(folder), *target)
    assert code == 2
    check_message(error, str(folder), *parts)
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_do_not_fit(case, damaged):
    layout, change, parts = WEIGHTS[case]
    folder = damaged(layout, change)
    with pytest.raises(InputError) as caught:
        load_model(folder) if layout == "ours" else load_hugging_face(folder)
    check_message(str(caught.value), str(folder), *parts)


def test_weights_that_do_not_fit_end_the_command_with_2(models, damaged, tmp_path, monkeypatch, capsys):
    layout, change, parts = WEIGHTS["shape"]
    folder = damaged(layout, change)
    target = ["--problems", str(models / "problems.jsonl"), "--out", str(tmp_path / "scores"), "--device", "cpu"]
    code, _, error = called(monkeypatch, capsys, "evaluate", str(folder), *target, "--sandbox", "rlimits")
    assert code == 2
    check_message(error.strip().splitlines()[-1], *parts)
    assert "Traceback" not in error


def test_a_prompt_with_tokens_that_the_model_does_not_have(models, damaged):
    def shrink(folder):
        change_config(folder, vocab_size=260)
        for name in ("embed_tokens", "lm_head_weight", "lm_head_bias"):
            change_tensor(folder, name, load_file(folder / "model.safetensors")[name][:260].clone())

    model = ModelArtifact(damaged("ours", shrink))
    last = VOCABULARY - 1
    with pytest.raises(InputError) as caught:
        generate(model.load_model("cpu"), model.tokenizer(), [model.tokenizer().decode([last])], GenerationConfig(4))
    check_message(str(caught.value), "prompt 0", f"token {last}", "vocabulary of 260")


def damage_tokens(folder, name, data):
    path = folder / name
    path.unlink()
    np.save(path, data) if isinstance(data, np.ndarray) else path.write_bytes(data)


TRAINING = {  # what is done to the tokens, and what the message must have
    "largest token": (
        lambda f: damage_tokens(f, "code.train.tokens.npy", np.full(100, 70, dtype=np.uint16)),
        ["source 'code'", "token 70", f"vocabulary is {VOCAB_SIZE}"],
    ),
    "no tokens": (
        lambda f: damage_tokens(f, "code.train.tokens.npy", np.zeros(0, dtype=np.uint16)),
        ["no tokens to train on"],
    ),
    "an empty file": (lambda f: damage_tokens(f, "code.train.tokens.npy", b""), ["code.train.tokens.npy", "empty"]),
    "a file cut short": (
        lambda f: damage_tokens(f, "code.train.tokens.npy", (f / "code.valid.tokens.npy").read_bytes()[:140]),
        ["code.train.tokens.npy", "cut short"],
    ),
    "no such source": (lambda f: None, ["mixture", "'cod'", "there are code"]),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), ["tokenizer.json: no such file"]),
}


@pytest.mark.parametrize("case", TRAINING)
def test_tokens_that_cannot_be_trained_on(case, tmp_path):
    change, parts = TRAINING[case]
    tokens = write_corpus(tmp_path / "corpus", {"code": counting_documents(60, 1)})
    change(tokens.folder)
    mixture = {"cod": 1.0} if case == "no such source" else {}
    (tmp_path / "out").mkdir()
    model = Phi(TINY_MODEL, VOCAB_SIZE)
    with pytest.raises(HornbookError) as caught:
        train("pretrain", model, tokens, tiny_training(mixture=mixture), tmp_path / "out", Machine("cpu", workers=1))
    check_message(str(caught.value), *parts)


def test_a_checkpoint_whose_shapes_differ():
    stored = pack_state(Phi(TINY_MODEL, VOCAB_SIZE), [])
    other = Phi(TINY_MODEL.model_copy(update={"intermediate_size": 48}), VOCAB_SIZE)
    with pytest.raises(TrainingError) as caught:
        unpack_state(Checkpoint(7, stored, {}), other, [])
    check_message(str(caught.value), "step 7", "'blocks.0.fc1_weight'", "(64, 32)", "(48, 32)")


def test_a_checkpoint_of_another_shape_names_the_field(tmp_path):
    tokens = write_corpus(tmp_path / "corpus", {"code": counting_documents(60, 1)})
    (tmp_path / "out").mkdir()
    machine = Machine("cpu", workers=1)
    train("pretrain", Phi(TINY_MODEL, VOCAB_SIZE), tokens, tiny_training(), tmp_path / "out", machine)
    other = Phi(TINY_MODEL.model_copy(update={"intermediate_size": 48}), VOCAB_SIZE)
    with pytest.raises(TrainingError) as caught:
        train("pretrain", other, tokens, tiny_training(), tmp_path / "out", machine)
    check_message(str(caught.value), "model.intermediate_size is 64 there and 48 here")
