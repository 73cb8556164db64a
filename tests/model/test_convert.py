import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from hornbook.errors import InputError
from hornbook.model.artifact import ModelArtifact, ModelDescription, save_model
from hornbook.model.convert import (
    export_hugging_face,
    hugging_face_config,
    import_hugging_face,
    load_hugging_face,
    partial_rotary_factor,
    read_hugging_face_config,
)
from hornbook.model.decoder import Decoder
from hornbook.model.generate import GenerationConfig, generate
from hornbook.recipe import load_recipe
from tests.model.conftest import random_model, tiny_config

transformers = pytest.importorskip("transformers")

PHI_1_SMALL_LAYER = tiny_config(
    hidden_size=1024,
    num_hidden_layers=1,
    num_attention_heads=16,
    intermediate_size=4096,
    max_position_embeddings=2048,
    rotary_dims=32,
)
SHAPES = {
    "tiny": tiny_config(),
    "tied": tiny_config(tie_word_embeddings=True),
    "whole head": tiny_config(rotary_dims=16),
    "nano": load_recipe("nano").model,
}
THEIR_SHAPES = {  # fields of PhiConfig: phi-1 and phi-1.5 turn half of heads of 64, phi-2 two fifths of heads of 80
    "phi-1.5's heads": {"hidden_size": 256, "num_attention_heads": 4, "partial_rotary_factor": 0.5},
    "phi-2's heads": {"hidden_size": 240, "num_attention_heads": 3, "partial_rotary_factor": 0.4},
    "tied": {"hidden_size": 128, "num_attention_heads": 4, "tie_word_embeddings": True},
    "nano": {"hidden_size": 192, "num_attention_heads": 6, "num_hidden_layers": 4, "partial_rotary_factor": 1.0},
    "phi-1-small, one layer": {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 1},
}


@pytest.fixture
def saved(tmp_path, tokenizer):
    """Saves a random model of a shape as an artifact."""

    def save(config, vocab_size=None):
        folder = tmp_path / "ours"
        folder.mkdir()
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        model = random_model(config, vocab_size or tokenizer.get_vocab_size())
        save_model(folder, model, tokenizer.token_to_id("<|endoftext|>"), tmp_path / "tokenizer.json")
        return ModelArtifact(folder)

    return save


def hugging_face_twin(artifact, folder):
    folder.mkdir()
    export_hugging_face(artifact, folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.no_grad()
def their_model(fields, vocab_size, eos_token_id=0):
    """transformers' own PhiForCausalLM with random weights, norms and biases too."""
    shape = {"num_hidden_layers": 2, "intermediate_size": 4 * fields["hidden_size"], "max_position_embeddings": 256}
    ids = {"bos_token_id": eos_token_id, "eos_token_id": eos_token_id}
    config = transformers.PhiConfig(vocab_size=vocab_size, **ids, **(shape | fields))
    torch.manual_seed(0)
    model = transformers.PhiForCausalLM(config).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            parameter.normal_(0.0, 0.1 * (256 / config.hidden_size) ** 0.5)
        else:
            parameter.normal_(1.0 if "layernorm.weight" in name else 0.0, 0.1)
    return model


@torch.no_grad()
def assert_same_model(ours, theirs, num_tokens=180):
    """The same logits in fp32 to 1e-5 relative, and the same 64 tokens after each of three prompts."""
    tokens = torch.randint(ours.vocab_size, (2, num_tokens), generator=torch.Generator().manual_seed(1))
    our_logits, their_logits = ours(tokens), theirs(tokens).logits
    assert their_logits.std(dim=-1).mean() > 0.1
    assert (our_logits - their_logits).norm() / their_logits.norm() < 1e-5
    assert (our_logits - their_logits).abs().max() / their_logits.abs().max() < 1e-5
    theirs.generation_config.eos_token_id = None
    prompts = [tokens[0, :1].tolist(), tokens[0, :7].tolist(), tokens[1, :40].tolist()]
    decoder = Decoder(ours, len(prompts), 40 + 64, torch.float32)
    decoder.admit(prompts)
    rows = [list(prompt) for prompt in prompts]
    for _ in range(64):
        chosen = decoder.step([row[-1] for row in rows]).argmax(dim=-1).tolist()
        rows = [[*row, token] for row, token in zip(rows, chosen, strict=True)]
    for prompt, row in zip(prompts, rows, strict=True):
        written = theirs.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=64,
            do_sample=False,
            pad_token_id=0,
        )
        assert row == written[0].tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_what_hornbook_exports_is_the_same_model_in_transformers(shape, saved, tmp_path):
    artifact = saved(SHAPES[shape])
    assert_same_model(artifact.load_model("cpu"), hugging_face_twin(artifact, tmp_path / "theirs"))


@pytest.mark.parametrize("shape", THEIR_SHAPES)
def test_what_transformers_saves_is_the_same_model_in_hornbook(shape, tmp_path):
    theirs = their_model(THEIR_SHAPES[shape], 330)
    theirs.save_pretrained(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    ours = import_hugging_face(tmp_path / "theirs", tmp_path / "ours").load_model("cpu")
    assert ours.config.tie_word_embeddings == (shape == "tied")
    assert_same_model(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shard_size", ["1GB", "100KB"])
def test_half_precision_and_shards_come_in_as_they_are(dtype, shard_size, tmp_path):
    fields = {"hidden_size": 64, "num_attention_heads": 2}
    their_model(fields, 330).to(dtype).save_pretrained(tmp_path / "theirs", max_shard_size=shard_size)
    assert (len(list((tmp_path / "theirs").glob("*.safetensors"))) > 1) == (shard_size == "100KB")
    stored = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "theirs", dtype=torch.float32).eval()
    assert stored.model.embed_tokens.weight.to(dtype).float().equal(stored.model.embed_tokens.weight)
    ours, _ = load_hugging_face(tmp_path / "theirs")
    assert_same_model(ours, stored)


@pytest.mark.slow
def test_all_layers_of_phi_1_small_agree_in_both_directions(saved, tmp_path):
    artifact = saved(PHI_1_SMALL_LAYER.model_copy(update={"num_hidden_layers": 20}), 51_200)
    assert_same_model(artifact.load_model("cpu"), hugging_face_twin(artifact, tmp_path / "theirs"), num_tokens=64)
    fields = {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 20}
    theirs = their_model(fields, 51_200)
    theirs.save_pretrained(tmp_path / "saved")
    assert_same_model(load_hugging_face(tmp_path / "saved")[0], theirs, num_tokens=64)


@pytest.mark.parametrize("shape", THEIR_SHAPES)
def test_round_trip_of_transformers_tensors_returns_each_bit_for_bit(shape, tmp_path, tokenizer):
    theirs = their_model(THEIR_SHAPES[shape], tokenizer.get_vocab_size())
    theirs.save_pretrained(tmp_path / "theirs")
    tokenizer.save(str(tmp_path / "theirs" / "tokenizer.json"))
    for name in ("ours", "back"):
        (tmp_path / name).mkdir()
    export_hugging_face(import_hugging_face(tmp_path / "theirs", tmp_path / "ours"), tmp_path / "back")
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("theirs", "back"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    kept = transformers.PhiConfig.from_pretrained(tmp_path / "back")
    for field in ("hidden_size", "intermediate_size", "num_attention_heads", "tie_word_embeddings", "rope_parameters"):
        assert getattr(kept, field) == getattr(theirs.config, field), field


@pytest.mark.parametrize("shape", ["tiny", "tied", "nano"])
def test_round_trip_returns_every_tensor_bit_for_bit(shape, saved, tmp_path):
    artifact = saved(SHAPES[shape])
    hugging_face_twin(artifact, tmp_path / "theirs")
    (tmp_path / "back").mkdir()
    back = import_hugging_face(tmp_path / "theirs", tmp_path / "back")
    assert (back.folder / "model.safetensors").read_bytes() == (artifact.folder / "model.safetensors").read_bytes()
    assert back.description() == artifact.description()
    (tmp_path / "again").mkdir()
    export_hugging_face(back, tmp_path / "again")
    for file in sorted((tmp_path / "theirs").iterdir()):
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_what_transformers_saves_itself_is_imported(saved, tmp_path):
    artifact = saved(tiny_config())
    hugging_face_twin(artifact, tmp_path / "theirs").save_pretrained(tmp_path / "saved")
    (tmp_path / "back").mkdir()
    back = import_hugging_face(tmp_path / "saved", tmp_path / "back")
    ours, theirs = load_file(artifact.folder / "model.safetensors"), load_file(back.folder / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert back.description() == artifact.description()


def test_a_folder_that_does_not_say_what_ends_a_text_is_refused(saved, tmp_path):
    hugging_face_twin(saved(tiny_config()), tmp_path / "theirs")
    (tmp_path / "theirs" / "tokenizer.json").unlink()
    config = json.loads((tmp_path / "theirs" / "config.json").read_text())
    (tmp_path / "theirs" / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    with pytest.raises(InputError, match="which token ends a text"):
        import_hugging_face(tmp_path / "theirs", tmp_path)


def test_shards_are_imported(saved, tmp_path):
    artifact = saved(tiny_config())
    hugging_face_twin(artifact, tmp_path / "theirs")
    whole = tmp_path / "theirs" / "model.safetensors"
    tensors = load_file(whole)
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, members in shards.items():
        save_file({name: tensors[name].half() for name in members}, whole.parent / file)
    weight_map = {name: file for file, members in shards.items() for name in members}
    (whole.parent / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    whole.unlink()
    (tmp_path / "back").mkdir()
    back = import_hugging_face(tmp_path / "theirs", tmp_path / "back").load_model("cpu")
    expected = artifact.load_model("cpu").state_dict()
    assert all(torch.equal(tensor, expected[name].half().float()) for name, tensor in back.state_dict().items())


def test_greedy_generation_agrees_token_for_token(saved, tmp_path, tokenizer):
    artifact = saved(tiny_config())
    twin = hugging_face_twin(artifact, tmp_path / "theirs")
    auto = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    for prompt in ("def total(numbers):", "class Point:\n    def"):
        config = GenerationConfig(max_new_tokens=64, stop_at_function_end=False)
        ours = generate(artifact.load_model("cpu"), artifact.tokenizer(), [prompt], config)[0]
        inputs = auto(prompt, return_tensors="pt")
        generated = twin.generate(**inputs, max_new_tokens=64, do_sample=False, pad_token_id=0)[0]
        ids = generated[inputs["input_ids"].shape[1] :].tolist()
        end = artifact.description().eos_token_id
        ids = ids[: ids.index(end)] if end in ids else ids
        assert len(ids) > 1
        assert ours == tokenizer.decode(ids)


@pytest.mark.parametrize(("heads", "head_size", "rotary_dims"), [(2, 96, 32), (1, 80, 32), (3, 56, 14), (2, 100, 58)])
def test_partial_rotary_factor_gives_the_dims_back(heads, head_size, rotary_dims):
    config = tiny_config(hidden_size=heads * head_size, num_attention_heads=heads, rotary_dims=rotary_dims)
    assert int(head_size * partial_rotary_factor(config)) == rotary_dims


PHI_CONFIGS = {  # config.json of the published models, the fields that matter
    "microsoft/phi-1": ({"partial_rotary_factor": 0.5, "num_attention_heads": 32, "hidden_size": 2048}, 32),
    "microsoft/phi-1_5": ({"partial_rotary_factor": 0.5, "num_attention_heads": 32, "hidden_size": 2048}, 32),
    "microsoft/phi-2": ({"partial_rotary_factor": 0.4, "num_attention_heads": 32, "hidden_size": 2560}, 32),
}


@pytest.mark.parametrize("name", PHI_CONFIGS)
def test_published_configurations_are_read(name, tmp_path):
    fields, rotary_dims = PHI_CONFIGS[name]
    common = {
        "model_type": "phi",
        "vocab_size": 51200,
        "intermediate_size": 4 * fields["hidden_size"],
        "num_hidden_layers": 24,
        "num_key_value_heads": 32,
        "hidden_act": "gelu_new",
        "max_position_embeddings": 2048,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "qk_layernorm": False,
        "eos_token_id": 50256,
    }
    (tmp_path / "config.json").write_text(json.dumps(common | fields))
    description = read_hugging_face_config(tmp_path)
    assert description.config.rotary_dims == rotary_dims
    assert (description.vocab_size, description.eos_token_id) == (51200, 50256)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"num_key_value_heads": 1}, "num_key_value_heads is 1"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"qk_layernorm": True}, "qk_layernorm is True"),
        ({"rope_scaling": {"type": "linear"}}, "rope_scaling is"),
        ({"hidden_size": "wide"}, "hidden_size|wrong type"),
        ({"num_attention_heads": 5, "num_key_value_heads": 5}, "not a multiple"),
    ],
)
def test_other_architectures_are_refused(changes, message, tmp_path):
    found = hugging_face_config(ModelDescription(tiny_config(), 97, 0)) | {"eos_token_id": 0} | changes
    (tmp_path / "config.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match=message):
        read_hugging_face_config(tmp_path)


def test_a_missing_tensor_is_named(saved, tmp_path):
    hugging_face_twin(saved(tiny_config()), tmp_path / "theirs")
    tensors = load_file(tmp_path / "theirs" / "model.safetensors")
    del tensors["model.layers.1.mlp.fc1.bias"]
    save_file(tensors, tmp_path / "theirs" / "model.safetensors")
    (tmp_path / "back").mkdir()
    with pytest.raises(InputError, match=r"model\.layers\.1\.mlp\.fc1\.bias"):
        import_hugging_face(tmp_path / "theirs", tmp_path / "back")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"config\.json: no such file"):
        import_hugging_face(tmp_path, tmp_path)
