"""The model on a CUDA device; run with -m gpu."""

import pytest
import torch

from hornbook.model import decoder
from hornbook.model.generate import GenerationConfig, generate
from tests.model.conftest import NANO_CONFIG, random_model, tiny_config

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("config", [tiny_config(), NANO_CONFIG], ids=["tiny", "nano"])
def test_logits_are_those_of_a_cpu(config):
    model = random_model(config)
    tokens = torch.randint(97, (3, 150), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(tokens)
        found = model.to("cuda")(tokens.to("cuda")).cpu()
        model.compute_dtype = torch.bfloat16
        rounded = model(tokens.to("cuda")).float().cpu()
    assert (found - expected).norm() < 1e-5 * expected.norm()
    assert (rounded - expected).norm() < 0.05 * expected.norm()


def test_generation_is_that_of_a_cpu(tokenizer, monkeypatch):
    monkeypatch.setattr(decoder, "decoding_dtype", lambda model: torch.float32)
    monkeypatch.setattr("hornbook.model.generate.decoding_dtype", lambda model: torch.float32)
    model = random_model(tiny_config(), tokenizer.get_vocab_size())
    prompts = [f"def f{number}(x, y):\n    '''{'word ' * number}'''" for number in range(20)]
    for temperature in (0.0, 0.8):
        settings = GenerationConfig(
            max_new_tokens=40, temperature=temperature, batch_size=7, stop_at_function_end=False
        )
        expected = generate(model.cpu(), tokenizer, prompts, settings)
        assert generate(model.cuda(), tokenizer, prompts, settings) == expected
        assert len(set(expected)) > 5
