import json
import subprocess
import sys

PROGRAM = """
import json, sys
import hornbook.corpus.loaded
from numba.core.dispatcher import Dispatcher

loops = {
    f"{name}.{loop}": len(found.signatures)
    for name, module in list(sys.modules.items()) if name.startswith("hornbook.corpus.")
    for loop, found in vars(module).items() if isinstance(found, Dispatcher) and found.py_func.__module__ == name
}
print(json.dumps([loops, "daft" in sys.modules]))
"""
CALLED = (
    "cleaning.text_kernels.look",
    "cleaning.token_kernel.cut",
    "duplicates.digest_kernel.normalise_all",
    "duplicates.documentation_kernel.documented_all",
    "duplicates.minhash_kernels.sign_all",
    "duplicates.shingle_set_kernels.common_all",
    "embedders.tfidf_kernels.count_all",
)


def test_compiled_loops_of_every_room_are_called_once():
    shown = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    loops, has_daft = json.loads(shown.stdout)
    assert has_daft
    assert {name: loops[f"hornbook.corpus.{name}"] for name in CALLED} == dict.fromkeys(CALLED, 1)
