"""Whether tests can leave something behind in the process that ran them, told from their code."""

from __future__ import annotations

import types

_MODULES = frozenset(
    {"bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq", "itertools"}
    | {"json", "math", "numpy", "operator", "random", "re", "statistics", "string", "typing"}
)
"""Modules that tests may import and leave as they were: what they keep is reset, or cannot be changed by a call."""
_REACHING = frozenset(
    {"breakpoint", "compile", "delattr", "eval", "exec", "getcontext", "globals", "input", "locals", "open", "seterr"}
    | {"set_printoptions", "setattr", "setcontext", "vars"}
    | {"__base__", "__bases__", "__builtins__", "__class__", "__closure__", "__code__", "__delattr__", "__dict__"}
    | {"__globals__", "__import__", "__self__", "__setattr__", "__subclasses__"}
)
_IMPORT, _EXTENDED, _STORE_ATTR, _DELETE_ATTR = "IMPORT_NAME", "EXTENDED_ARG", "STORE_ATTR", "DELETE_ATTR"


def is_tidy(code: types.CodeType) -> bool:
    """False where this could change more than its own names: then what ran it is not used again.

    Tests are no enemy, so this is not about what is possible at all (a cache filled by a call, say), but about what
    tests do: setting attributes, importing what has state, reaching for names by their text.
    """
    if not _REACHING.isdisjoint(code.co_names):
        return False
    return _is_harmless(code) and all(is_tidy(one) for one in code.co_consts if isinstance(one, types.CodeType))


def _is_harmless(code: types.CodeType) -> bool:
    from opcode import opmap

    stores = {opmap[_STORE_ATTR], opmap[_DELETE_ATTR]}
    imports, extended = opmap[_IMPORT], opmap[_EXTENDED]
    higher = 0
    for place in range(0, len(code.co_code), 2):
        operation, argument = code.co_code[place], code.co_code[place + 1] | higher
        higher = argument << 8 if operation == extended else 0
        if operation in stores:
            return False
        if operation == imports and code.co_names[argument].split(".")[0] not in _MODULES:
            return False
    return True
