import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "2000"), ({"OMP_WAIT_POLICY": "PASSIVE"}, None), ({"GOMP_SPINCOUNT": "5"}, "5")]
)
def test_importing_hornbook_keeps_waiting_threads_from_spinning(given, spins):
    """Unless the user has said how threads wait."""
    program = "import hornbook, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    environment = {"PATH": "/usr/bin:/bin", **given}
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.strip() == str(spins)


def test_the_map_loads_no_library_that_only_some_stages_need():
    """Each of these takes half a second to two, which a command that only looks, or a data stage, should not pay."""
    heavy = ("daft", "matplotlib", "numba", "openai", "pandas", "scipy", "sklearn", "torch", "transformers")
    program = f"import sys, hornbook.cli, hornbook.pipeline; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
