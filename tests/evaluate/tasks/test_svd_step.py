from hornbook.evaluate.tasks.svd_step import SVD_STEP

from .cases import Cases, changed, check_cases

AUTOGRAD = """
    matrices = [p for p in model.parameters() if p.ndim == 2]
    for p, g in zip(matrices, torch.autograd.grad(loss, matrices)):
        U, S, V = torch.svd(g)
        S[k:] = 0
        p.data.sub_(rate * torch.linalg.norm(p.data) * (U @ torch.diag(S) @ V.T))
"""
ALL_GRADIENTS = """
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    for parameter, gradient in zip(model.parameters(), gradients):
        if len(parameter.shape) == 2:
            u, s, vh = torch.linalg.svd(gradient)
            low_rank = sum(s[i] * torch.outer(u[:, i], vh[i, :]) for i in range(min(k, len(s))))
            with torch.no_grad():
                parameter.copy_(parameter - rate * torch.norm(parameter) * low_rank)
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(SVD_STEP.reference, *replacements)


def test_svd_step() -> None:
    check_cases(
        Cases(
            SVD_STEP,
            [AUTOGRAD, ALL_GRADIENTS],
            [
                (
                    wrong(("part = u[:, :k] @ torch.diag(s[:k]) @ vh[:k]", "part = parameter.grad")),
                    {"uses an SVD", "keeps the top k part"},
                ),
                (wrong(("s[:k]", "torch.ones(k, dtype=s.dtype)")), {"keeps the top k part"}),
                (wrong(("[:, :k]", "[:, :1]"), ("s[:k]", "s[:1]"), ("vh[:k]", "vh[:1]")), {"keeps the top k part"}),
                (wrong(("rate * ", "")), {"scales by the rate"}),
                (wrong(("parameter.norm() * ", "")), {"scales by the norm"}),
                (wrong(("parameter.norm()", "part.norm()")), {"scales by the norm"}),
                (wrong(("parameter -=", "parameter +=")), {"steps downhill"}),
                (
                    wrong(
                        (
                            " or parameter.grad is None:\n                continue",
                            ":\n                parameter -= rate * parameter.grad\n                continue",
                        )
                    ),
                    {"leaves other parameters"},
                ),
            ],
        )
    )
