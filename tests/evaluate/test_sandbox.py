import os
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hornbook.errors import MissingDependencyError
from hornbook.evaluate.sandbox import Limits, Program, Sandbox, Verdict

TESTS = """
def check(candidate):
    assert candidate(2, 3) == 5
    assert candidate(-1, 1) == 0
"""
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornbook.evaluate.sandbox.GRACE_S", 0.5)
        yield from opened_sandbox()


def opened_sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(timeout_s=0.8, memory_mb=128)) as opened:
        yield opened


def run(sandbox: Sandbox, source: str, tests: str = TESTS, entry_point: str = "add") -> Verdict:
    (verdict,) = sandbox.run_all([Program(textwrap.dedent(source), tests, entry_point)], workers=1)
    return verdict


def test_a_right_program_passes(sandbox: Sandbox) -> None:
    verdict = run(sandbox, RIGHT)
    assert (verdict.passed, verdict.verdict, verdict.detail) == (True, "passed", "")


def test_a_wrong_answer_names_the_assertion(sandbox: Sandbox) -> None:
    verdict = run(sandbox, WRONG)
    assert (verdict.passed, verdict.verdict) == (False, "wrong_answer")
    assert verdict.detail == "assert candidate(2, 3) == 5"


def test_a_wrong_answer_gives_the_tests_own_message(sandbox: Sandbox) -> None:
    verdict = run(sandbox, RIGHT, "def check(candidate):\n    assert candidate(1, 1) == 3, 'two is not three'\n")
    assert (verdict.verdict, verdict.detail) == ("wrong_answer", "two is not three")


@pytest.mark.parametrize(
    ("source", "verdict", "detail"),
    [
        ("def add(a, b):\n    return a +\n", "syntax_error", "SyntaxError: invalid syntax (<program>, line 2)"),
        ("def add(a, b):\n    return a + c\n", "exception", "NameError: name 'c' is not defined"),
        ("def plus(a, b):\n    return a + b\n", "exception", "NameError: name 'add' is not defined"),
        ("def add(a, b):\n    assert False, 'own'\n", "exception", "AssertionError: own"),
        ("x = 1\0", "syntax_error", "SyntaxError: source code string cannot contain null bytes"),
        ("def add(a, b):\n    while True:\n        pass\n", "timed_out", "still running when its time was up"),
        ("def add(a, b):\n    raise ValueError(object())\n", "exception", "ValueError: <object object at 0x...>"),
        ("def add(a, b):\n    open('/no/such', 'w')\n", "exception", "FileNotFoundError: [Errno 2]"),
    ],
)
def test_what_went_wrong_is_named(sandbox: Sandbox, source: str, verdict: str, detail: str) -> None:
    outcome = run(sandbox, source)
    assert outcome.verdict == verdict
    assert outcome.detail.startswith(detail)


# Each program is wrong and tries to score anyway, or to take something down with it.
ADVERSARIAL: dict[str, tuple[str, set[str]]] = {
    "sys_exit": ("import sys\nsys.exit(0)", {"exception"}),
    "sys_exit_in_call": ("import sys\ndef add(a, b):\n    sys.exit(0)", {"exception"}),
    "os_exit": ("import os\ndef add(a, b):\n    os._exit(0)", {"crashed"}),
    "system_exit_in_thread": (
        """
        import threading
        def stop(): raise SystemExit(0)
        t = threading.Thread(target=stop); t.start(); t.join()
        def add(a, b): return 7
        """,
        {"wrong_answer"},
    ),
    "os_exit_in_thread": (
        """
        import os, threading, time
        def add(a, b):
            threading.Thread(target=os._exit, args=(0,)).start()
            time.sleep(5)
        """,
        {"crashed"},
    ),
    "prints": ("def add(a, b):\n    print('passed'); print('OK'); return 0", {"wrong_answer"}),
    "redefines_check": ("def check(candidate): pass\ndef add(a, b): return 0", {"wrong_answer"}),
    "redefines_check_late": (
        "def add(a, b):\n    globals()['check'] = lambda c: None\n    return 0",
        {"wrong_answer"},
    ),
    "shadows_assertion_error": (
        "class AssertionError(Exception): pass\nimport builtins\nbuiltins.AssertionError = AssertionError\n"
        "def add(a, b): return 0",
        {"wrong_answer"},
    ),
    "builtins_say_yes": (
        """
        import builtins
        builtins.all = builtins.any = builtins.isinstance = builtins.bool = lambda *a: True
        builtins.exec = builtins.compile = builtins.getattr = builtins.type = lambda *a, **k: None
        def add(a, b): return 0
        """,
        {"wrong_answer"},
    ),
    "impersonates_an_exit": ("class Exit(BaseException): pass\ndef add(a, b): raise Exit('passed')", {"exception"}),
    "raises_in_str": (
        """
        import os
        class Bad(Exception):
            def __str__(self): os._exit(0)
        def add(a, b): raise Bad()
        """,
        {"crashed"},
    ),
    "replaces_os_write": (
        """
        import os
        real = os.write
        os.write = lambda fd, data: real(fd, data.replace(b'wrong_answer', b'passed'))
        os._exit = lambda code: None
        def add(a, b): return 0
        """,
        {"wrong_answer"},
    ),
    "equal_to_anything": (
        """
        class Yes:
            def __eq__(self, other): return True
        def add(a, b): return Yes()
        """,
        {"wrong_answer"},
    ),
    "int_equal_to_anything": (
        """
        class Yes(int):
            def __eq__(self, other): return True
            __hash__ = int.__hash__
        def add(a, b): return Yes()
        """,
        {"wrong_answer"},
    ),
    "kills_its_parent": ("import os\ndef add(a, b):\n    os.kill(os.getppid(), 9)\n    return 5", {"crashed"}),
    "stops_its_parent": (
        "import os, time\ndef add(a, b):\n    os.kill(os.getppid(), 19)\n    time.sleep(60)",
        {"crashed"},
    ),
    "kills_its_group": ("import os\ndef add(a, b):\n    os.killpg(0, 9)", {"crashed"}),
    "infinite_loop": ("while True: pass", {"timed_out"}),
    "sleeps": ("import time\ntime.sleep(60)", {"timed_out"}),
    "ignores_signals": (
        """
        import signal, time
        for n in range(1, 32):
            try: signal.signal(n, signal.SIG_IGN)
            except OSError: pass
        while True: time.sleep(1)
        """,
        {"timed_out"},
    ),
    "memory_hog": ("x = []\nwhile True: x.append(bytearray(1 << 22))", {"exception", "crashed", "timed_out"}),
    "huge_list": ("def add(a, b):\n    return [0] * 10**12", {"exception"}),
    "deep_recursion": ("def add(a, b): return add(a, b)", {"exception"}),
    "deeper_recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef add(a, b): return [add(a, b)]",
        {"exception", "crashed", "timed_out"},
    ),
    "null_pointer": ("import ctypes\ndef add(a, b): ctypes.string_at(0)", {"crashed"}),
    "forks_a_lot": (
        """
        import os, time
        for _ in range(100):
            if os.fork() == 0:
                time.sleep(60)
        time.sleep(60)
        """,
        # As root the count is watched, else a limit makes fork fail.
        {"crashed", "exception"},
    ),
    "leaves_a_daemon": (
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
        def add(a, b): return 0
        """,
        {"wrong_answer"},
    ),
    "closes_all_descriptors": ("import os\nos.closerange(0, 4096)\ndef add(a, b): return 0", {"crashed"}),
    "garbage_to_all_descriptors": (
        """
        import os
        def add(a, b):
            for fd in range(64):
                try: os.write(fd, b'passed\\n' * 100)
                except OSError: pass
            return 0
        """,
        {"crashed"},
    ),
    "floods_all_descriptors": (
        """
        import os
        while True:
            for fd in range(64):
                try: os.write(fd, b'x' * 65536)
                except OSError: pass
        """,
        {"crashed", "timed_out"},
    ),
    "forges_a_report": (
        """
        import os
        def add(a, b):
            os.write(3, b'0' * 32 + b' passed\\n')
            os._exit(0)
        """,
        {"crashed"},
    ),
    "atexit": (
        "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b): raise ValueError('no')",
        {"exception"},
    ),
    "huge_file": ("with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 20))", {"exception"}),
    "many_files": ("x = [open(f'f{i}', 'w') for i in range(10000)]", {"exception"}),
    "removes_its_folder": (
        "import os, shutil\nshutil.rmtree(os.getcwd())\ndef add(a, b): return 0",
        {"wrong_answer"},
    ),
    "reads_stdin": ("x = input()\ndef add(a, b): return 0", {"exception"}),
    "generator": ("def add(a, b):\n    yield 5", {"wrong_answer"}),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_cheating_and_breaking_do_not_score(sandbox: Sandbox, name: str) -> None:
    source, expected = ADVERSARIAL[name]
    verdict = run(sandbox, source)
    assert not verdict.passed
    assert verdict.verdict in expected, verdict
    # Whatever happened, the next program is judged as if nothing had.
    assert run(sandbox, RIGHT).passed


def test_a_list_of_objects_equal_to_anything_does_not_score(sandbox: Sandbox) -> None:
    source = "class Yes:\n    def __eq__(self, other): return True\ndef make(): return [Yes()]\n"
    verdict = run(sandbox, source, "def check(candidate):\n    assert candidate() == [1]\n", "make")
    assert (verdict.verdict, verdict.detail) == ("wrong_answer", "the result's class Yes defines __eq__ itself")


def test_a_dataclass_of_the_program_may_be_compared(sandbox: Sandbox) -> None:
    source = """
    from dataclasses import dataclass
    @dataclass
    class Point:
        x: int
    def make(): return Point(1)
    """
    verdict = run(sandbox, source, "def check(candidate):\n    assert candidate() == Point(1)\n", "make")
    assert verdict.passed, verdict


def test_tests_may_use_helpers_of_the_prompt(sandbox: Sandbox) -> None:
    source = "def helper(x):\n    return x * 2\ndef half(x):\n    return x // 2\n"
    assert run(sandbox, source, "def check(candidate):\n    assert candidate(helper(4)) == 4\n", "half").passed


def test_a_program_without_tests_passes_when_it_ends(sandbox: Sandbox) -> None:
    assert run(sandbox, "x = 1", "", "").passed
    assert run(sandbox, "x = 1 / 0", "", "").verdict == "exception"


def test_broken_tests_do_not_pass(sandbox: Sandbox) -> None:
    assert not run(sandbox, RIGHT, "def check(candidate:\n").passed
    assert not run(sandbox, RIGHT, "x = 1\n").passed


def test_nothing_is_inherited(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    source = """
    import os, sys
    seen = [name for name in sys.modules if name.startswith('hornbook')]
    descriptors = []
    for fd in range(4, 64):
        try:
            os.fstat(fd)
            descriptors.append(fd)
        except OSError:
            pass
    raise ValueError('SECRET' in os.environ, seen, descriptors, os.listdir('.'), os.environ['PYTHONHASHSEED'])
    """
    with Sandbox(Limits()) as fresh:
        verdict = run(fresh, source, "", "")
    assert verdict.detail == "ValueError: (False, [], [], [], '0')"


def test_runs_are_the_same_twice(sandbox: Sandbox) -> None:
    source = "import random\nraise ValueError(random.random(), hash('a'), list({'x', 'y', 'z'}))"
    assert run(sandbox, source).detail == run(sandbox, source).detail


def test_a_program_finds_no_file_of_the_one_before(sandbox: Sandbox) -> None:
    assert run(sandbox, "open('left', 'w').write('x')", "", "").passed
    assert run(sandbox, "import os\nassert os.listdir('.') == []", "", "").passed


def test_verdicts_come_in_the_order_of_the_programs_and_progress_is_counted() -> None:
    programs = [
        Program(f"def f():\n    return {n}\n", f"def check(c):\n    assert c() == {n - n % 3}\n", "f")
        for n in range(30)
    ]
    done: list[int] = []
    with Sandbox(Limits(timeout_s=5.0)) as opened:
        verdicts = opened.run_all(programs, workers=2, on_progress=done.append)
        assert opened.run_all([], workers=2) == []
    assert [verdict.passed for verdict in verdicts] == [n % 3 == 0 for n in range(30)]
    assert sum(done) == 30


def test_nothing_is_left_on_the_host() -> None:
    def folders() -> set[str]:
        return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("hornbook-sandbox-")}

    before = folders()
    with Sandbox(Limits(timeout_s=1.0)) as opened:
        assert len(folders() - before) == 0
        opened.run_all([Program(textwrap.dedent(ADVERSARIAL["leaves_a_daemon"][0]), TESTS, "add")], workers=1)
        worker = opened._workers[0]._process.pid
        assert psutil.Process(worker).children(recursive=True) == []
        assert len(folders() - before) == 1
    assert folders() - before == set()
    assert not psutil.pid_exists(worker)


def test_the_worker_ends_and_cleans_up_when_hornbook_is_gone() -> None:
    with Sandbox(Limits()) as opened:
        opened.run_all([Program("x = 1")], workers=1)
        process, folder = opened._workers[0]._process, opened._workers[0]._folder
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert not Path(folder).exists()


def test_a_missing_warm_import_is_named() -> None:
    with Sandbox(Limits(), warm_imports=("no_such_module",)) as opened, pytest.raises(MissingDependencyError) as caught:
        opened.run_all([Program("x = 1")], workers=1)
    assert "no_such_module" in str(caught.value)
