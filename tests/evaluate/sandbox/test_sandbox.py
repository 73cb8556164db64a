import os
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hornbook.errors import MissingDependencyError
from hornbook.evaluate.sandbox import Judged, Limits, Program, Sandbox, Verdict

TESTS = """
def check(candidate):
    assert candidate(2, 3) == 5
    assert candidate(-1, 1) == 0
"""
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(timeout_s=2.0, memory_mb=128)) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    """One that soon ends what loops."""
    with Sandbox(Limits(timeout_s=0.75, memory_mb=128)) as opened:
        yield opened


@pytest.fixture(params=["apart", "together"])
def judged(request: pytest.FixtureRequest) -> Judged:
    found: Judged = request.param
    return found


def run(
    sandbox: Sandbox,
    source: str,
    tests: str = TESTS,
    entry_point: str = "add",
    *,
    given: str = "",
    judged: Judged = "apart",
) -> Verdict:
    program = Program(textwrap.dedent(source), textwrap.dedent(tests), entry_point, given=given, judged=judged)
    (verdict,) = sandbox.run_all([program], workers=1)
    return verdict


def test_a_right_program_passes(sandbox: Sandbox, judged: Judged) -> None:
    verdict = run(sandbox, RIGHT, judged=judged)
    assert (verdict.passed, verdict.verdict, verdict.detail) == (True, "passed", "")


def test_a_wrong_answer_names_the_assertion(sandbox: Sandbox, judged: Judged) -> None:
    verdict = run(sandbox, WRONG, judged=judged)
    assert (verdict.passed, verdict.verdict) == (False, "wrong_answer")
    assert verdict.detail == "assert candidate(2, 3) == 5"


def test_a_wrong_answer_gives_the_tests_own_message(sandbox: Sandbox, judged: Judged) -> None:
    tests = "def check(candidate):\n    assert candidate(1, 1) == 3, 'two is not three'\n"
    verdict = run(sandbox, RIGHT, tests, judged=judged)
    assert (verdict.verdict, verdict.detail) == ("wrong_answer", "two is not three")


@pytest.mark.parametrize(
    ("source", "verdict", "detail"),
    [
        ("def add(a, b):\n    return a +\n", "syntax_error", "SyntaxError: invalid syntax (<program>, line 2)"),
        ("def add(a, b):\n    return a + c\n", "exception", "NameError: name 'c' is not defined"),
        ("def plus(a, b):\n    return a + b\n", "exception", "NameError: name 'add' is not defined"),
        ("def add(a, b):\n    assert False, 'own'\n", "exception", "AssertionError: own"),
        ("add = 5\n", "exception", "TypeError: 'int' object is not callable"),
        ("add = None\n", "exception", "TypeError: 'NoneType' object is not callable"),
        ("x = 1\0", "syntax_error", "SyntaxError: source code string cannot contain null bytes"),
        ("def add(a, b):\n    while True:\n        pass\n", "timed_out", "still running when its time was up"),
        ("def add(a, b):\n    raise ValueError(object())\n", "exception", "ValueError: <object object at 0x...>"),
        ("def add(a, b):\n    open('/no/such', 'w')\n", "exception", "FileNotFoundError: [Errno 2]"),
        ("import os\ndef add(a, b):\n    raise ValueError(os.getcwd())\n", "exception", "ValueError: ."),
        ("def add(a, b):\n    raise ValueError('\\ud800')\n", "exception", "ValueError: \\ud800"),
        ("import os\nos._exit(3)\n", "crashed", "left with exit code 3 before its tests ended"),
        ("import os\nos.abort()\n", "crashed", "killed by SIG"),
    ],
)
def test_what_went_wrong_is_named(hasty: Sandbox, judged: Judged, source: str, verdict: str, detail: str) -> None:
    outcome = run(hasty, source, judged=judged)
    assert outcome.verdict == verdict
    assert outcome.detail.startswith(detail)


def test_tests_may_use_what_is_given(sandbox: Sandbox) -> None:
    given = "def helper(x):\n    return x * 2\n"
    tests = "def check(candidate):\n    assert candidate(helper(4)) == 4\n"
    assert run(sandbox, "def half(x):\n    return x // 2\n", tests, "half", given=given).passed


def test_tests_judged_together_may_use_the_programs_names(sandbox: Sandbox) -> None:
    source = """
    from dataclasses import dataclass
    @dataclass
    class Point:
        x: int
    def make(): return Point(1)
    """
    tests = "def check(candidate):\n    assert candidate() == Point(1)\n"
    assert run(sandbox, source, tests, "make", judged="together").passed
    apart = run(sandbox, source, "def check(candidate):\n    assert candidate().x == 1\n", "make")
    assert (apart.verdict, apart.detail) == (
        "wrong_answer",
        "gave a value of type Point, which cannot be carried out of the program's process",
    )


def test_an_object_equal_to_anything_does_not_score_beside_its_tests(sandbox: Sandbox) -> None:
    source = "class Yes:\n    def __eq__(self, other): return True\ndef make(): return [Yes()]\n"
    tests = "def check(candidate):\n    assert candidate() == [1]\n"
    verdict = run(sandbox, source, tests, "make", judged="together")
    assert (verdict.verdict, verdict.detail) == ("wrong_answer", "the result's class Yes defines __eq__ itself")


def test_tests_see_the_programs_text(sandbox: Sandbox, judged: Judged) -> None:
    tests = "def check(candidate):\n    assert 'a + b' in PROGRAM_SOURCE\n"
    assert run(sandbox, RIGHT, tests, judged=judged).passed
    assert run(sandbox, WRONG, tests, judged=judged).verdict == "wrong_answer"


def test_tests_may_call_the_function_by_its_name(sandbox: Sandbox, judged: Judged) -> None:
    tests = "def check(candidate):\n    assert add(1, 1) == 2\n    assert candidate.__name__ == 'add'\n"
    assert run(sandbox, RIGHT, tests, judged=judged).passed


def test_what_a_program_keeps_between_calls_is_there_at_the_next(sandbox: Sandbox, judged: Judged) -> None:
    source = "seen = []\ndef count(x):\n    seen.append(x)\n    return len(seen)\n"
    tests = "def check(candidate):\n    assert [candidate('x') for _ in range(50)] == list(range(1, 51))\n"
    assert run(sandbox, source, tests, "count", judged=judged).passed


def test_changes_of_arguments_reach_the_tests(sandbox: Sandbox, judged: Judged) -> None:
    source = "def change(rows, seen):\n    rows[0].append(9)\n    seen.add('x')\n    return rows\n"
    tests = """
    def check(candidate):
        row, seen = [1], set()
        rows = [row, row]
        result = candidate(rows, seen)
        assert row == [1, 9] and seen == {'x'}
        assert result is rows and rows[0] is rows[1] is row
    """
    assert run(sandbox, source, tests, "change", judged=judged).passed


def test_functions_pass_both_ways(sandbox: Sandbox, judged: Judged) -> None:
    source = "def compose(f, g):\n    return lambda x: f(g(x))\n"
    tests = """
    def check(candidate):
        calls = []
        def double(x):
            calls.append(x)
            return 2 * x
        assert candidate(double, lambda x: x + 1)(3) == 8
        assert calls == [4]
        assert candidate(len, str)(1234) == 4
    """
    assert run(sandbox, source, tests, "compose", judged=judged).passed


def test_generators_are_read_as_far_as_the_tests_want(sandbox: Sandbox, judged: Judged) -> None:
    source = "def count():\n    n = 0\n    while True:\n        yield n\n        n += 1\n"
    tests = """
    from itertools import islice
    def check(candidate):
        assert list(islice(candidate(), 5)) == [0, 1, 2, 3, 4]
        assert candidate() != [0, 1]
    """
    assert run(sandbox, source, tests, "count", judged=judged).passed


def test_exceptions_reach_the_tests_as_what_they_are(sandbox: Sandbox, judged: Judged) -> None:
    source = """
    class Own(KeyError): pass
    def fail(kind):
        if kind == 'own': raise Own('k')
        if kind == 'unicode': b'\\xff'.decode()
        if kind == 'exit': raise SystemExit(3)
        raise OSError(2, 'gone')
    """
    tests = """
    def check(candidate):
        for kind, expected in [('own', KeyError), ('unicode', ValueError), ('exit', SystemExit), ('os', OSError)]:
            try:
                candidate(kind)
            except expected as error:
                assert kind != 'own' or (type(error).__name__, error.args) == ('Own', ('k',))
                assert kind != 'os' or (error.errno, error.strerror) == (2, 'gone')
            else:
                assert False, kind
    """
    assert run(sandbox, source, tests, "fail", judged=judged).passed


def test_a_crash_is_no_exception_for_the_tests_to_swallow(sandbox: Sandbox) -> None:
    tests = """
    def check(candidate):
        for _ in range(3):
            try:
                candidate(1, 2)
            except BaseException:
                pass
    """
    assert run(sandbox, "import os\ndef add(a, b): os._exit(0)", tests).verdict == "crashed"
    assert run(sandbox, "def add(a, b): return object()", tests).verdict == "wrong_answer"
    assert run(sandbox, "x = 1 / 0", tests).verdict == "exception"
    assert run(sandbox, "def add(a, b): raise ValueError", tests).passed


def test_a_program_that_no_test_calls_must_still_run(sandbox: Sandbox) -> None:
    tests = "def check(candidate): pass\n"
    assert run(sandbox, RIGHT, tests).passed
    assert run(sandbox, RIGHT + "1 / 0\n", tests).verdict == "exception"


def test_a_program_without_tests_passes_when_it_ends(sandbox: Sandbox) -> None:
    assert run(sandbox, "x = 1", "", "").passed
    assert run(sandbox, "x = 1 / 0", "", "").verdict == "exception"
    assert run(sandbox, "x = 1", "assert x == 1", "").passed
    assert run(sandbox, "x = 1", "assert x == 2", "").detail == "assert x == 2"


def test_broken_tests_do_not_pass(sandbox: Sandbox, judged: Judged) -> None:
    assert run(sandbox, RIGHT, "def check(candidate:\n", judged=judged).detail.startswith("SyntaxError")
    assert run(sandbox, RIGHT, "x = 1\n", judged=judged).detail == "KeyError: 'check'"


def test_tests_that_do_not_end_are_stopped(hasty: Sandbox, judged: Judged) -> None:
    tests = "def check(candidate):\n    while True: pass\n"
    assert run(hasty, RIGHT, tests, judged=judged).verdict == "timed_out"
    assert run(hasty, RIGHT).passed


def test_tests_leave_nothing_behind_for_those_of_the_next_program(sandbox: Sandbox) -> None:
    changing = "import math\nmath.floor = lambda x: 7\nimport random\ndef check(candidate):\n    random.seed(5)\n"
    looking = (
        "import math, random\nlast = random.random()\ndef check(candidate):\n    assert (math.floor(1.5), last) == {}\n"
    )
    expected = (1, 0.8444218515250481)
    for _ in range(3):
        assert run(sandbox, RIGHT, changing).passed
        assert run(sandbox, RIGHT, looking.format(expected)).passed


def test_nothing_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
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
    # Where Python is installed beneath /tmp, that name does not lead to the program's own folder.
    writes = "import tempfile\nfor folder in ('.', tempfile.gettempdir()):\n    open(folder + '/left', 'a').close()"
    looks = "import os, tempfile\nassert os.listdir('.') == os.listdir(tempfile.gettempdir()) == []"
    assert run(sandbox, writes, "", "").passed
    assert run(sandbox, looks, "", "").passed
    assert not run(sandbox, f"{writes}\n{looks}", "", "").passed


def test_a_program_may_use_what_programs_use(sandbox: Sandbox) -> None:
    source = """
    import asyncio, json, multiprocessing, subprocess, sys, tempfile, threading
    from concurrent.futures import ThreadPoolExecutor

    async def wait():
        await asyncio.sleep(0)
        return 1

    def double(x):
        return 2 * x

    def everything():
        with tempfile.TemporaryDirectory() as folder, open(folder + '/x', 'w') as file:
            json.dump([1], file)
        with ThreadPoolExecutor(2) as pool:
            threads = list(pool.map(double, [1, 2]))
        with multiprocessing.get_context('fork').Pool(2) as pool:
            processes = pool.map(double, [1, 2])
        done = subprocess.run([sys.executable, '-S', '-c', 'print(1)'], capture_output=True, text=True)
        return [asyncio.run(wait()), threads, processes, done.stdout, done.stderr]
    """
    tests = "def check(candidate):\n    assert candidate() == [1, [2, 4], [2, 4], '1\\n', ''], candidate()\n"
    verdict = run(sandbox, source, tests, "everything")
    assert verdict.passed, verdict


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


def test_programs_that_loop_do_not_hold_up_the_others() -> None:
    looping = Program("def add(a, b):\n    while True: pass\n", TESTS, "add")
    others = [Program(RIGHT, TESTS, "add")] * 20
    with Sandbox(Limits(timeout_s=2.0)) as opened:
        started = time.monotonic()
        verdicts = opened.run_all([*[looping] * 3, *others], workers=1)
        took = time.monotonic() - started
    assert [verdict.verdict for verdict in verdicts] == ["timed_out"] * 3 + ["passed"] * 20
    # One after the other they would take 6 seconds.
    assert took < 5.0


def test_a_program_gets_its_share_however_many_loop_beside_it() -> None:
    looping = Program("def add(a, b):\n    while True: pass\n", TESTS, "add")
    source = (
        "import time\ndef add(a, b):\n    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n"
    )
    busy = Program(source + "    return a + b\n", "def check(c):\n    assert c(1, 1) == 2\n", "add")
    with Sandbox(Limits(timeout_s=1.0)) as opened:
        verdicts = opened.run_all([*[looping] * 5, *[busy] * 5], workers=1)
    assert [verdict.verdict for verdict in verdicts] == ["timed_out"] * 5 + ["passed"] * 5


def test_nothing_is_left_on_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n"
    with Sandbox(Limits(timeout_s=1.0)) as opened:
        opened.run_all([Program(source)], workers=1)
        inside = psutil.Process(opened._workers[0].process.pid)
        found = [inside, *inside.children(recursive=True)]
        assert len(found) >= 2
        assert len(os.listdir(tmp_path)) == 1
    assert [process for process in found if process.is_running()] == []
    assert os.listdir(tmp_path) == []


def test_everything_ends_when_hornbook_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox(Limits()) as opened:
        opened.run_all([Program("x = 1")], workers=1)
        worker = opened._workers[0]
        found = psutil.Process(worker.process.pid).children(recursive=True)
        worker.control.shutdown(2)
        assert worker.process.wait(timeout=10) == 0
        assert psutil.wait_procs(found, timeout=10)[1] == []


def test_a_missing_warm_import_is_named() -> None:
    with Sandbox(Limits(), warm_imports=("no_such_module",)) as opened, pytest.raises(MissingDependencyError) as caught:
        opened.run_all([Program("x = 1")], workers=1)
    assert "no_such_module" in str(caught.value)


def test_the_order_of_a_set_is_the_hash_seeds() -> None:
    source = "def order():\n    return list(set('abcdefgh'))"
    program = Program(source, "def check(candidate):\n    raise AssertionError(repr(candidate()))", "order")
    orders = []
    for seed in (0, 0, 1, 2):
        with Sandbox(Limits(), hash_seed=seed) as sandbox:
            (verdict,) = sandbox.run_all([program], workers=1)
            orders.append(verdict.detail)
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3
    assert {"".join(sorted(order)) for order in orders} == {"".join(sorted(orders[0]))}
