"""A PyTorch update along the top singular part of each gradient (after appendix A.2)."""

from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import torch


def low_rank_step(model: torch.nn.Module, loss: torch.Tensor, rate: float, k: int) -> None:
    """
    Change the parameters of the model in place by one step that makes the loss smaller.
    Compute the gradient of the loss for every parameter. For a parameter that is a matrix, take the singular value
    decomposition of its gradient and keep only the part of the k largest singular values; subtract this part from
    the parameter, multiplied by rate and by the norm of the parameter.
    Leave every parameter that is not a matrix as it is.
    """
'''

REFERENCE = """
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() != 2 or parameter.grad is None:
                continue
            u, s, vh = torch.linalg.svd(parameter.grad, full_matrices=False)
            part = u[:, :k] @ torch.diag(s[:k]) @ vh[:k]
            parameter -= rate * parameter.norm() * part
"""

# The loss is linear in the parameters, so its gradient is known and stays the same when the parameters are scaled:
# what a step does with the gradient, with the rate and with the norm can be told apart.
PREAMBLE = """
import copy
import torch

class Two(torch.nn.Module):
    def __init__(self, scale=1.0):
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        self.left = torch.nn.Parameter(scale * torch.randn(5, 4, generator=draw, dtype=torch.float64))
        self.right = torch.nn.Parameter(2 * scale * torch.randn(4, 6, generator=draw, dtype=torch.float64))
        self.bias = torch.nn.Parameter(scale * torch.randn(6, generator=draw, dtype=torch.float64))

def gradients():
    draw = torch.Generator().manual_seed(4)
    return {
        name: torch.randn(value.shape, generator=draw, dtype=torch.float64)
        for name, value in Two().named_parameters()
    }

def steps(candidate, scale=1.0, rate=0.01, k=2):
    # What is subtracted from each parameter.
    model = Two(scale)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    given = gradients()
    loss = sum((value * given[name]).sum() for name, value in model.named_parameters())
    candidate(model, loss, rate, k)
    return {name: before[name] - value.detach() for name, value in model.named_parameters()}

def top_part(gradient, k):
    u, s, vh = torch.linalg.svd(gradient, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vh[:k]

MATRICES = ("left", "right")
"""

RUNS = """
def check(candidate):
    steps(candidate)
"""

USES_SVD = """
import ast

def check(candidate):
    called = set()
    for node in ast.walk(ast.parse(PROGRAM_SOURCE)):
        if isinstance(node, ast.Call):
            called.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
    assert called & {"svd", "svd_lowrank"}, "neither svd nor svd_lowrank is called"
    # Called, and not only written down: the step changes when the decomposition does.
    real = steps(candidate)
    def zeros(gradient, *args, **kwargs):
        rows, columns = gradient.shape[-2:]
        size = min(rows, columns)
        return torch.zeros(rows, size), torch.zeros(size), torch.zeros(size, columns)
    torch.svd = torch.svd_lowrank = torch.linalg.svd = torch.Tensor.svd = zeros
    try:
        other = steps(candidate)
    except Exception:
        return
    assert any(not torch.equal(real[name], other[name]) for name in MATRICES), "the decomposition makes no difference"
"""

CHANGES = """
def check(candidate):
    done = steps(candidate)
    given = gradients()
    for name in MATRICES:
        # Downhill, so that the loss gets smaller.
        assert (done[name] * given[name]).sum() > 0, f"the step on {name} does not make the loss smaller"
"""

TOP_K = """
def check(candidate):
    given = gradients()
    for k in (1, 3):
        done = steps(candidate, k=k)
        for name in MATRICES:
            part = top_part(given[name], k)
            cosine = (done[name] * part).sum() / (done[name].norm() * part.norm())
            # Either sign: the direction is another clause's.
            assert abs(abs(cosine) - 1) < 1e-4, f"k = {k}: the cosine with the top part is {float(cosine):.3f}"
"""

RATE = """
def check(candidate):
    once, twice = steps(candidate, rate=0.01), steps(candidate, rate=0.02)
    for name in MATRICES:
        assert once[name].norm() > 0, f"{name} is not changed"
        assert torch.allclose(2 * once[name], twice[name], rtol=1e-4, atol=1e-9), "twice the rate is not twice the step"
"""

NORM = """
def check(candidate):
    once, thrice = steps(candidate, scale=1.0), steps(candidate, scale=3.0)
    for name in MATRICES:
        assert once[name].norm() > 0, f"{name} is not changed"
        assert torch.allclose(3 * once[name], thrice[name], rtol=1e-4, atol=1e-9), "a step unlike the norm"
"""

NOT_MATRICES = """
def check(candidate):
    done = steps(candidate)
    assert any(done[name].norm() > 0 for name in MATRICES), "no matrix is changed"
    assert done["bias"].norm() == 0, "a vector is changed"
"""

ALL = """
def check(candidate):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    inputs, targets = torch.randn(16, 6), torch.randn(16, 3)
    for k in (1, 2):
        other = copy.deepcopy(model)
        torch.nn.functional.mse_loss(other(inputs), targets).backward()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        candidate(model, loss, 0.05, k)
        for ours, theirs in zip(model.parameters(), other.parameters()):
            expected = theirs.detach()
            if expected.dim() == 2:
                expected = expected - 0.05 * expected.norm() * top_part(theirs.grad, k)
            assert torch.allclose(ours.detach(), expected, atol=1e-5), f"k = {k}: other parameters than expected"
        assert torch.nn.functional.mse_loss(model(inputs), targets) < loss
"""

SVD_STEP = graded(
    task_id="svd_step",
    title="A step along singular parts in PyTorch",
    shows="Whether a library that the exercises do not teach is used as an unusual instruction asks.",
    source="appendix A.2",
    prompt=PROMPT,
    entry_point="low_rank_step",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("uses an SVD", USES_SVD),
    clauses=(
        Clause("steps downhill", CHANGES),
        Clause("keeps the top k part", TOP_K),
        Clause("scales by the rate", RATE),
        Clause("scales by the norm", NORM),
        Clause("leaves other parameters", NOT_MATRICES),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    imports=("torch",),
)
