import pytest
import torch
import torch.nn.functional as F

from hornbook.train import loss as loss_module
from hornbook.train.loss import IGNORED, next_token_loss


def problem(dtype=torch.float64):
    torch.manual_seed(0)
    hidden = torch.randn(50, 12, dtype=dtype, requires_grad=True)
    weight = torch.randn(31, 12, dtype=dtype, requires_grad=True)
    bias = torch.randn(31, dtype=dtype, requires_grad=True)
    targets = torch.randint(31, (50,))
    targets[::7] = IGNORED
    return hidden, weight, bias, targets


@pytest.mark.parametrize("rows", [1, 7, 50, 1000])
def test_loss_and_gradient_are_those_of_cross_entropy(rows, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", rows * 31)
    hidden, weight, bias, targets = problem()
    count = int((targets != IGNORED).sum())
    ours = next_token_loss(hidden, weight, bias, targets, 1 / count)
    theirs = F.cross_entropy(hidden @ weight.T + bias, targets, ignore_index=IGNORED)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    for own, expected in zip(
        torch.autograd.grad(3 * ours, (hidden, weight, bias)),
        torch.autograd.grad(3 * theirs, (hidden, weight, bias)),
        strict=True,
    ):
        assert torch.allclose(own.double(), expected, atol=1e-5)


def test_what_is_compiled_gives_the_same():
    hidden, weight, bias, targets = problem()
    scale = torch.tensor(0.25)
    logits = F.linear(hidden, weight, bias).detach()
    for own, expected in zip(
        loss_module._loss_and_gradient_to_fuse(logits, targets, scale),
        loss_module._loss_and_gradient(logits.clone(), targets, scale),
        strict=True,
    ):
        assert torch.allclose(own.double(), expected.double(), atol=1e-6)


@pytest.mark.parametrize("slice_elements", [1, 31 * 3, 31 * 50])
def test_slices_and_a_hopeless_target_give_the_loss_of_cross_entropy(slice_elements, monkeypatch):
    monkeypatch.setattr(loss_module, "SLICE_ELEMENTS", slice_elements)
    hidden, weight, bias, targets = problem(torch.float32)
    with torch.no_grad():
        bias[int(targets[1])] = -500.0  # its probability is 0 in fp32
    ours = next_token_loss(hidden, weight, bias, targets, 1.0)
    theirs = F.cross_entropy(hidden @ weight.T + bias, targets, ignore_index=IGNORED, reduction="sum")
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    for own, expected in zip(
        torch.autograd.grad(ours, (hidden, weight, bias)),
        torch.autograd.grad(theirs, (hidden, weight, bias)),
        strict=True,
    ):
        assert torch.allclose(own, expected, atol=1e-4)


def test_nothing_to_learn_gives_zero():
    hidden, weight, bias, _ = problem()
    loss = next_token_loss(hidden, weight, bias, torch.full((50,), IGNORED), 1.0)
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, hidden)[0].any()


def test_without_gradient_the_loss_is_the_same():
    hidden, weight, bias, targets = problem(torch.float32)
    with torch.no_grad():
        plain = next_token_loss(hidden, weight, bias, targets, 1.0)
    assert not plain.requires_grad
    assert plain.item() == pytest.approx(next_token_loss(hidden, weight, bias, targets, 1.0).item(), rel=1e-6)


def test_scale_is_in_the_gradient_before_it_is_rounded():
    hidden, weight, bias, targets = problem(torch.float32)
    half = hidden.detach().half().requires_grad_()
    loss = next_token_loss(half, weight, bias, targets, 2.0**-20 * 2.0**20)
    assert torch.autograd.grad(loss, half)[0].abs().max() > 1e-3


def test_all_logits_never_exist_at_once(monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", 4 * 31)
    largest = 0
    linear = F.linear

    def watched(*arguments):
        nonlocal largest
        result = linear(*arguments)
        largest = max(largest, result.numel())
        return result

    monkeypatch.setattr(loss_module.F, "linear", watched)
    hidden, weight, bias, targets = problem()
    next_token_loss(hidden, weight, bias, targets, 1.0).backward()
    assert largest == 4 * 31
