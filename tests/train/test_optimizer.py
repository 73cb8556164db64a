import pytest
import torch

from hornbook.model.phi import Phi
from hornbook.train.optimizer import Muon, make_optimizers, orthogonalize
from tests.train.corpus import TINY_MODEL, tiny_training


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 16, 64), (2, 24, 200)])
def test_orthogonalized_singular_values_are_near_one(shape):
    torch.manual_seed(0)
    matrices = torch.randn(shape) * 10
    result = orthogonalize(matrices)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.3  # noise has tiny singular values, which five steps do not lift all the way
    assert values.max() < 1.3
    assert values.median() == pytest.approx(1.0, abs=0.25)


def test_orthogonalizing_keeps_the_directions():
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(16, 16))
    right, _ = torch.linalg.qr(torch.randn(40, 16))
    matrix = left @ torch.diag(torch.linspace(0.5, 2, 16)) @ right.T
    inside = left.T @ orthogonalize(matrix[None])[0] @ right
    assert (inside - torch.diag(inside.diagonal())).abs().max() < 0.05
    assert inside.diagonal().min() > 0.5


def test_matrices_go_to_muon_and_the_rest_to_adamw():
    model = Phi(TINY_MODEL, 64)
    muon, adamw = make_optimizers(model, tiny_training(optimizer="muon"))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    by_muon = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert by_muon == {n for n, p in model.named_parameters() if n.startswith("blocks.") and p.ndim == 2}
    decayed = {names[id(p)] for g in adamw.param_groups for p in g["params"] if g["weight_decay"]}
    assert decayed == {"embed_tokens", "lm_head_weight"}
    everywhere = [id(p) for o in (muon, adamw) for g in o.param_groups for p in g["params"]]
    assert sorted(everywhere) == sorted(names)


def test_adamw_alone_has_all():
    model = Phi(TINY_MODEL, 64)
    (adamw,) = make_optimizers(model, tiny_training(optimizer="adamw"))
    decayed, plain = (group["params"] for group in adamw.param_groups)
    assert {p.ndim for p in decayed} == {2}
    assert {p.ndim for p in plain} == {1}
    assert len(decayed) + len(plain) == len(list(model.parameters()))
    assert adamw.param_groups[1]["weight_decay"] == 0


def muon_step(weight, gradient, num_matrices=1, weight_decay=0.0):
    parameter = torch.nn.Parameter(weight.clone())
    parameter.grad = gradient.clone()
    Muon([{"params": [parameter], "num_matrices": num_matrices}], lr=0.1, weight_decay=weight_decay).step()
    return parameter.detach()


def test_stacked_matrices_are_orthogonalized_one_by_one():
    torch.manual_seed(0)
    weight, gradient = torch.randn(48, 16), torch.randn(48, 16)
    together = muon_step(weight, gradient, num_matrices=3)
    apart = [muon_step(w, g) for w, g in zip(weight.split(16), gradient.split(16), strict=True)]
    assert torch.allclose(together, torch.cat(apart), atol=3e-3)  # bf16 rounds differently
    assert not torch.allclose(together, muon_step(weight, gradient), atol=2e-2)


@pytest.mark.parametrize(("shape", "scale"), [((16, 64), 1.0), ((64, 16), 2.0), ((16, 16), 1.0)])
def test_a_step_of_muon_is_the_rate_times_an_orthogonal_matrix(shape, scale):
    torch.manual_seed(0)
    gradient = torch.randn(shape)
    step = muon_step(torch.zeros(shape), gradient)
    assert torch.linalg.svdvals(step).median() == pytest.approx(0.1 * scale, rel=0.3)
    assert (step * gradient).sum() < 0


def test_muons_decay_shrinks_the_weight():
    weight = torch.ones(16, 16)
    gradient = torch.randn(16, 16)
    decayed, plain = (muon_step(weight, gradient, weight_decay=decay) for decay in (0.5, 0.0))
    assert torch.allclose(plain - decayed, torch.full((16, 16), 0.05), atol=1e-6)
