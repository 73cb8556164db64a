"""A random Qwen2 chat model that fits into a test, as a folder."""

from pathlib import Path
from typing import Any

import torch

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 96
WORDS = ("adds", "assistant", "brief", "function", "list", "numbers", "system", "user", "words", "write", "\n")


def tiny_model(**changes: Any) -> Any:
    """In fp32, with weights so large that its tokens differ, the same on every call."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    values: dict[str, Any] = {
        "vocab_size": 60,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.3,
        "eos_token_id": 2,
        "bos_token_id": None,
        "pad_token_id": None,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Qwen2ForCausalLM(Qwen2Config(**(values | changes))).eval()
    # Replies end now and then, and are seldom empty.
    with torch.no_grad():
        model.lm_head.weight[2] *= 0.7
    return model


def tiny_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> Any:
    """Words and single letters; `<|im_end|>`, which ends a reply, is token 2."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789 ")
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*specials, *WORDS, *letters]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|\s"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", additional_special_tokens=["<|im_start|>"]
    )
    fast.chat_template = chat_template
    return fast


def write_folder(folder: Path, chat_template: str | None = CHAT_TEMPLATE, **changes: Any) -> Path:
    tokenizer = tiny_tokenizer(chat_template)
    tiny_model(vocab_size=len(tokenizer), **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
