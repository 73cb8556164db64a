import json
import os
import subprocess
import sys

from hornbook.run.processes import ONE_THREAD, process_context


def loaded_and_environment(connection):
    names = [name for name in ("csv", "wave", "no_such_module") if name in sys.modules]
    connection.send((names, [os.environ.get(name) for name in ONE_THREAD]))


def test_what_is_loaded_ahead_is_there_and_what_cannot_be_is_no_matter():
    program = (
        "import json, os\n"
        "from multiprocessing import Pipe\n"
        "from hornbook.run.processes import ONE_THREAD, load_ahead, process_context\n"
        "from tests.run.test_processes import loaded_and_environment\n"
        "before = [os.environ.get(name) for name in ONE_THREAD]\n"
        "load_ahead(['no_such_module', 'wave'])\n"
        "ours, theirs = Pipe()\n"
        "process = process_context().Process(target=loaded_and_environment, args=(theirs,))\n"
        "process.start()\n"
        "print(json.dumps([*ours.recv(), before == [os.environ.get(name) for name in ONE_THREAD]]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "7"}
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(shown.stdout) == [["wave"], ["1"] * len(ONE_THREAD), True]


def test_a_process_has_the_exit_code_that_it_ends_with():
    process = process_context().Process(target=os._exit, args=(7,))
    process.start()
    process.join()
    assert process.exitcode == 7
