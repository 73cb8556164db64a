import pytest
import torch
from tokenizers import Tokenizer

from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.tokens.tokenizer import train_bpe

TEXTS = [
    "def total(numbers):\n    result = 0\n    for number in numbers:\n        result += number\n    return result\n",
    "def first_words(text, count):\n    words = text.split()\n    return ' '.join(words[:count])\n",
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n",
] * 4


def tiny_config(**changes: object) -> ModelConfig:
    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 100,
        "max_position_embeddings": 200,
        "rotary_dims": 8,
        "attention_dropout": 0.0,
        "resid_pdrop": 0.0,
    }
    return ModelConfig.model_validate(shape | changes)


NANO_CONFIG = tiny_config(
    hidden_size=256,
    num_hidden_layers=5,
    num_attention_heads=8,
    intermediate_size=1024,
    max_position_embeddings=512,
    rotary_dims=32,
)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Shapes are so small that a second thread only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@torch.no_grad()
def random_model(config: ModelConfig, vocab_size: int = 97, seed: int = 0) -> Phi:
    """Random weights everywhere, norms and biases too, and large enough for logits that differ."""
    model = Phi(config, vocab_size, seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            parameter.mul_(5)
        else:
            start = 1.0 if "norm_weight" in name else 0.0
            parameter.copy_(start + 0.1 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    trained = train_bpe(TEXTS, 330)
    trained.encode_special_tokens = True
    return trained
