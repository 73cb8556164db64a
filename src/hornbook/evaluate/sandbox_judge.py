"""Runs a program and its tests in this process, and says how they did.

Loaded by `sandbox_worker` with builtins of its own; imports the standard library alone.
"""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

PROGRAM, TESTS = "<program>", "<tests>"
MAX_DETAIL_CHARS = 500
COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__len__", "__contains__")


def judge(source: str, tests: str, entry_point: str) -> tuple[str, str]:
    """Runs a program and its tests in this process: the verdict and its detail.

    `passed` has one way to be returned: `check` came back to this frame.
    """
    try:
        program_code = compile(source, PROGRAM, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return "syntax_error", f"{type(error).__name__}: {error}"
    tests_code = compile(tests, TESTS, "exec", dont_inherit=True, optimize=0)
    own_builtins = dict(vars(builtins))
    module = types.ModuleType("program")
    sys.modules["program"] = module
    namespace = vars(module)
    try:
        exec(program_code, namespace)
        # The tests see the program's names (HumanEval's use helpers of the prompt) but builtins of their own.
        scope = {name: value for name, value in namespace.items() if name not in own_builtins}
        scope.update({"__builtins__": own_builtins, "__name__": "tests", "PROGRAM_SOURCE": source})
        exec(tests_code, scope)
        if entry_point:
            if entry_point not in namespace:
                raise NameError(f"name {entry_point!r} is not defined")
            scope["check"](_guarded(namespace[entry_point]))
    except BaseException as error:
        return _explain(error, tests)
    return "passed", ""


def _guarded(candidate: Any) -> Any:
    """The function, refusing results whose own comparison would answer for the tests."""
    if not isinstance(candidate, types.FunctionType):
        return candidate

    def call(*args: Any, **kwargs: Any) -> Any:
        result = candidate(*args, **kwargs)
        _refuse_own_comparison(result)
        return result

    # By hand: functools.wraps trusts the builtins, which the program may have changed.
    call.__name__, call.__doc__ = candidate.__name__, candidate.__doc__
    call.__dict__["__wrapped__"] = candidate
    return call


class UntrustedResultError(AssertionError):
    """A result is of a class that says itself what it is equal to."""


def _refuse_own_comparison(result: Any) -> None:
    seen: set[int] = set()
    waiting = [result]
    while waiting and len(seen) < 100_000:
        value = waiting.pop()
        kind = type(value)
        if kind in (int, float, str, bool, type(None), bytes) or id(value) in seen:
            continue
        seen.add(id(value))
        for base in kind.__mro__:
            for name in COMPARISONS:
                code = getattr(base.__dict__.get(name), "__code__", None)
                if code is not None and code.co_filename == PROGRAM:
                    raise UntrustedResultError(f"the result's class {kind.__name__} defines {name} itself")
        if isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())


def _explain(error: BaseException, tests: str) -> tuple[str, str]:
    name = type(error).__name__
    if isinstance(error, UntrustedResultError):
        return "wrong_answer", str(error)
    trace, last = error.__traceback__, None
    while trace is not None:
        trace, last = trace.tb_next, trace
    if isinstance(error, AssertionError) and last is not None and last.tb_frame.f_code.co_filename == TESTS:
        lines = tests.splitlines()
        line = lines[last.tb_lineno - 1].strip() if last.tb_lineno <= len(lines) else ""
        # A test's own message says more than its line.
        return "wrong_answer", str(error)[:MAX_DETAIL_CHARS] or line
    return "exception", f"{name}: {str(error)[:MAX_DETAIL_CHARS]}"
