import pytest
import torch

from hornbook.model.attention import causal_attention, rotary_tables, rotate
from hornbook.model.phi import Block, Phi, flops_per_token, num_parameters
from tests.model.conftest import NANO_CONFIG, random_model, tiny_config


@pytest.mark.parametrize("config", [tiny_config(), tiny_config(tie_word_embeddings=True), NANO_CONFIG])
def test_num_parameters_counts_what_the_model_has(config):
    assert num_parameters(config, 97) == sum(parameter.numel() for parameter in Phi(config, 97).parameters())


def test_phi_1_has_the_papers_size():
    config = tiny_config(
        hidden_size=2048, num_hidden_layers=24, num_attention_heads=32, intermediate_size=8192, rotary_dims=32
    )
    assert num_parameters(config, 51_200) == pytest.approx(1.3e9, rel=0.1)


def test_flops_are_six_per_weight_and_attention():
    config = tiny_config()
    weights = (
        sum(parameter.numel() for name, parameter in Phi(config, 97).named_parameters() if parameter.ndim == 2)
        - 97 * 48
    )
    assert flops_per_token(config, 97, 64) == 6 * weights + 12 * 2 * 48 * 64


def test_the_seed_gives_the_weights():
    first, same, other = (Phi(tiny_config(), 97, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["embed_tokens"], other["embed_tokens"])


@pytest.mark.parametrize("length", [5, 128, 150])
def test_later_tokens_do_not_change_earlier_logits(length):
    model = random_model(tiny_config())
    tokens = torch.randint(97, (2, 180))
    changed = tokens.clone()
    changed[:, length:] = torch.randint(97, (2, 180 - length))
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.allclose(before[:, :length], after[:, :length], atol=1e-5)
    assert not torch.allclose(before[:, length:], after[:, length:], atol=1e-2)


def test_rotation_depends_on_distance_alone_and_leaves_the_rest_of_the_head():
    config = tiny_config()
    cos, sin = rotary_tables(config)
    query, key = torch.randn(2, 16)
    same_everywhere = torch.stack((query, key)).expand(1, 200, 2, 16).unsqueeze(3)
    turned = rotate(same_everywhere, cos, sin, config.rotary_dims).squeeze(3)[0]
    scores = turned[:, 0] @ turned[:, 1].T
    for distance in (0, 3, 50):
        diagonal = scores.diagonal(-distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal), atol=1e-4)
    assert scores[60, 0] != pytest.approx(float(scores[3, 0]), abs=1e-3)
    assert torch.allclose(turned[7, 0, 8:], query[8:] * 16**-0.5)
    assert torch.allclose(turned[7, 1].norm(), key.norm())


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("length", [1, 7, 128, 129, 200])
def test_own_attention_and_its_gradient_agree_with_autograd(length, batch):
    config = tiny_config()
    cos, sin = (table[:length].double() for table in rotary_tables(config))
    results = []
    for by_autograd in (False, True):
        torch.manual_seed(0)
        qkv = torch.randn(batch, length, 3 * 48, dtype=torch.float64, requires_grad=True)
        before = qkv.detach().clone()
        out = causal_attention(qkv, cos, sin, config, 0.0, by_autograd)
        (gradient,) = torch.autograd.grad(out, qkv, torch.randn(out.shape, dtype=torch.float64))
        assert torch.equal(qkv, before)
        results.append((out, gradient))
    (own, own_gradient), (plain, plain_gradient) = results
    # The plain path takes its softmax in fp32.
    assert torch.allclose(own, plain, atol=1e-5)
    assert torch.allclose(own_gradient, plain_gradient, atol=1e-5)


def test_dropout_acts_in_training_alone():
    model = random_model(tiny_config(attention_dropout=0.5, resid_pdrop=0.5))
    tokens = torch.randint(97, (1, 20))
    with torch.no_grad():
        evaluated = model(tokens)
        assert torch.equal(evaluated, model(tokens))
        model.train()
        assert not torch.allclose(evaluated, model(tokens))


def test_bf16_products_stay_near_fp32_and_gradients_are_fp32():
    model = random_model(tiny_config())
    tokens = torch.randint(97, (2, 50))
    exact = model(tokens)
    model.compute_dtype = torch.bfloat16
    rounded = model(tokens)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).norm() / exact.norm() < 0.03
    rounded.float().sum().backward()
    assert {parameter.grad.dtype for parameter in model.parameters() if parameter.grad is not None} == {torch.float32}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch.compile uses what torch itself deprecates
def test_compiled_blocks_agree_with_eager():
    model = random_model(tiny_config())
    tokens = torch.randint(97, (2, 50))
    eager = model(tokens)
    model.compile_blocks()
    assert torch.allclose(model(tokens), eager, atol=1e-4)
    model.run_eagerly()
    assert model.run_block is Block.compute
