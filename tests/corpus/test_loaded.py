import json
import subprocess
import sys
from importlib.util import find_spec

from hornbook.cli.runs import CORPUS_LOADED
from hornbook.pipeline import build
from hornbook.recipe import load_recipe

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
    "cleaning.data_line_kernel._num_on_data_lines",
    "cleaning.text_kernels._look",
    "cleaning.text_kernels.find_keys",
    "cleaning.token_kernel.cut",
    "duplicates.digest_kernel.normalise",
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


def test_what_stages_ask_for_exists_and_is_what_a_new_run_begins_with():
    """The fork server says nothing of a module that it does not find."""
    asked = {node.stage.loads for node in build(load_recipe("tiny"))} - {""}
    assert asked == {CORPUS_LOADED}
    assert find_spec(CORPUS_LOADED)
