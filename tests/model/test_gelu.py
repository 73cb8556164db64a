import pytest
import torch
import torch.nn.functional as F

from hornbook.model import gelu as gelu_module
from hornbook.model.gelu import gelu


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-6), (torch.bfloat16, 8e-3)]
)
@pytest.mark.parametrize("chunk", [1 << 17, 100])
def test_own_gelu_and_its_gradient_are_pytorchs(dtype, tolerance, chunk, monkeypatch):
    monkeypatch.setattr(gelu_module, "CHUNK_ELEMENTS", chunk)
    u = torch.cat((torch.linspace(-12, 12, 961), torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4])))[None].to(dtype)
    own, plain = u.clone().requires_grad_(), u.double().requires_grad_()
    value, expected = gelu(own), F.gelu(plain, approximate="tanh")
    assert "_Gelu" in type(value.grad_fn).__name__
    assert value.dtype == dtype
    assert torch.allclose(value.double(), expected, rtol=tolerance, atol=tolerance)
    (gradient,) = torch.autograd.grad(value, own, torch.full_like(own, -0.5))
    (expected_gradient,) = torch.autograd.grad(expected, plain, torch.full_like(plain, -0.5))
    assert torch.allclose(gradient.double(), expected_gradient, rtol=tolerance, atol=tolerance)
    assert torch.equal(own.detach(), u)


def test_without_gradient_it_is_pytorchs_to_the_bit():
    u = torch.randn(3, 50)
    assert torch.equal(gelu(u), F.gelu(u, approximate="tanh"))
