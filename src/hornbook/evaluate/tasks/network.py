"""A network of three layers, then of four (after appendix B, counting)."""

from hornbook.evaluate.tasks.task import Clause, Task, graded

PROMPT = '''import torch
from torch import nn


class Network(nn.Module):
    """
    A network with {number} linear layers.
    It takes 8 numbers and gives 2; the layers in between are 32 wide.
    After every layer but the last comes a ReLU.
    """
'''

REFERENCE = """
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([{layers}])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)
"""

# What each layer was given and what it gave is seen by hooks, so that it does not matter how the layers are kept and
# joined.
PREAMBLE = """
import torch

def linear_layers(network):
    return [module for module in network.modules() if isinstance(module, torch.nn.Linear)]

def run(network, batch=16):
    # (input, output) of each linear layer in the order of use, and the network's own.
    seen = []
    hooks = [
        layer.register_forward_hook(lambda layer, given, output: seen.append((given[0].detach(), output.detach())))
        for layer in linear_layers(network)
    ]
    torch.manual_seed(0)
    given = torch.randn(batch, 8)
    with torch.no_grad():
        output = network(given)
    for hook in hooks:
        hook.remove()
    return seen, given, output
"""

RUNS = """
def check(candidate):
    candidate()(torch.randn(4, 8))
"""

IS_MODULE = """
def check(candidate):
    network = candidate()
    assert isinstance(network, torch.nn.Module), "not a torch.nn.Module"
    assert linear_layers(network), "no torch.nn.Linear in it"
    _, _, output = run(network)
    assert torch.is_tensor(output), f"gives {type(output).__name__}"
"""

COUNT = """
def check(candidate):
    network = candidate()
    layers = linear_layers(network)
    assert len(layers) == {count}, f"{{len(layers)}} linear layers"
    used = len(run(network)[0])
    assert used == {count}, f"{{used}} linear layers are used"
"""

SIZES = """
def check(candidate):
    for batch in (1, 5):
        _, _, output = run(candidate(), batch)
        assert tuple(output.shape) == (batch, 2), f"8 numbers in, {tuple(output.shape)[1:]} out"
"""

WIDTH = """
def check(candidate):
    widths = [output.shape[-1] for _, output in run(candidate())[0]][:-1]
    assert widths and set(widths) == {32}, f"layers in between are {widths} wide"
"""

RELU = """
def check(candidate):
    seen, _, _ = run(candidate())
    assert len(seen) > 1, "one layer alone"
    for number, ((_, output), (given, _)) in enumerate(zip(seen, seen[1:]), start=1):
        assert torch.allclose(torch.relu(output), given), f"no ReLU after layer {number}"
"""

PLAIN_END = """
def check(candidate):
    seen, _, output = run(candidate())
    assert torch.allclose(seen[-1][1], output), "something comes after the last layer"
    assert (output < 0).any() or (output > 0).any()
"""

ALL = """
def check(candidate):
    network = candidate()
    sizes = [(layer.in_features, layer.out_features) for layer in linear_layers(network)]
    assert sizes == [(8, 32), *[(32, 32)] * ({count} - 2), (32, 2)], f"layers {{sizes}}"
    seen, value, output = run(network)
    for place, layer in enumerate(linear_layers(network)):
        value = layer(value if place == 0 else torch.relu(value))
    assert torch.allclose(value, output, atol=1e-6)
    output = network(torch.randn(6, 8))
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
"""


def _task(number: str, count: int) -> Task:
    layers = ["nn.Linear(8, 32)", *["nn.Linear(32, 32)"] * (count - 2), "nn.Linear(32, 2)"]
    return graded(
        task_id=f"network_{count}",
        title=f"A network of {number} layers",
        shows="Whether a number in the instruction is a number in the result.",
        source="appendix B",
        prompt=PROMPT.format(number=number),
        entry_point="Network",
        preamble=PREAMBLE,
        runs=RUNS,
        api=Clause("is a torch module with linear layers", IS_MODULE),
        clauses=(
            Clause(f"{number} linear layers", COUNT.format(count=count)),
            Clause("8 numbers in, 2 out", SIZES),
            Clause("32 wide in between", WIDTH),
            Clause("ReLU between the layers", RELU),
            Clause("nothing after the last layer", PLAIN_END),
        ),
        all_correct=ALL.format(count=count),
        reference=REFERENCE.format(layers=", ".join(layers)),
        imports=("torch",),
    )


NETWORKS = (_task("three", 3), _task("four", 4))
