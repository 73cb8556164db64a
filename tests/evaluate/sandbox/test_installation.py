"""The sandbox works wherever Python is installed."""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

import hornbook
from hornbook.evaluate.sandbox import available_layers

PROGRAM = """
from hornbook.evaluate.sandbox import Limits, Program, Sandbox, available_layers
program = Program("import tempfile, os\\nassert os.listdir(tempfile.mkdtemp()) == []")
with Sandbox(Limits()) as sandbox:
    (verdict,) = sandbox.run_all([program], workers=1)
print(verdict.passed, verdict.detail, available_layers().in_force)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no namespaces")
def test_python_may_be_installed_beneath_tmp():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        venv.create(folder, with_pip=False)
        paths = [str(Path(hornbook.__file__).parents[1]), *(path for path in sys.path if "site-packages" in path)]
        ran = subprocess.run(
            [Path(folder, "bin", "python"), "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.stdout.strip() == f"True  {available_layers().in_force}", ran.stderr
