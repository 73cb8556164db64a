import pytest

from hornbook.evaluate.tasks.network import NETWORKS

from .cases import Cases, changed, check_cases

THREE, FOUR = NETWORKS
BY_NAME = """
    def __init__(self) -> None:
        super(Network, self).__init__()
        self.fc1 = nn.Linear(8, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 2)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.fc3(x)
"""
SEQUENTIAL = """
    def __init__(self, width=32):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )

    def forward(self, inputs):
        return self.network(inputs)
"""
FOUR_BY_LOOP = """
    def __init__(self):
        super().__init__()
        sizes = [8, 32, 32, 32, 2]
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x):
        return self.layers(x)
"""
EVERYTHING = {check.name for check in THREE.checks if check.level != "parses"}
EVERYTHING_OF_FOUR = {check.name for check in FOUR.checks if check.level != "parses"}


def three(*replacements: tuple[str, str]) -> str:
    return changed(BY_NAME, *replacements)


def four(*replacements: tuple[str, str]) -> str:
    return changed(FOUR_BY_LOOP, *replacements)


@pytest.mark.slow
def test_three_and_four_layers() -> None:
    check_cases(
        Cases(
            THREE,
            [BY_NAME, SEQUENTIAL],
            [
                (FOUR.reference, {"three linear layers"}),
                (three(("x = self.act(self.fc2(x))", "pass")), {"three linear layers"}),
                (
                    three(("nn.Linear(8, 32)", "nn.Linear(8, 16)"), ("nn.Linear(32, 32)", "nn.Linear(16, 32)")),
                    {"32 wide in between"},
                ),
                (three(("nn.Linear(32, 2)", "nn.Linear(32, 1)")), {"8 numbers in, 2 out"}),
                (three(("nn.ReLU()", "nn.Tanh()")), {"ReLU between the layers"}),
                (three(("x = self.act(self.fc2(x))", "x = self.fc2(x)")), {"ReLU between the layers"}),
                (three(("return self.fc3(x)", "return self.act(self.fc3(x))")), {"nothing after the last layer"}),
                (three(("        super(Network, self).__init__()\n", "")), EVERYTHING),
                (
                    three(("nn.Linear(8, 32)", "nn.Linear(10, 32)")),
                    EVERYTHING,
                ),
                (
                    "\n    def forward(self, x):\n        return x[:, :2]\n",
                    EVERYTHING - {"runs", "8 numbers in, 2 out"},
                ),
            ],
        ),
        Cases(
            FOUR,
            [FOUR_BY_LOOP],
            [
                (THREE.reference, {"four linear layers"}),
                (four(("[8, 32, 32, 32, 2]", "[8, 32, 32, 32, 32, 2]")), {"four linear layers"}),
                (four(("[8, 32, 32, 32, 2]", "[8, 64, 32, 16, 2]")), {"32 wide in between"}),
                (four(("[8, 32, 32, 32, 2]", "[8, 32, 32, 32, 4]")), {"8 numbers in, 2 out"}),
                (four(("nn.ReLU()", "nn.Identity()")), {"ReLU between the layers"}),
                (four(("*layers[:-1]", "*layers")), {"nothing after the last layer"}),
                (
                    four(
                        ("self.layers = nn.Sequential(*layers[:-1])", "self.layers = layers[:-1]"),
                        ("return self.layers(x)", "return [layer(x) for layer in self.layers]"),
                    ),
                    EVERYTHING_OF_FOUR,
                ),
            ],
        ),
    )
