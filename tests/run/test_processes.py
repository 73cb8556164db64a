import json
import os
import subprocess
import sys
import tempfile

import pytest

from hornbook.errors import InputError
from hornbook.run.processes import ONE_THREAD, process_context


def loaded_and_environment(connection):
    names = [name for name in ("colorsys", "wave", "no_such_module") if name in sys.modules]
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


def run_in(folder, *statements):
    """A script of another folder, run in this one."""
    scripts = folder / "scripts"
    scripts.mkdir(exist_ok=True)
    lines = [
        "def main():",
        *(f"    {statement}" for statement in statements),
        "if __name__ == '__main__':",
        "    main()",
    ]
    (scripts / "program.py").write_text("\n".join(lines))
    command = [sys.executable, str(scripts / "program.py")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_modules_are_not_those_of_the_folder_that_a_command_is_given_in(tmp_path):
    (tmp_path / "selectors.py").write_text("raise SystemExit('code of a corpus')\n")
    shown = run_in(
        tmp_path,
        "from hornbook.run.workers import in_workers",
        "print(list(in_workers(divmod, [(9, 4)] * 2, 2)))",
    )
    assert (shown.stdout, shown.stderr) == ("[(2, 1), (2, 1)]\n", "")


def test_the_process_that_forks_dies_of_what_it_loads(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "broken.py").write_text("import os\nos._exit(3)\n")
    shown = run_in(
        tmp_path,
        "import os",
        f"os.environ['PYTHONPATH'] = {str(tmp_path / 'scripts')!r}",
        "from hornbook.errors import StageError",
        "from hornbook.run.processes import load_ahead, start_process",
        "load_ahead(['broken'])",
        "try: start_process(os.getpid)",
        "except StageError as error: print(error)",
    )
    assert shown.stdout.startswith("the process that starts others has died"), shown.stderr


def test_a_temporary_folder_that_no_socket_can_be_in_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with pytest.raises(
        InputError, match=r"longlong has too long a name for a socket in it\. Name another: TMPDIR=/tmp"
    ):
        process_context()
