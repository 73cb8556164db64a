"""AdamW, and Muon for the blocks' matrices.

Weight decay is decoupled and applies to matrices only (embedding and output layer included), which the paper leaves
open. Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from hornbook.model.phi import Phi
from hornbook.recipe import TrainConfig
from hornbook.run.precision import multiplies_bf16
from hornbook.train.parallel import gathered, is_dtensor, own_part, share_like

ADAM_EPS = 1e-8
NEWTON_SCHULZ_STEPS = 5
NEWTON_SCHULZ_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic that pushes singular values into about [0.7, 1.2] in five steps. Source: Jordan et al. 2024."""
MUON_MOMENTUM = 0.95


def make_optimizers(model: Phi, config: TrainConfig) -> list[Optimizer]:
    """The optimizers of a run, each at its peak rate: AdamW alone, or Muon and AdamW for what Muon leaves."""
    muon_matrices = {id(parameter) for block in model.layers for parameter in block.parameters() if parameter.ndim == 2}
    if config.optimizer == "adamw":
        muon_matrices = set()
    rest = [parameter for parameter in model.parameters() if id(parameter) not in muon_matrices]
    groups = [
        {"params": [p for p in rest if p.ndim == 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    adamw = AdamW(groups, lr=config.learning_rate, betas=betas, eps=ADAM_EPS, fused=True)
    if not muon_matrices:
        return [adamw]
    # Queries, keys and values share one tensor but are three matrices, each orthogonalised on its own.
    whole = [p for b in model.layers for p in (b.dense_weight, b.fc1_weight, b.fc2_weight)]
    stacked = [b.qkv_weight for b in model.layers]
    muon = Muon(
        [{"params": whole, "num_matrices": 1}, {"params": stacked, "num_matrices": 3}],
        lr=config.muon_learning_rate,
        weight_decay=config.weight_decay,
    )
    return [muon, adamw]


class Muon(Optimizer):
    """Momentum whose matrices are orthogonalised by Newton-Schulz before each step.

    A parameter group's `num_matrices` says how many matrices are stacked in each of its parameters, on rows. Of a
    sharded parameter the momentum is sharded, too; every process orthogonalises the whole update and keeps its share.
    """

    def __init__(
        self, params: Iterable[dict[str, Any]], lr: float, momentum: float = MUON_MOMENTUM, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "num_matrices": 1})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Takes one step."""
        assert closure is None
        # All matrices of one shape, upright or on their side, go through Newton-Schulz in one batch.
        batches: dict[tuple[int, int], list[tuple[Tensor, Tensor, dict[str, Any]]]] = defaultdict(list)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._update(parameter, group["momentum"])
                rows = parameter.shape[0] // group["num_matrices"]
                if is_dtensor(parameter):
                    # One at a time: whole updates of all parameters would need the room that sharding saves.
                    whole_NRC = gathered(update).view(-1, rows, parameter.shape[1])
                    direction_NRC = orthogonalize(_lying(whole_NRC))
                    direction = (direction_NRC if rows <= parameter.shape[1] else direction_NRC.mT).flatten(0, 1)
                    _descend(own_part(parameter), own_part(share_like(direction, parameter)), whole_NRC[0], group)
                    continue
                for weight, part in zip(torch.split(parameter, rows), torch.split(update, rows), strict=True):
                    batches[min(part.shape), max(part.shape)].append((weight, part, group))
        for entries in batches.values():
            flat_NRC = torch.stack([_lying(part) for _, part, _ in entries])
            for (weight, part, group), direction in zip(entries, orthogonalize(flat_NRC), strict=True):
                _descend(weight, direction if part.shape[0] <= part.shape[1] else direction.T, part, group)

    def _update(self, parameter: Tensor, decay: float) -> Tensor:
        """What is to be orthogonalised: Nesterov's momentum of a parameter, sharded as that is."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(gradient, 1 - decay)
        return torch.lerp(gradient, momentum, decay)


def _lying(matrices: Tensor) -> Tensor:
    """Matrices with no more rows than columns: as they are, or on their side."""
    return matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT


def _descend(weight: Tensor, direction: Tensor, matrix: Tensor, group: dict[str, Any]) -> None:
    """Steps a weight, or some of its rows; `matrix` has the whole one's shape."""
    scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
    weight.mul_(1 - group["lr"] * group["weight_decay"])
    weight.add_(direction, alpha=-group["lr"] * scale)


def orthogonalize(matrices_NRC: Tensor) -> Tensor:
    """The nearest orthogonal matrices, roughly: U S V^T becomes U S' V^T with S' in about [0.7, 1.2].

    For N matrices of R rows and C >= R columns, in bf16 where the device multiplies it fast. Source: Jordan et al.
    2024, the Newton-Schulz iteration of Muon.
    """
    a, b, c = NEWTON_SCHULZ_COEFFICIENTS
    x_NRC = matrices_NRC.to(torch.bfloat16 if multiplies_bf16(matrices_NRC.device) else torch.float32)
    x_NRC = x_NRC / (x_NRC.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).to(x_NRC.dtype)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram_NRR = x_NRC @ x_NRC.mT
        factor_NRR = torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=b, alpha=c)
        x_NRC = torch.baddbmm(x_NRC, factor_NRR, x_NRC, beta=a)
    return x_NRC.to(matrices_NRC.dtype)
