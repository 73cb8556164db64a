"""Random models that fit into a test, as folders: CodeGen's layout and hornbook's."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from hornbook.model.artifact import save_model
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.tokens.tokenizer import train_bpe

CONTEXT = 48
TEXTS = [
    "def total(numbers):\n    result = 0\n    for number in numbers:\n        result += number\n    return result\n",
    "x = 1\n",
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n" * 6,
    "import os\n",
    "print('a long line ' * 3)\n" * 9,
]


def tokenizer() -> Tokenizer:
    return train_bpe(TEXTS * 4, 300)


def codegen(class_name: str = "CodeGenForCausalLM") -> Any:
    """The same on every call, with weights so large that files differ."""
    import transformers

    config = transformers.CodeGenConfig(
        vocab_size=300,
        n_positions=CONTEXT,
        n_ctx=CONTEXT,
        n_embd=32,
        n_layer=2,
        n_head=4,
        rotary_dim=4,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return getattr(transformers, class_name)(config).eval()


def write_codegen(folder: Path, class_name: str = "CodeGenForCausalLM") -> Path:
    from transformers import PreTrainedTokenizerFast

    codegen(class_name).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer(), eos_token="<|endoftext|>").save_pretrained(folder)
    return folder


def write_bert(folder: Path, most_tokens: int) -> Path:
    """A model that looks both ways, so that padding without a mask would show."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=300,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=CONTEXT,
            initializer_range=0.3,
        )
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer(), model_max_length=most_tokens)
    fast.save_pretrained(folder)
    return folder


def write_checkpoint(folder: Path, name: str = "model") -> Path:
    config = ModelConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=CONTEXT,
        rotary_dims=4,
        initializer_range=0.3,
    )
    place = folder / name
    place.mkdir()
    trained = tokenizer()
    trained.save(str(folder / "tokenizer.json"))
    save_model(place, Phi(config, 300), trained.token_to_id("<|endoftext|>"), folder / "tokenizer.json")
    return place
