"""To and from the layout of Hugging Face's `PhiForCausalLM` (microsoft/phi-1, phi-1.5 and phi-2).

The vocabulary is not padded on the way: Hugging Face's embedding has as many rows as hornbook's.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from hornbook.errors import InputError
from hornbook.model.artifact import (
    CONFIG,
    END_OF_TEXT,
    TOKENIZER,
    WEIGHTS,
    ModelArtifact,
    ModelDescription,
    check_model_config,
    load_tokenizer,
    load_weights,
    read_json_object,
    read_tensors,
    save_model,
    whole_number,
)
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig

INDEX = "model.safetensors.index.json"

# hornbook's tensor, and the ones of Hugging Face that it stacks on rows; {} is the number of the layer.
OUTER_TABLE: dict[str, tuple[str, ...]] = {
    "embed_tokens": ("model.embed_tokens.weight",),
    "final_norm_weight": ("model.final_layernorm.weight",),
    "final_norm_bias": ("model.final_layernorm.bias",),
    "lm_head_weight": ("lm_head.weight",),
    "lm_head_bias": ("lm_head.bias",),
}
BLOCK_TABLE: dict[str, tuple[str, ...]] = {
    "norm_weight": ("input_layernorm.weight",),
    "norm_bias": ("input_layernorm.bias",),
    "qkv_weight": ("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
    "qkv_bias": ("self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"),
    "dense_weight": ("self_attn.dense.weight",),
    "dense_bias": ("self_attn.dense.bias",),
    "fc1_weight": ("mlp.fc1.weight",),
    "fc1_bias": ("mlp.fc1.bias",),
    "fc2_weight": ("mlp.fc2.weight",),
    "fc2_bias": ("mlp.fc2.bias",),
}


def export_hugging_face(model: ModelArtifact, out: Path) -> None:
    """Writes a folder that `AutoModelForCausalLM` and `AutoTokenizer` load with `from_pretrained`."""
    description, tokenizer = model.description(), model.tokenizer()
    tensors = to_hugging_face(read_tensors(model.folder / WEIGHTS), description.config)
    save_file(tensors, out / WEIGHTS, metadata={"format": "pt"})
    ids = {"bos_token_id": description.eos_token_id, "eos_token_id": description.eos_token_id}
    _write_json(out / "config.json", hugging_face_config(description) | ids)
    _write_json(out / "generation_config.json", ids)
    shutil.copyfile(model.folder / TOKENIZER, out / TOKENIZER)
    end_of_text = tokenizer.id_to_token(description.eos_token_id)
    special = {"bos_token": end_of_text, "eos_token": end_of_text, "unk_token": end_of_text}
    about_tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": description.config.max_position_embeddings,
        "clean_up_tokenization_spaces": False,
    }
    _write_json(out / "tokenizer_config.json", about_tokenizer | special)
    _write_json(out / "special_tokens_map.json", special)


def import_hugging_face(folder: Path, out: Path) -> ModelArtifact:
    """A model in Hugging Face's layout as one of hornbook's, in fp32. Raises InputError where it is no such model."""
    model, description = load_hugging_face(folder)
    tokenizer = folder / TOKENIZER
    save_model(out, model, description.eos_token_id, tokenizer if tokenizer.is_file() else None)
    return ModelArtifact(out)


def load_hugging_face(folder: Path) -> tuple[Phi, ModelDescription]:
    """A model in Hugging Face's layout, in fp32 and on the CPU. Raises InputError where it is no such model."""
    description = read_hugging_face_config(folder)
    model = Phi(description.config, description.vocab_size)
    load_weights(model, from_hugging_face(_read_shards(folder), description.config, folder), folder)
    return model.eval(), description


def to_hugging_face(tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """The tensors of hornbook under Hugging Face's names; stacked ones are split."""
    converted = {}
    for ours, theirs in _table(config):
        parts = torch.chunk(tensors[ours], len(theirs))
        converted.update({name: part.clone() for name, part in zip(theirs, parts, strict=True)})
    return converted


def from_hugging_face(tensors: Mapping[str, Tensor], config: ModelConfig, source: Path) -> dict[str, Tensor]:
    """Hugging Face's tensors under hornbook's names, in fp32. Raises InputError where one is missing."""
    converted = {}
    for ours, theirs in _table(config):
        missing = [name for name in theirs if name not in tensors]
        if missing:
            raise InputError(f"{source}: tensor {missing[0]!r} is missing; is this a PhiForCausalLM?")
        converted[ours] = torch.cat([tensors[name].float() for name in theirs])
    return converted


def _table(config: ModelConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    for ours, theirs in OUTER_TABLE.items():
        if not (config.tie_word_embeddings and ours == "lm_head_weight"):
            yield ours, theirs
    for layer in range(config.num_hidden_layers):
        for ours, theirs in BLOCK_TABLE.items():
            yield f"blocks.{layer}.{ours}", tuple(f"model.layers.{layer}.{name}" for name in theirs)


def hugging_face_config(description: ModelDescription) -> dict[str, Any]:
    """The `config.json` of `PhiForCausalLM`, for transformers 4 (top level) and 5 (`rope_parameters`)."""
    config = description.config
    rope = {"rope_theta": config.rope_theta, "partial_rotary_factor": partial_rotary_factor(config)}
    shared = config.model_dump(exclude={"rotary_dims", "rope_theta"})
    return {
        "architectures": ["PhiForCausalLM"],
        "model_type": "phi",
        "vocab_size": description.vocab_size,
        "num_key_value_heads": config.num_attention_heads,
        "hidden_act": "gelu_new",
        "embd_pdrop": 0.0,
        "qk_layernorm": False,
        "torch_dtype": "float32",
        "use_cache": True,
        "rope_parameters": {"rope_type": "default", **rope},
        **rope,
        **shared,
    }


def partial_rotary_factor(config: ModelConfig) -> float:
    """rotary_dims / head size, such that Hugging Face's `int(head_size * factor)` gives rotary_dims again."""
    factor = config.rotary_dims / config.head_size
    while int(config.head_size * factor) < config.rotary_dims:
        factor = math.nextafter(factor, math.inf)
    return factor


def read_hugging_face_config(folder: Path) -> ModelDescription:
    """Architecture and vocabulary from `config.json`. Raises InputError for what hornbook's model does not have."""
    path = folder / CONFIG
    if not path.is_file():
        raise InputError(f"{path}: no such file; the folder must be in the layout of microsoft/phi-1")
    found = read_json_object(path)
    _check_supported(path, found, model_type=("phi",))
    rope = {"rope_theta": 10_000.0, "partial_rotary_factor": 0.5, "rope_type": "default"}
    rope |= {name: found[name] for name in ("rope_theta", "partial_rotary_factor") if name in found}
    rope |= found.get("rope_parameters") or {}
    heads = whole_number(found, "num_attention_heads", path, least=1)
    head_size = whole_number(found, "hidden_size", path, least=1) // heads
    _check_supported(
        path,
        {"hidden_act": "gelu_new", "qk_layernorm": False} | found | {"rope_type": rope["rope_type"]},
        num_key_value_heads=(None, heads),
        hidden_act=("gelu_new", "gelu_pytorch_tanh"),
        qk_layernorm=(False,),
        rope_scaling=(None,),
        rope_type=("default",),
    )
    fields = {name: found[name] for name in ModelConfig.model_fields if name in found and name != "rotary_dims"}
    factor = rope["partial_rotary_factor"]
    if not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise InputError(f"{path}: partial_rotary_factor must be above 0 and at most 1, not {factor!r}")
    rotary = {"rotary_dims": int(head_size * factor), "rope_theta": rope["rope_theta"]}
    config = check_model_config(fields | rotary, path)
    return ModelDescription(config, whole_number(found, "vocab_size", path, least=1), _end_of_text(folder, found))


def _check_supported(path: Path, found: Mapping[str, Any], **supported: tuple[Any, ...]) -> None:
    for name, values in supported.items():
        if found.get(name) not in values:
            raise InputError(f"{path}: {name} is {found.get(name)!r}, but hornbook's model has {values[-1]!r} only")


def _end_of_text(folder: Path, config: Mapping[str, Any]) -> int:
    """The id of the end of text: the tokenizer's `<|endoftext|>`, else what the configuration says."""
    if (folder / TOKENIZER).is_file():
        token_id = load_tokenizer(folder / TOKENIZER).token_to_id(END_OF_TEXT)
        if token_id is not None:
            return int(token_id)
    stated = config.get("eos_token_id")
    if isinstance(stated, int):
        return stated
    raise InputError(f"{folder}: neither {TOKENIZER} nor config.json says which token ends a text")


def _read_shards(folder: Path) -> dict[str, Tensor]:
    index = folder / INDEX
    if not index.is_file():
        return read_tensors(folder / WEIGHTS)
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise InputError(f"{index}: weight_map must name a file for each tensor, not {str(weight_map)[:100]}")
    tensors: dict[str, Tensor] = {}
    for shard in sorted({*weight_map.values()}):
        tensors |= read_tensors(folder / shard)
    return tensors


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
