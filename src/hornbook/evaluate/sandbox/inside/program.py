"""The program's own process: runs the program, then answers calls, or (judged together) runs the tests.

Nothing here is trusted once the program has begun to run. Loaded with builtins of its own (see `start`), so that a
program that changes the builtins does not change what happens here.
"""

from __future__ import annotations

import builtins
import marshal
import sys
import types
from typing import Any

from hornbook.evaluate.sandbox.inside.judge import GIVEN, PROGRAM, TESTS, describe, explain
from hornbook.evaluate.sandbox.inside.peer import OverError, Peer

COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__len__", "__contains__")


def answer(channel: int) -> None:
    """Runs the program that the judge sends, and serves it until the judge is gone."""
    peer = Peer(channel, is_program=True)
    own_builtins = dict(vars(builtins))
    module = types.ModuleType("program")
    sys.modules["program"] = module
    namespace = vars(module)
    try:
        code, entry_point = peer.receive_program()
        try:
            exec(marshal.loads(code), namespace)
            if entry_point and entry_point not in namespace:
                raise NameError(f"name {entry_point!r} is not defined")
        except BaseException as error:
            peer.send("failed", describe(error))
            return
        candidates = [namespace[entry_point]] if entry_point else []
        for candidate in candidates:
            peer.export(candidate)
        peer.send("ran")
        frame = peer.receive()
        if frame[0] == "test":
            _run_tests(peer, namespace, own_builtins, candidates, frame)
            return
        while True:
            peer.serve(frame)
            frame = peer.receive()
    except OverError:
        return


def _run_tests(
    peer: Peer, namespace: dict[str, Any], own_builtins: dict[str, Any], candidates: list[Any], frame: list[Any]
) -> None:
    """Runs the tests beside the program: they see its names, but builtins of their own."""
    _, source, given, tests = frame
    scope = {name: value for name, value in namespace.items() if name not in own_builtins}
    scope.update({"__builtins__": own_builtins, "__name__": "tests", "PROGRAM_SOURCE": source})
    try:
        exec(compile(given, GIVEN, "exec", dont_inherit=True), scope)
        exec(compile(tests, TESTS, "exec", dont_inherit=True), scope)
        for candidate in candidates:
            scope["check"](_guarded(candidate))
    except UntrustedResultError as error:
        peer.send("failed", "wrong_answer", str(error))
    except BaseException as error:
        peer.send("failed", *explain(error, tests))
    else:
        peer.send("ended")
        _, nonce = peer.receive()
        peer.send("passed", nonce)


class UntrustedResultError(AssertionError):
    """A result is of a class that says itself what it is equal to."""


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
                if code is not None and code.co_filename.endswith((PROGRAM, "unittest/mock.py")):
                    raise UntrustedResultError(f"the result's class {kind.__name__} defines {name} itself")
        if isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
