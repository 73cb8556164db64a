"""A tokenized corpus made of counting sequences, written as `hornbook.tokens.packing` writes its own."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import BPE

from hornbook.recipe import ModelConfig, TrainConfig
from hornbook.tokens.packing import TokenizedCorpus

VOCAB_SIZE = 64
TINY_MODEL = ModelConfig(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=64,
    rotary_dims=8,
    attention_dropout=0.1,
    resid_pdrop=0.1,
)


def tiny_training(**changes: object) -> TrainConfig:
    fields = {
        "steps": 12,
        "batch_size": 4,
        "sequence_length": 32,
        "optimizer": "muon",
        "learning_rate": 3e-3,
        "warmup_steps": 2,
        "precision": "fp32",
        "checkpoint_every": 3,
        "validate_every": 5,
        "validation_sequences": 6,
    }
    return TrainConfig.model_validate(fields | changes)


def counting_documents(count: int, seed: int) -> list[list[int]]:
    """Documents that count up by 1, 2 or 3 from somewhere; token 0 ends each."""
    random = np.random.default_rng(seed)
    documents = []
    for _ in range(count):
        length, start, stride = random.integers(5, 30), random.integers(0, 60), random.integers(1, 4)
        documents.append([int(1 + (start + stride * place) % (VOCAB_SIZE - 1)) for place in range(length)] + [0])
    return documents


def write_corpus(folder: Path, sources: dict[str, list[list[int]]], prompt_tokens: int = 2) -> TokenizedCorpus:
    folder.mkdir(parents=True, exist_ok=True)
    for source, documents in sources.items():
        for split, members in (("train", documents), ("valid", documents[:8])):
            ends = np.cumsum([0] + [len(document) for document in members])
            name = f"{source}.{split}"
            np.save(
                folder / f"{name}.tokens.npy",
                np.array([token for document in members for token in document], dtype=np.uint16),
            )
            np.save(folder / f"{name}.documents.npy", ends.astype(np.int64))
            np.save(folder / f"{name}.loss_starts.npy", (ends[:-1] + prompt_tokens).astype(np.int64))
    vocabulary = {"<|endoftext|>": 0} | {f"w{number}": number for number in range(1, VOCAB_SIZE)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return TokenizedCorpus(folder)
